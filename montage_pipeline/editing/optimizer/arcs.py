"""The timing half of a search space: frames where cuts may fall, and the cuts between them.

Belongs here: which cuts are possible in time. Does not belong here: footage (`space`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.moment_table import Ints
from montage_pipeline.editing.packing import CutRules


@dataclass(frozen=True)
class Arcs:
    """The cuts that a search space knows, as arcs between numbered frames.

    `cuts` are the frames of the Reel where a cut may fall, ascending from the hook's cut to the
    Reel's end; each can be reached from the first and reaches the last. Arc `a` shows the Reel from
    frame number `begin[a]` to frame number `end[a]`, `frames[a]` frames long, which is
    `lengths[length_of[a]]`. The arcs out of frame number `f` are `first[f]` to `first[f + 1]`.
    """

    cuts: Ints
    first: Ints
    begin: Ints
    end: Ints
    frames: Ints
    lengths: Ints
    length_of: Ints
    by_end: Ints
    """The arcs in order of where they end."""
    ends: Ints
    """The frame numbers on which arcs end, ascending."""
    first_by_end: Ints
    """Where in `by_end` the arcs begin that end on each of `ends`."""

    @classmethod
    def over(cls, cuts: Ints, rules: CutRules) -> "Arcs":
        """The arcs between these frames, of the lengths that the rules allow."""
        cuts = _connected(cuts, rules)
        low = np.searchsorted(cuts, cuts + rules.min_frames)
        high = np.searchsorted(cuts, cuts + rules.max_frames, side="right")
        fan = np.maximum(0, high - low)

        first = np.concatenate([[0], np.cumsum(fan)])
        begin = np.repeat(np.arange(len(cuts)), fan)
        end = np.arange(int(first[-1])) - np.repeat(first[:-1] - low, fan)
        frames = cuts[end] - cuts[begin]
        lengths, length_of = np.unique(frames, return_inverse=True)
        by_end = np.argsort(end, kind="stable")
        ends, first_by_end = np.unique(end[by_end], return_index=True)
        return cls(
            cuts=cuts,
            first=first,
            begin=begin,
            end=end,
            frames=frames,
            lengths=lengths,
            length_of=length_of,
            by_end=by_end,
            ends=ends,
            first_by_end=first_by_end,
        )

    def between(self, frame_numbers: Ints) -> Ints:
        """The arcs that join frame numbers in this order, each to the next."""
        begin, end = frame_numbers[:-1], frame_numbers[1:]
        # The arcs out of a frame end on frames that follow each other.
        return self.first[begin] + end - self.end[self.first[begin]]

    def best_into(self, value: Ints) -> Ints:
        """Per frame number the arc into it with the highest value; -1 where none ends."""
        best = np.full(len(self.cuts), -1, dtype=np.int64)
        grouped = value[self.by_end]
        highest = np.maximum.reduceat(grouped, self.first_by_end)
        arcs_into = np.diff(np.append(self.first_by_end, len(grouped)))
        hits = self.by_end[np.flatnonzero(grouped == np.repeat(highest, arcs_into))]
        # Of equals the first: written backwards, it is the one that stays.
        best[self.end[hits[::-1]]] = hits[::-1]
        return best


def _connected(cuts: Ints, rules: CutRules) -> Ints:
    """The frames that lie on some way from the first to the last in steps of allowed length."""
    cuts = np.unique(cuts)
    keep = _reached(cuts, rules) & _reached(-cuts[::-1], rules)[::-1]
    if not (keep[0] and keep[-1]):
        raise AssertionError("no way from the hook's cut to the Reel's end over these frames")
    return cuts[keep]


def _reached(ordered: Ints, rules: CutRules) -> npt.NDArray[np.bool_]:
    """Which of these ascending frames can be reached from the first."""
    low = np.searchsorted(ordered, ordered - rules.max_frames)
    high = np.searchsorted(ordered, ordered - rules.min_frames, side="right")
    reached_before = np.zeros(len(ordered) + 1, dtype=np.int64)
    for index in range(len(ordered)):
        reachable = index == 0 or reached_before[high[index]] > reached_before[low[index]]
        reached_before[index + 1] = reached_before[index] + reachable
    return np.diff(reached_before) > 0
