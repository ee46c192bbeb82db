"""How good a moment is: quality (technical), interest (worth showing), hook (worth opening with).

Belongs here: turning measured figures into scores 0..1.
Does not belong here: limits below which footage is not used (faults), words for people
(describing).
"""

import math
from collections.abc import Sequence

from montage_pipeline.analysis.model import ClipAnalysis, QualityScores
from montage_pipeline.analysis.overlays import covered
from montage_pipeline.footage.measuring.boxes import WHOLE, upright_middle
from montage_pipeline.footage.measuring.measures import SpanMeasures
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.rules import HOOK_S, UNRELATED_BITS, differing_bits
from montage_pipeline.styles.model import FootageTaste

# Measured sharpness from mush to all that a good camera shows.
_BLURRED_AT, _SHARP_RANGE = 0.25, 0.55

# Bits per pixel of a keyframe: from mush to nothing to see of the codec.
_MUSHY_KEY_BITS, _CLEAN_KEY_BITS = 0.05, 1.0
_MIN_TRUE_DETAIL = 0.6  # of the sharpness: flat images, drawings and screens need few bits

_FULL_RESOLUTION_PX = 1080  # of the shorter side, from which resolution costs nothing
_SMOOTH_FPS = 20  # below that, movement stutters: webcams and time lapses
_MAX_OVERLAY_COST = 0.4  # what lies over the frame alone makes nothing worthless

# The smallest face counts half; from 15 % of the frame's height on, a face counts in full.
_SMALLEST_FACE_VALUE, _FACE_HEIGHT_RANGE = 0.5, 0.3

_PRESENCE, _LIKED = 0.5, 0.3
"""What there is to look at, and what a style likes of it, in a moment's interest; the rest is for
novelty. Of 25 labelled clips presence follows the editor's ranks (Spearman 0.3; its part that is
action 0.47), movement, colour, faces and speech by themselves do not.
"""

_SOMETHING_PRESENT = 0.2
"""Presence from which there is something to look at: of 25 labelled clips, those whose moments all
stay below half of it are a car park and trees passed by; a flat coast from a drone has 0.2.
"""

_ALL_MOVES = 0.67
"""Movement of the frame from which everything in it moves, as when a camera is carried past."""

_MAYBE_PASSING, _SURELY_PASSING = 0.5, 0.75
"""Up to the first nothing is said against a moment. A city from above, a waterfall and a time
lapse, which editors want, have 0.3 to 0.45 (of 31 clips that were labelled later), what a
camera was carried past 0.65 to 0.9.
"""

CAMERA_ONLY = 0.3
"""From there on (0..1) it is said, and a clip without a better moment is not missed in a Reel."""

_LOUD_VALUE = 0.7  # a loud moment is worth this much of one in which someone talks


def quality_scores(
    measures: SpanMeasures, novelty: float, key_bits: float | None = None
) -> QualityScores:
    """The figures of a stretch as scores; `novelty` comes from the other moments.

    `key_bits` are the bits per pixel of the clip's keyframes: where they are few, part of what
    looks sharp is the codec's blocks.
    """
    face_height = measures.face.height if measures.face else 0.0
    face_value = min(1.0, _SMALLEST_FACE_VALUE + face_height / _FACE_HEIGHT_RANGE)
    sharpness = _share((measures.sharpness - _BLURRED_AT) / _SHARP_RANGE)
    return QualityScores(
        sharpness=_share(sharpness * _true_detail(key_bits)),
        exposure=_share(measures.exposure),
        stability=_share(measures.stability),
        motion=_share(measures.motion),
        action=_share(measures.action),
        colour=_share(measures.colour),
        faces=_share(measures.face_share * face_value),
        living=_share(measures.shown_living),
        speech=_share(measures.speech),
        loud=_share(measures.loud),
        novelty=_share(novelty),
    )


def _true_detail(key_bits: float | None) -> float:
    """The share of the sharpness that the codec can have left; all of it when that is unknown."""
    low, high = _MUSHY_KEY_BITS, _CLEAN_KEY_BITS
    share = 1.0
    if key_bits is not None:
        share = _share(math.log(max(key_bits, low) / low) / math.log(high / low))
    return _MIN_TRUE_DETAIL + (1 - _MIN_TRUE_DETAIL) * share


def overlay_cost(measures: SpanMeasures) -> float:
    """What watermarks and text take off the quality, 0 to 0.4.

    Each costs something by being there, and more the more it covers of what every Reel shows.
    """
    crop = upright_middle(measures.facts)
    logo_share, text_share = covered(measures.logos, crop), covered(measures.writing, crop)
    logo = 0.08 + 2.0 * logo_share if logo_share else 0.0
    text = measures.writing_share * (0.08 + 1.5 * text_share) if text_share else 0.0
    return min(_MAX_OVERLAY_COST, logo + text)


def quality(scores: QualityScores, facts: ClipFacts, overlay_cost: float = 0.0) -> float:
    """The technical verdict: a weighted mean, drawn towards the weakest, less the overlays.

    One bad trait spoils a moment more than a mean would say.
    """
    picture = facts.picture or WHOLE
    shorter_px = min(picture.width * facts.width, picture.height * facts.height)
    weights = (
        (scores.sharpness, 0.40),
        (scores.exposure, 0.25),
        (scores.stability, 0.20),
        (_share(math.sqrt(shorter_px / _FULL_RESOLUTION_PX)), 0.15),
    )
    mean = sum(score * weight for score, weight in weights)
    weakest = min(scores.sharpness, scores.exposure, scores.stability)
    return _share((0.65 * mean + 0.35 * weakest) * (1 - overlay_cost) * smoothness(facts))


def smoothness(facts: ClipFacts) -> float:
    """How smoothly movement plays, 0..1."""
    return min(1.0, math.sqrt(float(facts.fps.fraction) / _SMOOTH_FPS))


def interest(scores: QualityScores, taste: FootageTaste) -> float:
    """How much a moment is worth showing in a style: what there is to look at, what that style
    likes, and a little novelty.
    """
    heard = max(scores.speech, _LOUD_VALUE * scores.loud)
    pleasing_motion = 1 - abs(scores.motion - taste.preferred_motion) / max(
        taste.preferred_motion, 1 - taste.preferred_motion
    )
    liked = (
        taste.motion * pleasing_motion
        + taste.faces * scores.faces
        + taste.colour * scores.colour
        + taste.speech * heard
    ) / (taste.motion + taste.faces + taste.colour + taste.speech)
    return _share(
        _PRESENCE * presence(scores) + _LIKED * liked + (1 - _PRESENCE - _LIKED) * scores.novelty
    )


def presence(scores: QualityScores) -> float:
    """How much there is to look at where the crop will be, 0..1: somebody, an action, or best of
    all somebody who acts.
    """
    return 1 - (1 - max(scores.faces, scores.living)) * (1 - scores.action)


def camera_only(analysis: ClipAnalysis) -> dict[str, float]:
    """How far each moment, by its id, shows nothing but a camera on its way, 0..1: the frame moves,
    nobody is in view and nothing acts.

    A camera at rest, or one that turns slowly over a landscape, is no such case: a view may be what
    there is to see. 0 in footage that somebody judged, who knows better, and in older documents, in
    which nobody was looked for.
    """
    moments = [moment for clip in analysis.clips for moment in clip.moments]
    known = any(moment.scores.living or moment.scores.action for moment in moments)
    measured = known and analysis.analyst.name == "local"
    return {moment.id: _passing(moment.scores) if measured else 0.0 for moment in moments}


def _passing(scores: QualityScores) -> float:
    missing = max(0.0, 1 - presence(scores) / _SOMETHING_PRESENT)
    passing = missing * min(1.0, scores.motion / _ALL_MOVES)
    return min(1.0, max(0.0, (passing - _MAYBE_PASSING) / (_SURELY_PASSING - _MAYBE_PASSING)))


def hook(scores: QualityScores, *, quality: float, duration_s: float, smooth: float) -> float:
    """How well a moment opens a Reel: somebody large in view, something that acts, and a clear and
    steady frame.

    Raw movement says little: foliage, water and a shaking camera move as well. A moment that is
    shorter than the hook counts for less, and so does one that stutters (`smooth`).
    """
    clear = scores.exposure * scores.stability
    # Of seven such sets of weights, those with more for who is in view opened labelled footage
    # better, and on what must never be shown less often.
    value = 0.5 * presence(scores) + 0.3 * clear + 0.2 * quality
    return _share(value * smooth * min(1.0, duration_s / HOOK_S))


def novelty(fingerprint: int, others: Sequence[int]) -> float:
    """Distance to the most alike of the others: 0 for the same frame, 1 for unrelated ones."""
    if not others:
        return 1.0
    return min(1.0, min(differing_bits(fingerprint, other) for other in others) / UNRELATED_BITS)


def _share(value: float) -> float:
    """Within 0..1, to four places, so that equal input gives equal documents."""
    return round(min(1.0, max(0.0, value)), 4)
