"""What makes footage unusable, and the measured figures that say so.

Belongs here: the limits, and the sentence for the user.
Does not belong here: measuring (footage), and how good usable footage is (scoring).
"""

from collections.abc import Callable
from typing import NamedTuple

from montage_pipeline.analysis.model import RejectCode, RejectReason
from montage_pipeline.footage.measuring.measures import StretchMeasures, area


class Fault(NamedTuple):
    """One way to be unusable.

    `lesser` faults are forgiven where a person has nothing better; a black picture never is.
    """

    code: RejectCode
    lesser: bool
    found: Callable[[StretchMeasures], bool]
    said: Callable[[StretchMeasures], str]


# Limits were set on phone, camcorder and web footage from 176x144 to 1080p at low bitrates: all of
# it that a
# person would call watchable passes. A blur of about 1 % of the picture's width, or shake of 2 % of
# it several
# times a second, does not.
BLACK_PEAK = 0.10
DARK_HIGHLIGHTS = 0.12
DARK_PEAK = 0.35
WHITE_SHARE = 0.40
WHITE_MEAN = 0.82
WHITE_CONTRAST = 0.50
FLAT_CONTRAST = 0.03
BLURRED_SHARPNESS = 0.40
SHAKY_STABILITY = 0.22
BORDER_SHARE = 0.50
LOGO_AREA = 0.06
TEXT_AREA = 0.10
TEXT_SHARE = 0.5
FROZEN_SHARE = 0.85

FAULTS: tuple[Fault, ...] = (
    Fault(
        "black",
        False,
        lambda m: m.peak < BLACK_PEAK,
        lambda m: f"the picture is black: its brightest parts reach {m.peak:.0%} of white",
    ),
    Fault(
        "dark",
        True,
        lambda m: m.highlights < DARK_HIGHLIGHTS and m.peak < DARK_PEAK,
        lambda m: (
            f"too dark: 95 % of the picture stays below {m.highlights:.0%} of white (limit {DARK_HIGHLIGHTS:.0%})"
        ),
    ),
    Fault(
        "overexposed",
        True,
        lambda m: (
            m.white_share > WHITE_SHARE
            and m.brightness > WHITE_MEAN
            and m.contrast < WHITE_CONTRAST
        ),
        lambda m: (
            f"overexposed: {m.white_share:.0%} of the picture is burnt out (limit {WHITE_SHARE:.0%})"
        ),
    ),
    Fault(
        "other",
        True,
        lambda m: m.contrast < FLAT_CONTRAST,
        lambda m: (
            f"there is next to nothing in the picture: its contrast is {m.contrast:.2f} (limit {FLAT_CONTRAST:.2f})"
        ),
    ),
    Fault(
        "frozen",
        True,
        lambda m: m.frozen_share > FROZEN_SHARE,
        lambda m: (
            f"the picture stands still for {m.frozen_share:.0%} of the time (limit {FROZEN_SHARE:.0%})"
        ),
    ),
    Fault(
        "borders",
        True,
        lambda m: m.border_share > BORDER_SHARE,
        lambda m: (
            f"borders are burnt in: they take {m.border_share:.0%} of the picture (limit {BORDER_SHARE:.0%})"
        ),
    ),
    Fault(
        "watermark",
        True,
        lambda m: area(m.logos) > LOGO_AREA,
        lambda m: (
            f"a logo or watermark takes {area(m.logos):.0%} of the picture (limit {LOGO_AREA:.0%})"
        ),
    ),
    Fault(
        "text",
        True,
        lambda m: m.writing_share >= TEXT_SHARE and area(m.writing) > TEXT_AREA,
        lambda m: f"writing takes {area(m.writing):.0%} of the picture (limit {TEXT_AREA:.0%})",
    ),
    Fault(
        "blurred",
        True,
        lambda m: m.sharpness < BLURRED_SHARPNESS,
        lambda m: (
            f"blurred: sharpness {m.sharpness:.2f} (at least {BLURRED_SHARPNESS:.2f} is needed)"
        ),
    ),
    Fault(
        "shaky",
        True,
        lambda m: m.stability < SHAKY_STABILITY,
        lambda m: f"shaky: stability {m.stability:.2f} (at least {SHAKY_STABILITY:.2f} is needed)",
    ),
)

LESSER_CODES = frozenset(fault.code for fault in FAULTS if fault.lesser) | {"too_short"}


def first_fault(measures: StretchMeasures) -> RejectCode | None:
    """The gravest fault of a stretch, or None."""
    return next((fault.code for fault in FAULTS if fault.found(measures)), None)


def reasons(measures: StretchMeasures) -> tuple[RejectReason, ...]:
    """Every fault of a stretch, gravest first, each with its figure."""
    return tuple(
        RejectReason(code=fault.code, message=fault.said(measures))
        for fault in FAULTS
        if fault.found(measures)
    )


def too_short(duration_s: float, least_s: float) -> RejectReason:
    """A stretch that no cut fits into."""
    return RejectReason(
        code="too_short",
        message=f"too short: {duration_s:.2f} s (at least {least_s:.1f} s is needed)",
    )
