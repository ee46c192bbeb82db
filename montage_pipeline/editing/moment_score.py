"""How much a style likes a moment, by itself.

Belongs here: the score of one moment, term by term. Does not belong here: how often footage was
seen, chance, or what a moment is worth at a place in an edit (`footage_line`, `optimizer`).
"""

from typing import NamedTuple

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.reframe import crop_for, kept_share
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.styles.model import EditTaste
from montage_pipeline.vocabulary import FrameSize

_SPEECH = 0.05
"""Points for someone speaking: below every taste of a style, so that it decides between equals."""

_OVERLAYS = 0.5
"""Points lost to a watermark or text over the frame, in the size of what a style gives for
interest. Such footage was published before.
"""

_BEST = 0.15
"""Points for the best of the analysis's `best_moments`, falling to next to nothing for the last.
A ranking of whole moments knows what the single scores miss; it should tip the scales, not weigh
more than they do.
"""

_WITHOUT_SUBJECT = 0.6
"""Share of its score that a moment keeps when no crop can show its subject."""

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
    """Lost because the format's crop fits the moment badly: 0 or less."""
    best: float
    """For being one of the analysis's best moments."""
    total: float


def moment_score(
    moment: Moment, taste: EditTaste, framing: float, rank: float | None
) -> MomentScore:
    """The score of a moment.

    `framing` is its `framing_share`; `rank` is its place among the best moments, 0 (first) to 1, or
    None when it is not one of them.
    """
    scores = moment.scores
    interest = taste.interest * moment.interest
    quality = taste.quality * moment.quality
    colour = taste.colour * scores.colour
    faces = taste.faces * scores.faces
    stability = taste.stability * scores.stability
    speech = _SPEECH * scores.speech
    overlays = -_OVERLAYS if moment.overlays else 0.0
    best = 0.0 if rank is None else _BEST * (1 - rank)

    liked = interest + quality + colour + faces + stability + speech + overlays
    framed = liked * (_WITHOUT_SUBJECT + (1 - _WITHOUT_SUBJECT) * framing)
    return MomentScore(
        interest=interest,
        quality=quality,
        colour=colour,
        faces=faces,
        stability=stability,
        speech=speech,
        overlays=overlays,
        framing=framed - liked,
        best=best,
        total=framed + best,
    )


def framing_share(facts: ClipFacts, moment: Moment, size: FrameSize) -> float:
    """How well a moment fits the format, 0..1.

    The share of its subject that the crop keeps, less where a small crop must be enlarged.
    """
    if moment.subject is None:
        crop, kept = crop_for(facts, size, faces=moment.scores.faces), 1.0
    else:
        crop = crop_for(facts, size, ((moment.subject, 1.0),), faces=moment.scores.faces)
        kept = kept_share(facts, crop, moment.subject)
    return kept * min(1.0, 0.5 + crop.width / size.width)


def subject_scale(moment: Moment) -> float:
    """Share of the frame's height that the subject takes; 0.5 when unknown."""
    return moment.subject.height if moment.subject else _UNKNOWN_SCALE
