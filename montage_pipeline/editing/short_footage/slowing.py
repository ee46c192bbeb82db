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
from montage_pipeline.rules import MAX_CUT_S, MIN_UNSEEN_SLOWING
from montage_pipeline.spans import Span

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
        if frames / wanted >= MIN_UNSEEN_SLOWING:
            return min(1.0, frames / wanted)
    if speech >= _MAX_SLOWED_SPEECH:
        return None
    return next(
        (speed for speed in _slow_motion(facts, fps) if frames / speed >= needed + _BEAT_SPARE),
        None,
    )


def longest_shown_s(facts: ClipFacts) -> float:
    """The most seconds of a Reel that a clip can fill, if all of it is usable."""
    if facts.duration_s >= MAX_CUT_S or not _has_frames_to_spare(facts):
        return facts.duration_s
    return facts.duration_s / _MIN_SLOW_MOTION


def _has_frames_to_spare(facts: ClipFacts) -> bool:
    even = not (facts.variable_frame_rate or facts.interlaced)
    return even and facts.fps.fraction >= _MIN_SLOWED_FPS


def _slow_motion(facts: ClipFacts, fps: Fraction) -> list[float]:
    """Speeds at which every frame of the Reel is another one of the clip, evenly apart; the highest
    first.
    """
    if not _has_frames_to_spare(facts):
        return []
    rate = facts.fps.fraction
    steps = range(ceil(rate / fps) - 1, 0, -1)
    speeds = (float(step * fps / rate) for step in steps)
    return [speed for speed in speeds if _MIN_SLOW_MOTION <= speed < 1]
