"""How much slower a stretch plays that is too short for a cut.

Belongs here: the shortest cut there is on the beat, and the speed that a stretch needs for it. Does
not belong here: what becomes of the stretch (`offers`).
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np

from montage_pipeline.editing.packing import CutRules
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span

_MIN_LITTLE_SLOWER = 0.97
"""Speed down to which nobody notices: a walk is no slower, and a voice keeps its pitch."""

_MIN_SLOW_MOTION = 0.49
"""The slowest there is: half speed, for frame rates that are a little less than they say. Slower
footage is an effect, which nobody asked for.
"""

_MIN_SLOWED_FPS = 48
"""Frame rate from which clips have frames to spare for slow motion: with 30 a second in the Reel,
every one of its frames is then another one that was filmed, down to 5/8 of the speed.
"""

_MAX_SLOWED_SPEECH = 0.5
"""Speech score from which footage is not shown in slow motion: who talks would be dumb."""

_BEAT_SPARE = 1
"""Frames beyond the shortest cut that a slowed stretch should have: beats fall between frames, so
that from one to another it may be a frame more.
"""

_LAST_BEFORE = 1
"""Frames before the shortest allowed length from which the next beat is in time."""


def shortest_on_beat(beats_s: Sequence[float], rules: CutRules, fps: Fraction) -> int:
    """Frames of the shortest allowed cut from one beat to another; without a beat within the
    longest allowed cut, of the shortest allowed cut.
    """
    if len(beats_s) < 2:
        return rules.min_frames
    beat = float(np.median(np.diff(beats_s))) * float(fps)
    if beat <= 0:
        return rules.min_frames
    frames = round(ceil((rules.min_frames - _LAST_BEFORE) / beat) * beat)
    return max(rules.min_frames, frames) if frames <= rules.max_frames else rules.min_frames


def speed_for(
    facts: ClipFacts, span: Span, needed: int, fps: Fraction, speech: float
) -> float | None:
    """The highest speed (1: the clip's own) at which a span lasts `needed` frames; None without.

    `speech` (0..1) is how much of the span someone talks.
    """
    frames = span.duration_s * float(fps)
    if frames >= needed:
        return 1.0
    for wanted in (needed + _BEAT_SPARE, needed):
        if frames / wanted >= _MIN_LITTLE_SLOWER:
            return min(1.0, frames / wanted)
    if speech >= _MAX_SLOWED_SPEECH:
        return None
    return next(
        (speed for speed in _slow_motion(facts, fps) if frames / speed >= needed + _BEAT_SPARE),
        None,
    )


def _slow_motion(facts: ClipFacts, fps: Fraction) -> list[float]:
    """Speeds at which every frame of the Reel is another one of the clip, evenly apart; the highest
    first.
    """
    rate = facts.fps.fraction
    if rate < _MIN_SLOWED_FPS or facts.variable_frame_rate or facts.interlaced:
        return []
    steps = range(ceil(rate / fps) - 1, 0, -1)
    speeds = (float(step * fps / rate) for step in steps)
    return [speed for speed in speeds if _MIN_SLOW_MOTION <= speed < 1]
