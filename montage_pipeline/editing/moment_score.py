"""How much a style likes a moment, by itself.

Belongs here: the score of one moment, term by term. Does not belong here: how often footage was
seen, chance, or what a moment is worth at a place in an edit (`footage_line`, `optimizer`).
"""

from math import log2
from typing import NamedTuple

from montage_pipeline.analysis.model import Moment
from montage_pipeline.analysis.overlays import covered
from montage_pipeline.editing.framing.crops import middle_crop
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.styles.model import EditTaste
from montage_pipeline.vocabulary import FrameSize

_JUDGED_INTEREST = 8
"""Times the weight of interest where somebody judged it: as it stands, 40 of Claude's 100 points
would be worth 0.14 points a cut, less than chance. Measured interest is no such judgement.
"""

_MEASURED_TASTE, _MEASURED_QUALITY = 0.5, 1.5
"""Times the weights of colour and faces, and of quality, where nobody judged the footage. Measured
colour and faces do not follow an editor's ranks (Spearman -0.25 to 0.06 over 25 clips), quality and
the sharpness of the crop together do (0.4), and with what there is to look at better (0.5); so
tastes decide between clips of about the same quality.
"""

_UNSEEN = 3.0
"""Points lost by a moment that nobody looked at, where others were judged: with what these gain by
their interest, enough that it is shown only where they run out.
"""

_SPEECH = 0.05
"""Points for someone speaking: below every taste of a style, so that it decides between equals."""

_OVERLAYS, _OVERLAY_AREA = 0.5, 1.5
"""Points lost to a watermark or text that the crop shows, in the size of what a style gives for
interest, and those lost to one all over it. Such footage was published before.
"""

_BEST = 0.15
"""Points for the best of the analysis's `best_moments`, falling to next to nothing for the last.
A ranking of whole moments knows what the single scores miss; it should tip the scales, not weigh
more than they do.
"""

_SOFT = 0.2
"""Share of its score that a moment keeps when it is enlarged beyond all sharpness. Delivered
resolution follows an editor's ranks better than anything else that can be measured.
"""

_SHARP_UP_TO, _DOUBLINGS = 1.5, 2.2
"""Enlarging that nobody sees, and after how many doublings of it (7 times in all) a frame is mush.
"""

CAMERA_ONLY_COST = 0.9
"""Share of what is left of its points that a moment loses when nothing but the camera moves in it:
nearly all, however sharp it is. Where clips outnumber places such clips took those of better ones:
docs/benchmarks.md has Reels with and without this.
"""

_UNKNOWN_SCALE = 0.5
"""Subject height where no subject is known: neither near nor far."""


class MomentScore(NamedTuple):
    """The points of a moment for a cut of the reference length, about 0..1.3 in all."""

    interest: float
    quality: float
    colour: float
    faces: float
    stability: float
    speech: float
    overlays: float
    """Lost to overlays: 0 or less."""
    framing: float
    """Lost because the crop must be enlarged: 0 or less."""
    camera_only: float
    """Lost because nobody is in view and only the camera moves: 0 or less."""
    best: float
    """For being one of the analysis's best moments."""
    unseen: float
    """Lost because nobody looked at it while others were judged: 0 or less."""
    total: float


class Delivered(NamedTuple):
    """What the crop makes of a moment: how sharp it can look, and the share of it under overlays,
    both 0..1.
    """

    sharpness: float
    overlaid: float


def moment_score(
    moment: Moment,
    taste: EditTaste,
    delivered: Delivered,
    rank: float | None,
    *,
    judged: bool = False,
    camera_only: float = 0.0,
) -> MomentScore:
    """The score of a moment.

    `delivered` is what its crop shows; `rank` is its place among the best moments, 0 (first) to 1,
    or None when it is not one of them; `judged` says whether somebody judged the footage; what of
    it was not looked at counts as measured, and less. `camera_only` is how far nothing but the
    camera moves, 0..1.
    """
    scores = moment.scores
    seen = judged and was_judged(moment)
    interest = taste.interest * moment.interest * (_JUDGED_INTEREST if seen else 1)
    quality = taste.quality * moment.quality * (1 if judged else _MEASURED_QUALITY)
    colour = taste.colour * scores.colour * (1 if judged else _MEASURED_TASTE)
    faces = taste.faces * scores.faces * (1 if judged else _MEASURED_TASTE)
    stability = taste.stability * scores.stability
    speech = _SPEECH * scores.speech
    overlays = -(_OVERLAYS + _OVERLAY_AREA * delivered.overlaid) if delivered.overlaid else 0.0
    best = 0.0 if rank is None else _BEST * (1 - rank)
    unseen = -_UNSEEN if judged and not seen else 0.0

    liked = interest + quality + colour + faces + stability + speech + overlays
    framed = liked * (_SOFT + (1 - _SOFT) * delivered.sharpness)
    nothing_seen = -CAMERA_ONLY_COST * camera_only * max(0.0, framed)
    return MomentScore(
        interest=interest,
        quality=quality,
        colour=colour,
        faces=faces,
        stability=stability,
        speech=speech,
        overlays=overlays,
        framing=framed - liked,
        camera_only=nothing_seen,
        best=best,
        unseen=unseen,
        total=framed + nothing_seen + best + unseen,
    )


def was_judged(moment: Moment) -> bool:
    """Whether somebody looked at a moment; older documents tell it by its role only."""
    return moment.judged or moment.role is not None


def delivered_sharpness(facts: ClipFacts, size: FrameSize) -> float:
    """How sharp a clip can look in a Reel of that size, 0..1, by how much its crop is enlarged.

    1 up to `_SHARP_UP_TO` times, falling with every doubling; nothing is left `_DOUBLINGS` further.
    """
    enlarged = size.width / middle_crop(facts, size).width
    doublings = log2(max(enlarged, _SHARP_UP_TO) / _SHARP_UP_TO)
    return max(0.0, 1 - doublings / _DOUBLINGS)


def delivered_as(moment: Moment, facts: ClipFacts, size: FrameSize) -> Delivered:
    """What the crop of a Reel of that size makes of a moment."""
    boxes = [overlay.box for overlay in moment.overlays]
    return Delivered(delivered_sharpness(facts, size), covered(boxes, crop_box(facts, size)))


def crop_box(facts: ClipFacts, size: FrameSize) -> Box:
    """The crop of the middle, in shares of the frame: few segments leave it."""
    crop = middle_crop(facts, size)
    return Box(
        x=crop.x / facts.width,
        y=crop.y / facts.height,
        width=crop.width / facts.width,
        height=crop.height / facts.height,
    )


def subject_scale(moment: Moment) -> float:
    """Share of the frame's height that the subject takes; 0.5 when unknown."""
    return moment.subject.height if moment.subject else _UNKNOWN_SCALE
