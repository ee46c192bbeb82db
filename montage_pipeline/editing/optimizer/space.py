"""The search space of an edit: places where pieces may begin, frames where cuts may fall, and what
each choice is worth.

Belongs here: candidates, and all that can be computed about them before a search. Does not belong
here: searching.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.optimizer.objective import NEVER, Ints, Objective, Places, Points
from montage_pipeline.editing.packing import Piece

_NONE = np.zeros(0, dtype=np.int64)


class HookPlace(NamedTuple):
    """A way to open: its piece, and what it is worth by itself, in units."""

    piece: Piece
    points: int


class Edit(NamedTuple):
    """A finished edit that keeps every rule: units, pieces with the hook first, its hook's number,
    and arcs and places in its space.
    """

    units: int
    pieces: tuple[Piece, ...]
    hook: int
    arcs: tuple[int, ...]
    places: tuple[int, ...]


class Space:
    """Which edits are looked at: those whose pieces begin at one of `places` and whose cuts fall on
    one of `frames`.

    `frames` ascend from the hook's cut to the Reel's end, and each can be reached from the first
    and reaches the last.
    An arc `a` is a cut from frame number `arc_from[a]` to frame number `arc_to[a]`,
    `lengths[arc_length[a]]` frames long;
    arcs out of one frame number `f` are `first_arc[f]` to `first_arc[f + 1]`; in the order
    `arcs_in`, those into the frame
    number `ends_in[e]` begin at `starts_in[e]`. `worth[a, p]` are the units of place `p` on arc
    `a`.
    """

    def __init__(
        self, objective: Objective, places: Ints, frames: Ints, hooks: Sequence[HookPlace]
    ) -> None:
        self.objective = objective
        self.hooks = tuple(hooks)
        rules = objective.rules
        self.frames = _connected(frames, rules.min_frames, rules.max_frames)
        count = len(self.frames)
        low = np.searchsorted(self.frames, self.frames + rules.min_frames)
        high = np.searchsorted(self.frames, self.frames + rules.max_frames, side="right")
        fan = np.maximum(0, high - low)
        self.first_arc = np.concatenate([[0], np.cumsum(fan)])
        self.arc_from = np.repeat(np.arange(count), fan)
        self.arc_to = np.arange(int(self.first_arc[-1])) - np.repeat(self.first_arc[:-1] - low, fan)
        length = self.frames[self.arc_to] - self.frames[self.arc_from]
        self.lengths, self.arc_length = np.unique(length, return_inverse=True)
        self.places = objective.places(places)
        self.worth = objective.piece_points(self.places, self.frames[self.arc_from], length)
        changes = objective.change_points(self.places, self.places)
        self.follows = _Following(objective, self.places, self.lengths, changes)
        self.changes = _without_overlaps(changes, self.places, self.follows, rules.min_frames)
        self.accent = objective.ruler.accent[self.frames]
        self._hook_rows(objective)
        self.arcs_in = np.argsort(self.arc_to, kind="stable")
        self.ends_in, self.starts_in = np.unique(self.arc_to[self.arcs_in], return_index=True)
        self.blocks = _blocks(self)
        self._stretches = np.searchsorted(
            self.places.stretch, np.arange(len(objective.footage.stretches) + 1)
        )
        self._of_clip = [
            np.flatnonzero(self.places.clip == clip) for clip in range(objective.footage.clips)
        ]
        self._of_look = {
            int(look): np.flatnonzero(self.places.look == look)
            for look in np.unique(self.places.look)
        }

    def _hook_rows(self, objective: Objective) -> None:
        """For every hook and place the units of the change from one to the other."""
        hook_frames, gap_to = objective.rules.hook_frames, objective.rules.min_frames
        at = objective.footage.offset[[hook.piece.stretch for hook in self.hooks]] + [
            hook.piece.start for hook in self.hooks
        ]
        self.hook_places = hooks = objective.places(np.asarray(at, dtype=np.int64))
        self.hook_points = np.asarray([hook.points for hook in self.hooks], dtype=np.int64)
        rows = objective.change_points(hooks, self.places)[int(self.accent[0])].copy()
        same = hooks.stretch[:, None] == self.places.stretch[None, :]
        away = self.places.start[None, :] - (hooks.start[:, None] + hook_frames)
        rows += np.where(
            same & (away >= 0), objective.goes_on_points(np.maximum(away, 0)), 0
        ).astype(np.int32)
        gap = hooks.gap[:, None]
        clash = same & (away < gap) & (-away - hook_frames < gap_to + gap)
        rows[clash] = NEVER
        self.hook_changes = rows

    def only_lengths(self, frames: Ints) -> None:
        """Let every place be used at one length only; `frames` gives it per place."""
        self.worth[self.lengths[self.arc_length][:, None] != frames[None, :]] = NEVER

    def edit_of(self, pieces: Sequence[Piece]) -> Edit | None:
        """An edit given by its pieces (the hook first), with its units;

        None when it is not in this space.
        """
        hook = next(
            (number for number, hook in enumerate(self.hooks) if hook.piece == pieces[0]), -1
        )
        at = self.objective.footage.offset[[piece.stretch for piece in pieces[1:]]] + [
            piece.start for piece in pieces[1:]
        ]
        cuts = np.cumsum([piece.frames for piece in pieces])
        places = np.minimum(np.searchsorted(self.places.at, at), len(self.places.at) - 1)
        frames = np.minimum(np.searchsorted(self.frames, cuts), len(self.frames) - 1)
        if hook < 0 or (self.places.at[places] != at).any() or (self.frames[frames] != cuts).any():
            return None
        # The arcs out of a frame end on frames that follow each other.
        arcs = self.first_arc[frames[:-1]] + frames[1:] - self.arc_to[self.first_arc[frames[:-1]]]
        units = self.objective.points(pieces, self.hooks[hook].points)
        return Edit(units, tuple(pieces), hook, tuple(arcs.tolist()), tuple(places.tolist()))

    def changes_from(self, place: int, arc: int) -> Points:
        """Units of the change from place number `place`, shown on arc `arc`, to every place."""
        follows = self.follows
        accent = self.accent[self.arc_to[arc]]
        row: Points = self.changes[accent][place].copy()
        pairs = slice(follows.edges[place], follows.edges[place + 1])
        row[follows.after[pairs]] = (
            follows.change[accent, pairs] + follows.units[self.arc_length[arc], pairs]
        )
        return row

    def changes_to(self, arc: int, place: int) -> Points:
        """Units of the change from every place, shown on arc `arc`, to place number `place`."""
        follows = self.follows
        accent = self.accent[self.arc_to[arc]]
        column: Points = self.changes[accent][:, place].copy()
        pairs = np.flatnonzero(follows.after == place)
        column[follows.before[pairs]] = (
            follows.change[accent, pairs] + follows.units[self.arc_length[arc], pairs]
        )
        return column

    def change(self, place: int, arc: int, after: int) -> int:
        """Units of the change from one place, shown on arc `arc`, to another."""
        follows = self.follows
        accent = self.accent[self.arc_to[arc]]
        first, last = follows.edges[place], follows.edges[place + 1]
        # The later places of a pair are neighbours in the list.
        pair = first + after - int(follows.after[first]) if last > first else last
        if first <= pair < last:
            return int(follows.change[accent, pair]) + int(
                follows.units[self.arc_length[arc], pair]
            )
        return int(self.changes[accent, place, after])

    def in_stretch(self, stretch: int) -> slice:
        """The numbers of the places in a stretch."""
        return slice(int(self._stretches[stretch]), int(self._stretches[stretch + 1]))

    def of_clip(self, clip: int) -> Ints:
        """The numbers of the places in a clip."""
        return self._of_clip[clip]

    def of_look(self, look: int) -> Ints:
        """The numbers of the places with a look."""
        return self._of_look.get(look, _NONE)

    def piece(self, place: int, length: int) -> Piece:
        """The piece from place number `place` with `length` frames."""
        return Piece(int(self.places.stretch[place]), int(self.places.start[place]), length)


class _Following:
    """Pairs of places in one stretch so near that it depends on the earlier one's length whether
    the later may follow.

    Pair k is of the places `before[k]` and `after[k]`; pairs are in order of `before`. `units[l,
    k]` are its units when the
    earlier one has the length `lengths[l]` (`NEVER`: they would overlap), `change[accent, k]` those
    of the change itself.
    `owners` are the places that are the earlier one of some pair, `columns[:, o]` the pairs of
    each.
    """

    def __init__(
        self, objective: Objective, places: Places, lengths: Ints, changes: tuple[Points, ...]
    ) -> None:
        reach = int(lengths.max(initial=0)) + np.maximum(places.gap, objective.goes_on_frames)
        nearest = np.searchsorted(places.at, places.at + objective.rules.min_frames + places.gap)
        farthest = np.minimum(
            np.searchsorted(places.at, places.at + reach),
            np.searchsorted(places.stretch, places.stretch, side="right"),
        )
        pairs = np.maximum(0, farthest - nearest)
        self.before = np.repeat(np.arange(len(places.at)), pairs)
        self.edges = np.concatenate([[0], np.cumsum(pairs)])
        self.after = np.arange(len(self.before)) - np.repeat(self.edges[:-1] - nearest, pairs)
        away = (places.at[self.after] - places.at[self.before])[None, :] - lengths[:, None]
        fits = away >= places.gap[self.before]
        self.units = np.where(fits, objective.goes_on_points(np.maximum(away, 0)), NEVER).astype(
            np.int32
        )
        self.change = np.stack([change[self.before, self.after] for change in changes])
        self.owners = np.flatnonzero(pairs)
        # The pairs of every owner as columns, filled up with their last one.
        rank = np.arange(int(pairs.max(initial=0)))[:, None]
        self.columns = self.edges[self.owners][None, :] + np.minimum(
            rank, pairs[self.owners][None, :] - 1
        )


def _connected(frames: Ints, least: int, most: int) -> Ints:
    """The frames that lie on some way from the first to the last in steps of `least` to `most`."""
    frames = np.unique(frames)

    def reached(ordered: Ints) -> npt.NDArray[np.bool_]:
        low, high = (
            np.searchsorted(ordered, ordered - most),
            np.searchsorted(ordered, ordered - least, side="right"),
        )
        found = np.zeros(len(ordered) + 1, dtype=np.int64)
        for index in range(len(ordered)):
            found[index + 1] = found[index] + (index == 0 or found[high[index]] > found[low[index]])
        return np.diff(found) > 0

    keep = reached(frames) & reached(-frames[::-1])[::-1]
    if not (keep[0] and keep[-1]):
        raise AssertionError("no way from the hook's cut to the Reel's end over these frames")
    return frames[keep]


def _without_overlaps(
    changes: tuple[Points, ...], places: Places, follows: _Following, shortest: int
) -> npt.NDArray[np.int32]:
    """The changes with `NEVER` for neighbours that overlap even at the shortest length, and for
    pairs that `follows` has.
    """
    same = places.stretch[:, None] == places.stretch[None, :]
    near = same & (np.abs(places.at[:, None] - places.at[None, :]) < shortest + places.gap[:, None])
    near[follows.before, follows.after] = True
    stacked = np.stack(changes)
    stacked[:, near] = NEVER
    return stacked


class Block(NamedTuple):
    """Frame numbers `begin` to `end` that no cut joins; `into` are the arcs that end on one of
    them.

    `frame` is where each of those ends, counted from `begin`; `links[a]` are the units of the pairs
    `follows.columns` after it.
    `accents` gives the frames (counted from `begin`) of each accent there is.
    """

    begin: int
    end: int
    into: Ints
    frame: Ints
    links: npt.NDArray[np.int32]
    accents: tuple[tuple[int, Ints], ...]


def _blocks(space: Space) -> list[Block]:
    """Runs of frame numbers that lie less than the shortest cut from each other, last first."""
    frames, least = space.frames, space.objective.rules.min_frames
    order = space.arcs_in
    edges = np.searchsorted(space.arc_to[order], np.arange(len(frames) + 1))
    blocks = []
    end = len(frames) - 1
    while end > 0:
        begin = int(np.searchsorted(frames, frames[end - 1] - least + 1))
        into = order[edges[begin] : edges[end]]
        follows = space.follows
        links = (
            follows.change[space.accent[space.arc_to[into]]] + follows.units[space.arc_length[into]]
        )
        accents = space.accent[begin:end]
        by_accent = tuple(
            (int(accent), np.flatnonzero(accents == accent)) for accent in np.unique(accents)
        )
        blocks.append(
            Block(
                begin, end, into, space.arc_to[into] - begin, links[:, follows.columns], by_accent
            )
        )
        end = begin
    return blocks
