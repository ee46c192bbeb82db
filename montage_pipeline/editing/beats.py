"""The beats as a ruler along the Reel: where in the music to start, and which frames are good to cut on.

Belongs here: everything about time alone. Does not belong here: footage.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.packing import CutRules
from montage_pipeline.music.model import MusicTrack

ON_BEAT_FRAMES = 1.0
"""A cut this many frames or less from a beat is on the beat."""

_MOST_OFFSETS = 48
_FLOAT_SLACK = 1e-6
UNREACHABLE = 1_000_000
"""`off_beat_ahead` of a frame from which the end cannot be reached with cuts of allowed length."""


class BeatRuler(NamedTuple):
    """Beats on the Reel's own frames, for one start of the music.

    `beat_distance[c]` and `downbeat_distance[c]` say how many frames frame c is from the nearest beat and
    downbeat; `off_beat_ahead[c]` how many frames after c must lie in cuts that end off the beat, at the
    least, if footage were no matter (the last cut never counts). Frames, not cuts, are counted, because music
    without beats would otherwise ask for as few cuts as possible, whatever the style.
    """

    music_in_s: float
    total_frames: int
    beat_distance: npt.NDArray[np.float64]
    downbeat_distance: npt.NDArray[np.float64]
    off_beat_ahead: npt.NDArray[np.int64]

    def on_beat(self, frame: int) -> bool:
        """Whether a cut at `frame` is on a beat."""
        return bool(self.beat_distance[frame] <= ON_BEAT_FRAMES + _FLOAT_SLACK)

    def on_downbeat(self, frame: int) -> bool:
        """Whether a cut at `frame` is on a downbeat."""
        return bool(self.downbeat_distance[frame] <= ON_BEAT_FRAMES + _FLOAT_SLACK)

    @property
    def misses(self) -> npt.NDArray[np.int64]:
        """1 for every frame where a cut would miss the beat, 0 elsewhere; 0 at the Reel's end."""
        missed = (self.beat_distance > ON_BEAT_FRAMES + _FLOAT_SLACK).astype(np.int64)
        missed[self.total_frames] = 0
        return missed


def rulers(music: MusicTrack, total_frames: int, rules: CutRules, fps: Fraction) -> list[BeatRuler]:
    """One ruler per place in the music worth starting from, best first; at least one.

    Best is: least of the Reel in cuts off the beat, then the hook's cut on a downbeat, then the earliest start.
    """
    rate = float(fps)
    offsets = _offsets(music, total_frames, rules, rate)
    beats = np.stack([_distance(music.grid.beats_s, offset, total_frames, music.duration_s, rate) for offset in offsets])
    downbeats = np.stack([_distance(music.grid.downbeats_s, offset, total_frames, music.duration_s, rate) for offset in offsets])
    missed = (beats > ON_BEAT_FRAMES + _FLOAT_SLACK).astype(np.int64)
    missed[:, total_frames] = 0
    ahead = _off_beat_ahead(missed, total_frames, rules)
    found = [BeatRuler(offset, total_frames, beats[index], downbeats[index], ahead[index]) for index, offset in enumerate(offsets)]
    hook = rules.hook_frames
    return sorted(
        found,
        key=lambda ruler: (
            int(ruler.misses[hook]) * rules.max_frames + int(ruler.off_beat_ahead[hook]),
            not ruler.on_beat(hook),
            not ruler.on_downbeat(hook),
            ruler.music_in_s,
        ),
    )


def _offsets(music: MusicTrack, total_frames: int, rules: CutRules, rate: float) -> list[float]:
    """Starts that put a beat on the hook's cut, downbeats first; and the file's own start."""
    spare_s = max(0.0, music.duration_s - total_frames / rate)
    hook_s = rules.hook_frames / rate
    downbeats = set(music.grid.downbeats_s)
    on_downbeat = [beat - hook_s for beat in music.grid.downbeats_s if 0 <= beat - hook_s <= spare_s]
    on_beat = [beat - hook_s for beat in music.grid.beats_s if 0 <= beat - hook_s <= spare_s and beat not in downbeats]
    # Without a beat in reach of the hook's cut, other starts may still suit the later cuts.
    others = [spare_s * step / 8 for step in range(9)] if spare_s and not on_downbeat and not on_beat else [0.0]
    return [*dict.fromkeys([*_thinned(on_downbeat, _MOST_OFFSETS // 2), *_thinned(on_beat, _MOST_OFFSETS // 2), *others])]


def _thinned(values: Sequence[float], most: int) -> list[float]:
    if len(values) <= most:
        return list(values)
    return [values[round(index * (len(values) - 1) / (most - 1))] for index in range(most)]


def _distance(beats_s: Sequence[float], offset_s: float, total_frames: int, music_s: float, rate: float) -> npt.NDArray[np.float64]:
    """Frames from every frame 0..total to the nearest beat that is played; infinite without beats."""
    at = np.asarray([(beat - offset_s) * rate for beat in beats_s if beat <= music_s], dtype=np.float64)
    frames = np.arange(total_frames + 1, dtype=np.float64)
    if not len(at):
        return np.full(total_frames + 1, np.inf)
    after = np.searchsorted(at, frames)
    right = np.abs(at[np.clip(after, 0, len(at) - 1)] - frames)
    left = np.abs(at[np.clip(after - 1, 0, len(at) - 1)] - frames)
    return np.asarray(np.minimum(left, right), dtype=np.float64)


def _off_beat_ahead(missed: npt.NDArray[np.int64], total_frames: int, rules: CutRules) -> npt.NDArray[np.int64]:
    """For every ruler and frame: the fewest frames in cuts off the beat on the way to the end, over all allowed cut lengths."""
    ahead = np.full_like(missed, UNREACHABLE)
    ahead[:, total_frames] = 0
    lengths = np.arange(rules.min_frames, rules.max_frames + 1)
    for frame in range(total_frames - rules.min_frames, -1, -1):
        fitting = lengths[: total_frames - frame - rules.min_frames + 1]
        cuts = slice(frame + rules.min_frames, frame + int(fitting[-1]) + 1)
        ahead[:, frame] = np.minimum(UNREACHABLE, missed[:, cuts] * fitting + ahead[:, cuts]).min(axis=1)
    return ahead
