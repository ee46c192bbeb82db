"""The beats as a ruler along the Reel: where in the music to start, and which frames are good to
cut on.

Belongs here: everything about time alone. Does not belong here: footage.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import inf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from montage_pipeline.editing.packing import CutRules
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.spans import Span, covered_s

_ON_BEAT_FRAMES = 1.0
"""A cut this many frames or less from a beat is on the beat: beats fall between frames, and nobody
sees or hears a frame's difference.
"""

_FLOAT_SLACK = 1e-6
"""Distances are floats; differences below a millionth of a frame mean nothing."""

_NEAR = _ON_BEAT_FRAMES + _FLOAT_SLACK

_MAX_STARTS = 16
"""Starts of the music that are compared, half of them on downbeats. Each has arrays as long as the
Reel; thinned evenly, so many still lie all over a long track.
"""

_STEPS_WITHOUT_BEATS = 8
"""Steps from the first to the last possible start where no beat can meet the hook's cut."""

_REFERENCE_S = 4.0
"""Length of the cut that a missed beat counts as where beats are near: the middle of the allowed
lengths.
"""

_LONG_SILENCE_S = 10.0
"""Time between two beats from which cuts there count by their length: two of the longest cuts fit
in between, so that no choice of lengths puts all of them on beats.
"""

_SILENCE_SLACK_S = 0.25
"""Silence under the Reel by which starts of the music may differ and still count as alike: nobody
hears a gap this short, and the file says where it sounds in steps of 50 ms.
"""

_CLOSE_END_S = 1.0
"""A Reel that ends at most this long after a beat ends with its music: what is struck on the last
beat still rings. Later there is only what is left of it.
"""

UNREACHABLE = 1_000_000
"""`off_beat_ahead` of a frame from which the end cannot be reached with cuts of allowed length."""


class BeatRuler(NamedTuple):
    """Beats on the Reel's own frames, for one start of the music.

    `beat_distance[c]` says how many frames frame c is from the nearest beat. `accent[c]` is 1 on a
    downbeat, 2 where something big starts in the music, else 0. `silent[c]` says that no beat
    sounds for a long time about c. `off_beat_ahead[c]` is the least cost (see `miss_frames`) of
    what is cut off the beat after c, if footage were no matter.
    """

    music_in_s: float
    total_frames: int
    reference_frames: int
    beat_distance: npt.NDArray[np.float64]
    accent: npt.NDArray[np.int64]
    silent: npt.NDArray[np.bool_]
    off_beat_ahead: npt.NDArray[np.int64]

    @property
    def on_beats(self) -> npt.NDArray[np.bool_]:
        """For every frame whether a cut there is on a beat."""
        return self.beat_distance <= _NEAR

    def on_beat(self, frame: int) -> bool:
        """Whether a cut at `frame` is on a beat."""
        return bool(self.beat_distance[frame] <= _NEAR)

    def on_downbeat(self, frame: int) -> bool:
        """Whether a cut at `frame` is on a downbeat, or where something big starts."""
        return bool(self.accent[frame] > 0)

    def miss_frames(
        self, frame: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """What cuts of `length` that end at `frame` cost for missing the beat, in frames; nothing
        on a beat or at the Reel's end.

        Where beats are near, a cut counts as `reference_frames`, however long it is. Where none
        sounds for a long time, a cut counts by its length: counting cuts there would ask for as few
        as possible, whatever the style.
        """
        missed = (self.beat_distance[frame] > _NEAR) & (frame != self.total_frames)
        return np.where(missed, np.where(self.silent[frame], length, self.reference_frames), 0)


def rulers(music: MusicTrack, total_frames: int, rules: CutRules, fps: Fraction) -> list[BeatRuler]:
    """One ruler per place in the music worth starting from, best first; at least one.

    Worth it are those with the least silence under the Reel, and of them those that end it soon
    after a beat. Best is: least of the Reel in cuts off the beat, then the hook's cut on a beat,
    then on an accent, then the earliest start.
    """
    starts_s = _starts_s(music, total_frames, rules, fps)
    found = _rulers_from(starts_s, music, total_frames, rules, fps)
    return sorted(found, key=lambda ruler: _rank(ruler, rules))


def ruler_from(
    music: MusicTrack, start_s: float, total_frames: int, rules: CutRules, fps: Fraction
) -> BeatRuler:
    """The ruler for music that plays from `start_s` on."""
    return _rulers_from([start_s], music, total_frames, rules, fps)[0]


def _rulers_from(
    starts_s: Sequence[float], music: MusicTrack, total_frames: int, rules: CutRules, fps: Fraction
) -> list[BeatRuler]:
    reference = round(_REFERENCE_S * float(fps))
    heard_s = [
        [time_s for time_s in times_s if time_s <= music.duration_s]
        for times_s in (music.grid.beats_s, music.grid.downbeats_s, music.grid.strong_s)
    ]
    beats, downbeats, strong = (
        np.stack([_distance(times_s, start_s, total_frames, fps) for start_s in starts_s])
        for times_s in heard_s
    )
    accent = np.where(strong <= _NEAR, 2, np.where(downbeats <= _NEAR, 1, 0))
    missed = beats > _NEAR
    missed[:, total_frames] = False
    silent = np.stack([_silent(row, _LONG_SILENCE_S * float(fps)) for row in beats <= _NEAR])
    ahead = _off_beat_ahead(missed, silent, reference, rules)
    return [
        BeatRuler(start_s, total_frames, reference, *columns)
        for start_s, *columns in zip(starts_s, beats, accent, silent, ahead, strict=True)
    ]


def _rank(ruler: BeatRuler, rules: CutRules) -> tuple[int, bool, int, float]:
    """What orders starts of the music, best first."""
    hook = rules.hook_frames
    on_beat = ruler.on_beat(hook)
    missed = (0 if on_beat else rules.max_frames) + int(ruler.off_beat_ahead[hook])
    return missed, not on_beat, -int(ruler.accent[hook]), ruler.music_in_s


def silent_s(music: MusicTrack, start_s: float, reel_s: float) -> float:
    """Seconds of a Reel under which the music, played from `start_s` on, is silent."""
    shown = Span(start_s, start_s + reel_s)
    return reel_s - covered_s(shown, music.sounding or [Span(0.0, music.duration_s)])


def since_last_beat_s(music: MusicTrack, start_s: float, reel_s: float) -> float:
    """Seconds from the last beat of a Reel to its end; infinite without a beat."""
    end_s = start_s + reel_s
    struck_s = [beat_s for beat_s in music.grid.beats_s if start_s <= beat_s <= end_s]
    return end_s - max(struck_s, default=-inf)


def _starts_s(music: MusicTrack, total_frames: int, rules: CutRules, fps: Fraction) -> list[float]:
    """Starts that put a beat on the hook's cut, downbeats first; and where the music begins."""
    rate = float(fps)
    reel_s, hook_s = total_frames / rate, rules.hook_frames / rate
    spare_s = max(0.0, music.duration_s - reel_s)
    downbeats = set(music.grid.downbeats_s)
    beats_s = [beat for beat in music.grid.beats_s if 0 <= beat - hook_s <= spare_s]
    others = [0.0, *(min(span.start_s, spare_s) for span in music.sounding)]
    if music.sounding:
        others.append(min(spare_s, max(0.0, music.sounding[-1].end_s - reel_s)))
    if spare_s and not beats_s:
        # Without a beat in reach of the hook's cut, other starts may still suit the later cuts.
        steps = _STEPS_WITHOUT_BEATS
        others += [spare_s * step / steps for step in range(steps + 1)]

    suitable = set(_suitable(music, [*(beat - hook_s for beat in beats_s), *others], reel_s))
    on_downbeat, on_beat = (
        [beat - hook_s for beat in beats_s if (beat in downbeats) is wanted]
        for wanted in (True, False)
    )
    starts_s = [
        *_thinned([start_s for start_s in on_downbeat if start_s in suitable], _MAX_STARTS // 2),
        *_thinned([start_s for start_s in on_beat if start_s in suitable], _MAX_STARTS // 2),
        *(start_s for start_s in others if start_s in suitable),
    ]
    return [*dict.fromkeys(starts_s)]


def _suitable(music: MusicTrack, starts_s: Sequence[float], reel_s: float) -> list[float]:
    """The starts with the least silence, of them those whose end is near a beat; at least one."""
    quiet_s = {start_s: silent_s(music, start_s, reel_s) for start_s in starts_s}
    least_s = min(quiet_s.values())
    sounding = [start_s for start_s in quiet_s if quiet_s[start_s] <= least_s + _SILENCE_SLACK_S]

    left_s = {start_s: since_last_beat_s(music, start_s, reel_s) for start_s in sounding}
    most_s = max(_CLOSE_END_S, min(left_s.values()))
    return [start_s for start_s in sounding if left_s[start_s] <= most_s]


def _thinned(values: Sequence[float], limit: int) -> list[float]:
    """At most `limit` of the values, evenly spread."""
    if len(values) <= limit:
        return list(values)
    return [values[round(index * (len(values) - 1) / (limit - 1))] for index in range(limit)]


def _distance(
    times_s: Sequence[float], start_s: float, total_frames: int, fps: Fraction
) -> npt.NDArray[np.float64]:
    """Frames from every frame 0..total to the nearest of `times_s` in the music; infinite without
    any.
    """
    at = np.asarray([(time_s - start_s) * float(fps) for time_s in times_s], dtype=np.float64)
    frames = np.arange(total_frames + 1, dtype=np.float64)
    if not len(at):
        return np.full(total_frames + 1, np.inf)
    after = np.searchsorted(at, frames)
    right = np.abs(at[np.clip(after, 0, len(at) - 1)] - frames)
    left = np.abs(at[np.clip(after - 1, 0, len(at) - 1)] - frames)
    return np.asarray(np.minimum(left, right), dtype=np.float64)


def _silent(on_beat: npt.NDArray[np.bool_], long_frames: float) -> npt.NDArray[np.bool_]:
    """Which frames lie between two beats (or a beat and an end) that are at least `long_frames`
    apart.
    """
    edges = np.concatenate([[-1], np.flatnonzero(on_beat), [len(on_beat)]])
    apart = np.diff(edges) >= long_frames
    return np.asarray(np.repeat(apart, np.diff(edges))[: len(on_beat)] & ~on_beat)


def _off_beat_ahead(
    missed: npt.NDArray[np.bool_], silent: npt.NDArray[np.bool_], reference: int, rules: CutRules
) -> npt.NDArray[np.int64]:
    """For every ruler and frame: the least cost of missed beats on the way to the end, over all
    allowed cut lengths.
    """
    total = missed.shape[1] - 1
    ahead = np.full(missed.shape, UNREACHABLE, dtype=np.int64)
    ahead[:, total] = 0
    fan = rules.max_frames - rules.min_frames + 1
    beyond = np.full((len(missed), fan), UNREACHABLE, dtype=np.int64)
    frames = np.arange(total + 1)
    # No cut is shorter than a block, so that all of its frames can be done at once.
    for end in range(total - rules.min_frames + 1, 0, -rules.min_frames):
        begin = max(0, end - rules.min_frames)
        cuts = slice(begin + rules.min_frames, end + rules.max_frames)
        # In silence a cut costs its own length: its end less its beginning.
        in_silence = missed[:, cuts] & silent[:, cuts]
        sounding = np.where(in_silence, UNREACHABLE, ahead[:, cuts] + reference * missed[:, cuts])
        by_length = np.where(in_silence, ahead[:, cuts] + frames[cuts], UNREACHABLE)
        nearest, farther = (
            sliding_window_view(np.concatenate([cost, beyond], axis=1), fan, axis=1)[
                :, : end - begin
            ].min(axis=2)
            for cost in (sounding, by_length)
        )
        ahead[:, begin:end] = np.minimum(
            UNREACHABLE, np.minimum(nearest, farther - frames[begin:end])
        )
    return ahead
