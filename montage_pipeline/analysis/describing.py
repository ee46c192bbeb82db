"""What a moment shows, in words, for people who look at a storyboard.

A detector knows a person from an animal and a few kinds of things, no more: who does what is only
said where somebody looked (Claude).
"""

from montage_pipeline.analysis.model import QualityScores
from montage_pipeline.footage.measuring.boxes import upright_middle
from montage_pipeline.footage.measuring.measures import SpanMeasures
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.vocabulary import Format

# From where on a word is used. Limits of speech, not verdicts: nothing is decided by them.
_STEADY, _RESTLESS = 0.8, 0.45  # stability
_LIVELY, _STILL = 0.5, 0.12  # motion
_FACES, _SPEECH, _LOUD, _VIVID = 0.3, 0.5, 0.5, 0.8
_CLOSE_FACE = 0.35  # of the frame's height: there is little else to see
_FILLING, _DISTANT = 0.8, 0.25  # size of a person or an animal
_SHARP, _SOFT = 0.7, 0.25
_MAX_SHARP_ENLARGED = 2.7  # times, in an upright Reel: what is enlarged more looks soft there

_SHOTS = {
    "lively": "a lively shot",
    "some movement": "a shot with some movement",
    "still": "a still shot",
}
"""What is called by how much moves in it, where nothing is known by name."""

_COUNTS = ("nobody", "a person", "two people", "three people")


def description(measures: SpanMeasures, scores: QualityScores) -> str:
    """What is seen in a moment, how well, and what it sounds like, in a few words."""
    subject, action = _subject(measures, scores), _action(scores.motion)
    words = subject or [_SHOTS[action]]
    if scores.sharpness <= _SOFT:
        words.append("soft")
    elif scores.sharpness >= _SHARP and _enlarged(measures.facts) <= _MAX_SHARP_ENLARGED:
        words.append("sharp")
    if subject:
        words.append(action)
    words.append(_camera(scores.stability))
    if scores.speech >= _SPEECH:
        words.append("speech")
    elif scores.loud >= _LOUD:
        words.append("loud sound")
    if scores.colour >= _VIVID:
        words.append("vivid colour")
    return ", ".join(words)


def _subject(measures: SpanMeasures, scores: QualityScores) -> list[str]:
    """Who or what is seen and how large; nothing where the detector knows nothing by name."""
    face = measures.face if scores.faces >= _FACES else None
    if face is not None and face.height >= _CLOSE_FACE and measures.people <= 1:
        return [_joined(["a face, close", *measures.things])]

    living = _living(measures, with_face=face is not None)
    seen = [*living, *measures.things]
    if not living:
        return [_joined(seen)] if seen else []
    if measures.living >= _FILLING:
        return [_joined(seen), "filling the frame"]
    return [_joined(seen), *(["far away"] if measures.living <= _DISTANT else [])]


def _enlarged(facts: ClipFacts) -> float:
    """How many times the middle of a clip is enlarged to fill an upright Reel."""
    return Format.REEL.frame_size.width / (upright_middle(facts).width * facts.width)


def _living(measures: SpanMeasures, *, with_face: bool) -> list[str]:
    people = max(measures.people, int(with_face))  # a face belongs to somebody
    counted = _COUNTS[people] if people < len(_COUNTS) else "many people"
    return [*([counted] if people else []), *(["an animal"] if measures.with_animal else [])]


def _joined(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _camera(stability: float) -> str:
    if stability >= _STEADY:
        return "steady camera"
    return "moving camera" if stability >= _RESTLESS else "restless camera"


def _action(motion: float) -> str:
    if motion >= _LIVELY:
        return "lively"
    return "some movement" if motion >= _STILL else "still"
