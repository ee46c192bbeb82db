"""Scores in words, for people who look at a storyboard."""

from montage_pipeline.analysis.model import QualityScores

# From where on a word is used. Limits of speech, not verdicts: nothing is decided by them.
_STEADY, _RESTLESS = 0.8, 0.45  # stability
_LIVELY, _STILL = 0.5, 0.12  # motion
_FACES, _SPEECH, _LOUD, _VIVID = 0.3, 0.5, 0.5, 0.8


def description(scores: QualityScores) -> str:
    """The scores of a moment in a few words."""
    words = [_camera(scores.stability), _action(scores.motion)]
    if scores.faces >= _FACES:
        words.append("a face")
    if scores.speech >= _SPEECH:
        words.append("speech")
    elif scores.loud >= _LOUD:
        words.append("loud sound")
    if scores.colour >= _VIVID:
        words.append("vivid colour")
    return ", ".join(words)


def _camera(stability: float) -> str:
    if stability >= _STEADY:
        return "steady camera"
    return "moving camera" if stability >= _RESTLESS else "restless camera"


def _action(motion: float) -> str:
    if motion >= _LIVELY:
        return "lively"
    return "some movement" if motion >= _STILL else "still"
