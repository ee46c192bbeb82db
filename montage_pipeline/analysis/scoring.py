"""How good a moment is: quality (technical), interest (worth showing) and hook (worth opening
with).

Belongs here: turning measured figures into scores 0..1.
Does not belong here: limits below which footage is not used (faults).
"""

import math

from montage_pipeline.analysis.model import QualityScores
from montage_pipeline.footage.measuring.measures import StretchMeasures, area
from montage_pipeline.footage.measuring.subject import person_around
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.rules import HOOK_S
from montage_pipeline.styles.model import FootageTaste

_FULL_HEIGHT_PIXELS = 1080  # of the shorter side, from which resolution costs nothing
_KEY_BITS = (0.05, 1.0)  # per pixel of a key frame: from mush to nothing to see of the codec
_LEAST_DETAIL = 0.6  # of the sharpness: flat pictures, drawings and screens need few bits
_LOUD_COUNTS = 0.7  # a loud moment is worth this much of one in which someone talks


def quality_scores(
    measures: StretchMeasures, novelty: float, key_bits: float | None = None
) -> QualityScores:
    """The figures of a stretch as the scores of the contract. `novelty` is told by the other
    moments.

    `key_bits` are the bits per pixel of the clip's key frames: where they are few, part of what
    looks sharp is the codec's blocks.
    """
    face_size = measures.face.height if measures.face else 0.0
    return QualityScores(
        sharpness=_share(_share((measures.sharpness - 0.25) / 0.55) * _true_detail(key_bits)),
        exposure=_share(measures.exposure),
        stability=_share(measures.stability),
        motion=_share(measures.motion),
        colour=_share(measures.colour),
        faces=_share(measures.face_share * min(1.0, 0.5 + face_size / 0.3)),
        speech=_share(measures.speech),
        loud=_share(measures.loud),
        novelty=_share(novelty),
    )


def _true_detail(key_bits: float | None) -> float:
    low, high = _KEY_BITS
    share = (
        1.0
        if key_bits is None
        else _share(math.log(max(key_bits, low) / low) / math.log(high / low))
    )
    return _LEAST_DETAIL + (1 - _LEAST_DETAIL) * share


def overlay_cost(measures: StretchMeasures) -> float:
    """What borders, logos and writing take off the quality, 0 to 0.4: more the more of the picture
    they cover.
    """
    borders = 0.05 + 0.2 * measures.border_share if measures.border_share else 0.0
    logo = 0.08 + 2.0 * area(measures.logos) if measures.logos else 0.0
    text = measures.writing_share * (0.08 + 1.5 * area(measures.writing))
    return min(0.4, borders + logo + text)


def quality(scores: QualityScores, facts: ClipFacts, overlaid: float = 0.0) -> float:
    """Technical verdict: the mean of what matters, drawn towards the weakest of them, less what
    lies over the picture.
    """
    resolution = _share(math.sqrt(min(facts.width, facts.height) / _FULL_HEIGHT_PIXELS))
    parts = (
        (scores.sharpness, 0.40),
        (scores.exposure, 0.25),
        (scores.stability, 0.20),
        (resolution, 0.15),
    )
    mean = sum(part * weight for part, weight in parts)
    return _share(
        (0.65 * mean + 0.35 * min(scores.sharpness, scores.exposure, scores.stability))
        * (1 - overlaid)
    )


def interest(scores: QualityScores, taste: FootageTaste) -> float:
    """How much a moment is worth showing in a style."""
    heard = max(scores.speech, _LOUD_COUNTS * scores.loud)
    pleasing_motion = 1 - abs(scores.motion - taste.preferred_motion) / max(
        taste.preferred_motion, 1 - taste.preferred_motion
    )
    liked = (
        taste.motion * pleasing_motion
        + taste.faces * scores.faces
        + taste.colour * scores.colour
        + taste.speech * heard
    ) / (taste.motion + taste.faces + taste.colour + taste.speech)
    return _share(0.8 * liked + 0.2 * scores.novelty)


def hook(scores: QualityScores, *, quality: float, interest: float, duration_s: float) -> float:
    """How well a moment opens a Reel: interesting, clean, and with something going on from the
    first frame.
    """
    action = max(scores.motion, 0.9 * scores.faces)
    value = 0.40 * interest + 0.30 * action + 0.20 * quality + 0.10 * scores.colour
    return _share(value * min(1.0, duration_s / HOOK_S))


def novelty(fingerprint: int, others: list[int]) -> float:
    """Distance to the most alike of the other moments: 0 for the same picture, 1 for an unrelated
    one.
    """
    if not others:
        return 1.0
    return min(1.0, min((fingerprint ^ other).bit_count() for other in others) / 24)


def subject(measures: StretchMeasures) -> Box | None:
    """Where to look: the face with its shoulders, else where the movement is, else nowhere in
    particular.
    """
    face = measures.face
    if face is not None and measures.face_share >= 0.3:
        return person_around(face)
    return measures.moving


def description(scores: QualityScores) -> str:
    """The scores in a few words, for people who look at a storyboard."""
    camera = (
        "steady camera"
        if scores.stability >= 0.8
        else "moving camera"
        if scores.stability >= 0.45
        else "restless camera"
    )
    action = (
        "lively" if scores.motion >= 0.5 else "some movement" if scores.motion >= 0.12 else "still"
    )
    words = [camera, action]
    if scores.faces >= 0.3:
        words.append("a face")
    if scores.speech >= 0.5:
        words.append("speech")
    elif scores.loud >= 0.5:
        words.append("loud sound")
    if scores.colour >= 0.8:
        words.append("vivid colour")
    return ", ".join(words)


def _share(value: float) -> float:
    """Within 0..1, to four places, so that equal input gives equal documents."""
    return round(min(1.0, max(0.0, value)), 4)
