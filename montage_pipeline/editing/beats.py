"""The beats as a ruler along the Reel: where in the music to start, and which frames are good to
cut on.

Belongs here: everything about time alone. Does not belong here: footage.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from montage_pipeline.editing.packing import CutRules
from montage_pipeline.music.model import MusicTrack

ON_BEAT_FRAMES = 1.0
"""A cut this many frames or less from a beat is on the beat."""

_MOST_OFFSETS = 16
_REFERENCE_S = 4.0
_DARK_S = 10.0
_FLOAT_SLACK = 1e-6
UNREACHABLE = 1_000_000
"""`off_beat_ahead` of a frame from which the end cannot be reached with cuts of allowed length."""


class BeatRuler(NamedTuple):
    """Beats on the Reel's own frames, for one start of the music.

    `beat_distance[c]` says how many frames frame c is from the nearest beat. `accent[c]` is 1 on a
    downbeat, 2 where
    something big starts in the music, else 0. `dark[c]` says that no beat sounds for a long time
    about c.
    `off_beat_ahead[c]` is the cost (see `miss_frames`) of what is cut off the beat after c, at the
    least, if footage were
    no matter.
    """

    music_in_s: float
    total_frames: int
    reference_frames: int
    beat_distance: npt.NDArray[np.float64]
    accent: npt.NDArray[np.int64]
    dark: npt.NDArray[np.bool_]
    off_beat_ahead: npt.NDArray[np.int64]

    def on_beat(self, frame: int) -> bool:
        """Whether a cut at `frame` is on a beat."""
        return bool(self.beat_distance[frame] <= ON_BEAT_FRAMES + _FLOAT_SLACK)

    def on_downbeat(self, frame: int) -> bool:
        """Whether a cut at `frame` is on a downbeat, or where something big starts."""
        return bool(self.accent[frame] > 0)

    def miss_frames(
        self, frame: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """What cuts of `length` that end at `frame` cost for missing the beat, in frames; nothing
        on a beat or at the Reel's end.

        Where beats are near, a cut counts as `reference_frames`, however long it is. Where none
        sounds for a long time, a cut
        counts by its length: counting cuts there would ask for as few as possible, whatever the
        style.
        """
        missed = (self.beat_distance[frame] > ON_BEAT_FRAMES + _FLOAT_SLACK) & (
            frame != self.total_frames
        )
        return np.where(missed, np.where(self.dark[frame], length, self.reference_frames), 0)


def rulers(music: MusicTrack, total_frames: int, rules: CutRules, fps: Fraction) -> list[BeatRuler]:
    """One ruler per place in the music worth starting from, best first; at least one.

    Best is: least of the Reel in cuts off the beat, then the hook's cut on a beat, then on an
    accent, then the earliest start.
    """
    rate = float(fps)
    offsets = _offsets(music, total_frames, rules, rate)
    reference = round(_REFERENCE_S * rate)
    beats, downbeats, strong = (
        np.stack(
            [_distance(times, offset, total_frames, music.duration_s, rate) for offset in offsets]
        )
        for times in (music.grid.beats_s, music.grid.downbeats_s, music.grid.strong_s)
    )
    near = ON_BEAT_FRAMES + _FLOAT_SLACK
    accent = np.where(strong <= near, 2, np.where(downbeats <= near, 1, 0))
    missed = beats > near
    missed[:, total_frames] = False
    dark = np.stack([_dark(row, _DARK_S * rate) for row in beats <= near])
    ahead = _off_beat_ahead(missed, dark, reference, rules)
    found = [
        BeatRuler(
            offset, total_frames, reference, beats[index], accent[index], dark[index], ahead[index]
        )
        for index, offset in enumerate(offsets)
    ]
    hook = rules.hook_frames
    return sorted(
        found,
        key=lambda ruler: (
            (0 if ruler.on_beat(hook) else rules.max_frames) + int(ruler.off_beat_ahead[hook]),
            not ruler.on_beat(hook),
            -int(ruler.accent[hook]),
            ruler.music_in_s,
        ),
    )


def _offsets(music: MusicTrack, total_frames: int, rules: CutRules, rate: float) -> list[float]:
    """Starts that put a beat on the hook's cut, downbeats first; and the file's own start."""
    spare_s = max(0.0, music.duration_s - total_frames / rate)
    hook_s = rules.hook_frames / rate
    downbeats = set(music.grid.downbeats_s)
    on_downbeat = [
        beat - hook_s for beat in music.grid.downbeats_s if 0 <= beat - hook_s <= spare_s
    ]
    on_beat = [
        beat - hook_s
        for beat in music.grid.beats_s
        if 0 <= beat - hook_s <= spare_s and beat not in downbeats
    ]
    # Without a beat in reach of the hook's cut, other starts may still suit the later cuts.
    others = (
        [spare_s * step / 8 for step in range(9)]
        if spare_s and not on_downbeat and not on_beat
        else [0.0]
    )
    return [
        *dict.fromkeys(
            [
                *_thinned(on_downbeat, _MOST_OFFSETS // 2),
                *_thinned(on_beat, _MOST_OFFSETS // 2),
                *others,
            ]
        )
    ]


def _thinned(values: Sequence[float], most: int) -> list[float]:
    if len(values) <= most:
        return list(values)
    return [values[round(index * (len(values) - 1) / (most - 1))] for index in range(most)]


def _distance(
    beats_s: Sequence[float], offset_s: float, total_frames: int, music_s: float, rate: float
) -> npt.NDArray[np.float64]:
    """Frames from every frame 0..total to the nearest beat that is played; infinite without beats."""
    at = np.asarray(
        [(beat - offset_s) * rate for beat in beats_s if beat <= music_s], dtype=np.float64
    )
    frames = np.arange(total_frames + 1, dtype=np.float64)
    if not len(at):
        return np.full(total_frames + 1, np.inf)
    after = np.searchsorted(at, frames)
    right = np.abs(at[np.clip(after, 0, len(at) - 1)] - frames)
    left = np.abs(at[np.clip(after - 1, 0, len(at) - 1)] - frames)
    return np.asarray(np.minimum(left, right), dtype=np.float64)


def _dark(on_beat: npt.NDArray[np.bool_], long_frames: float) -> npt.NDArray[np.bool_]:
    """Which frames lie between two beats (or a beat and an end) that are at least `long_frames`
    apart.
    """
    edges = np.concatenate([[-1], np.flatnonzero(on_beat), [len(on_beat)]])
    apart = np.diff(edges) >= long_frames
    return np.asarray(np.repeat(apart, np.diff(edges))[: len(on_beat)] & ~on_beat)


def _off_beat_ahead(
    missed: npt.NDArray[np.bool_], dark: npt.NDArray[np.bool_], reference: int, rules: CutRules
) -> npt.NDArray[np.int64]:
    """For every ruler and frame: the least cost of missed beats on the way to the end, over all
    allowed cut lengths.
    """
    total = missed.shape[1] - 1
    ahead = np.full(missed.shape, UNREACHABLE, dtype=np.int64)
    ahead[:, total] = 0
    # No cut is shorter than a block, so that all of its frames can be done at once.
    span = rules.max_frames - rules.min_frames + 1
    beyond = np.full((len(missed), span), UNREACHABLE, dtype=np.int64)
    frames = np.arange(total + 1)
    for end in range(total - rules.min_frames + 1, 0, -rules.min_frames):
        begin = max(0, end - rules.min_frames)
        cuts = slice(begin + rules.min_frames, end + rules.max_frames)
        # In the dark a cut costs its own length: its end less its beginning.
        in_dark = missed[:, cuts] & dark[:, cuts]
        lit = np.where(in_dark, UNREACHABLE, ahead[:, cuts] + reference * missed[:, cuts])
        unlit = np.where(in_dark, ahead[:, cuts] + frames[cuts], UNREACHABLE)
        nearest, farther = (
            sliding_window_view(np.concatenate([cost, beyond], axis=1), span, axis=1)[
                :, : end - begin
            ].min(axis=2)
            for cost in (lit, unlit)
        )
        ahead[:, begin:end] = np.minimum(
            UNREACHABLE, np.minimum(nearest, farther - frames[begin:end])
        )
    return ahead
