"""What makes footage unusable, and the measured figures that say so.

Belongs here: the limits, and the sentence for the user.
Does not belong here: measuring (footage), how good usable footage is (scoring).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from montage_pipeline.analysis.model import Moment, RejectCode, RejectReason
from montage_pipeline.analysis.overlays import covered, place
from montage_pipeline.footage.measuring.boxes import upright_middle
from montage_pipeline.footage.measuring.measures import SpanMeasures
from montage_pipeline.footage.model import Box


class Fault(NamedTuple):
    """One way to be unusable: `found` decides, `message` names the figure.

    Faults that are `forgivable` are forgiven where a person has nothing better.
    """

    code: RejectCode
    forgivable: bool
    found: Callable[[SpanMeasures], bool]
    message: Callable[[SpanMeasures], str]


# The limits were set on phone, camcorder and web footage from 176x144 to 1080p at low bitrates: all
# of it that a person would call watchable passes. A blur of about 1 % of the frame's width, or
# shake of 2 % of it several times a second, does not.

# Levels are shares of white. `peak` is the level of the brightest 0.5 %, `highlights` of the
# brightest 5 %.
BLACK_PEAK = 0.10
DARK_HIGHLIGHTS = 0.12
DARK_PEAK = 0.35  # a lamp or a fire brighter than this makes a night scene, not a dark one

# Burnt out, bright all over, and without the contrast that a backlit scene still has.
WHITE_SHARE = 0.40
WHITE_MEAN = 0.82
WHITE_CONTRAST = 0.50

FLAT_CONTRAST = 0.03  # a wall or a pocket: the brightest and the darkest 5 % are next to the same
BLURRED_SHARPNESS = 0.40
SHAKY_STABILITY = 0.22
FROZEN_SHARE = 0.85  # of the time
MIN_SIDE_PX = 120  # the thumbnails of old phones: enlarged to a Reel, nothing is left to see

# Shares of what every Reel shows of the frame. Less costs points, and nothing outside it does.
LOGO_AREA = 0.06
TEXT_AREA = 0.10
TEXT_SHARE = 0.5  # of the time


def _shown_share(measures: SpanMeasures, boxes: tuple[Box, ...]) -> float:
    return covered(boxes, upright_middle(measures.facts))


def _overlay_message(
    what: str, measures: SpanMeasures, boxes: tuple[Box, ...], limit: float
) -> str:
    crop = upright_middle(measures.facts)
    share = covered(boxes, crop)
    return f"{what} lies {place(boxes, crop)}, {share:.0%} of the crop (maximum {limit:.0%})"


FAULTS: tuple[Fault, ...] = (
    Fault(
        "black",
        forgivable=False,
        found=lambda m: m.peak < BLACK_PEAK,
        message=lambda m: f"black: the brightest parts of the frame reach {m.peak:.0%} of white",
    ),
    Fault(
        "dark",
        forgivable=True,
        found=lambda m: m.highlights < DARK_HIGHLIGHTS and m.peak < DARK_PEAK,
        message=lambda m: (
            f"too dark: 95 % of the frame stays below {m.highlights:.0%} of white "
            f"(minimum {DARK_HIGHLIGHTS:.0%})"
        ),
    ),
    Fault(
        "overexposed",
        forgivable=True,
        found=lambda m: (
            m.white_share > WHITE_SHARE
            and m.brightness > WHITE_MEAN
            and m.contrast < WHITE_CONTRAST
        ),
        message=lambda m: (
            f"overexposed: {m.white_share:.0%} of the frame is burnt out "
            f"(maximum {WHITE_SHARE:.0%})"
        ),
    ),
    Fault(
        "other",
        forgivable=True,
        found=lambda m: m.contrast < FLAT_CONTRAST,
        message=lambda m: (
            f"next to nothing to see: contrast {m.contrast:.2f} (minimum {FLAT_CONTRAST:.2f})"
        ),
    ),
    Fault(
        "frozen",
        forgivable=True,
        found=lambda m: m.frozen_share > FROZEN_SHARE,
        message=lambda m: (
            f"frozen: the frame stands still for {m.frozen_share:.0%} of the time "
            f"(maximum {FROZEN_SHARE:.0%})"
        ),
    ),
    Fault(
        "blurred",
        forgivable=True,
        found=lambda m: m.shorter_px < MIN_SIDE_PX,
        message=lambda m: (
            f"too small: {m.shorter_px} pixels on the shorter side (minimum {MIN_SIDE_PX})"
        ),
    ),
    Fault(
        "watermark",
        forgivable=True,
        found=lambda m: _shown_share(m, m.logos) > LOGO_AREA,
        message=lambda m: _overlay_message("a watermark", m, m.logos, LOGO_AREA),
    ),
    Fault(
        "text",
        forgivable=True,
        found=lambda m: m.writing_share >= TEXT_SHARE and _shown_share(m, m.writing) > TEXT_AREA,
        message=lambda m: _overlay_message("text", m, m.writing, TEXT_AREA),
    ),
    Fault(
        "blurred",
        forgivable=True,
        found=lambda m: m.sharpness < BLURRED_SHARPNESS,
        message=lambda m: f"blurred: sharpness {m.sharpness:.2f} (minimum {BLURRED_SHARPNESS:.2f})",
    ),
    Fault(
        "shaky",
        forgivable=True,
        found=lambda m: m.stability < SHAKY_STABILITY,
        message=lambda m: f"shaky: stability {m.stability:.2f} (minimum {SHAKY_STABILITY:.2f})",
    ),
)
"""Gravest first."""

_MAX_REASONS = 3  # named for one clip: more tell nothing new

FORGIVABLE_CODES = frozenset(fault.code for fault in FAULTS if fault.forgivable) | {"too_short"}


def first_fault(measures: SpanMeasures) -> RejectCode | None:
    """The gravest fault of a stretch, or None."""
    return next((fault.code for fault in FAULTS if fault.found(measures)), None)


def reasons(measures: SpanMeasures) -> tuple[RejectReason, ...]:
    """Every fault of a stretch, gravest first, each with its figure."""
    return tuple(
        RejectReason(code=fault.code, message=fault.message(measures))
        for fault in FAULTS
        if fault.found(measures)
    )


def why_unusable(moments: Sequence[Moment]) -> str:
    """Why nothing of a clip can be used whose moments were all rejected."""
    if not moments:
        return "no shot in it is long enough"
    # One sentence for each kind of fault: the figures differ from moment to moment.
    by_code = {reason.code: reason.message for moment in moments for reason in moment.rejects}
    listed = "; ".join(list(by_code.values())[:_MAX_REASONS])
    if len(moments) == 1:
        return f"its only moment was rejected: {listed}"
    return f"all of its {len(moments)} moments were rejected: {listed}"


def too_short(duration_s: float, min_s: float) -> RejectReason:
    """The reason for a stretch that no cut fits into."""
    return RejectReason(
        code="too_short", message=f"too short: {duration_s:.2f} s (minimum {min_s:.1f} s)"
    )
