"""The search space of an edit: places where pieces may begin, cuts in time, and what each choice
gives.

Belongs here: all that can be computed about the choices before a search. Does not belong here:
which choices there are (`choices`), or searching.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.moment_table import Ints
from montage_pipeline.editing.optimizer.arcs import Arcs
from montage_pipeline.editing.optimizer.objective import NEVER, POINT, Objective, Places, Points
from montage_pipeline.editing.packing import Piece

_NONE = np.zeros(0, dtype=np.int64)


class HookPlace(NamedTuple):
    """A way to open: its piece, and the units it gives by itself."""

    piece: Piece
    points: int


class Edit(NamedTuple):
    """A finished edit that keeps every rule.

    `pieces` begin with the hook, which is number `hook` of its space; `arcs` and `places` are the
    numbers of the other pieces there.
    """

    units: int
    pieces: tuple[Piece, ...]
    hook: int
    arcs: tuple[int, ...]
    places: tuple[int, ...]

    def gap(self, bound: int) -> float:
        """What the edit may lack at most, as a share of the bound, or of a point for each segment
        where the bound is less than that.
        """
        return (bound - self.units) / max(abs(bound), POINT * len(self.pieces))


class Space:
    """Which edits are looked at: those whose pieces begin at one of `places` and whose cuts are
    `arcs`.

    `points[a, p]` are the units of place `p` on arc `a`; `changes[accent, p, q]` those of the
    change from place `p` to place `q`, unless `follows` has the pair.
    """

    def __init__(
        self, objective: Objective, places: Ints, cuts: Ints, hooks: Sequence[HookPlace]
    ) -> None:
        self.objective = objective
        self.hooks = tuple(hooks)
        rules = objective.rules._replace(min_frames=objective.shortest)
        self.arcs = arcs = Arcs.over(cuts, rules)
        self.accent = objective.ruler.accent[arcs.cuts]
        """The accent on each frame number."""
        self.places = objective.places(places)
        self.points = objective.piece_points(self.places, arcs.cuts[arcs.begin], arcs.frames)

        changes = objective.change_points(self.places, self.places)
        self.follows = Following(objective, self.places, arcs.lengths, changes)
        self.changes = _without_overlaps(changes, self.places, self.follows)
        self.hook_points = np.asarray([hook.points for hook in self.hooks], dtype=np.int64)
        self.hook_places = objective.places(
            objective.footage.starts_of([hook.piece for hook in self.hooks])
        )
        self.hook_changes = self._hook_changes()
        self.blocks = _blocks(self)

        self._first_in_stretch = np.searchsorted(
            self.places.stretch, np.arange(len(objective.footage.stretches) + 1)
        )
        self._of_clip = [
            np.flatnonzero(self.places.clip == clip) for clip in range(objective.footage.clip_count)
        ]
        self._of_cluster = {
            int(cluster): np.flatnonzero(self.places.cluster == cluster)
            for cluster in np.unique(self.places.cluster)
        }

    def _hook_changes(self) -> Points:
        """Units of the change from every hook (rows) to every place."""
        objective, hooks, places = self.objective, self.hook_places, self.places
        frames = objective.rules.hook_frames
        rows = objective.change_points(hooks, places)[int(self.accent[0])].copy()

        same = hooks.stretch[:, None] == places.stretch[None, :]
        away = places.start[None, :] - (hooks.start[:, None] + frames)
        goes_on = objective.goes_on_points(np.maximum(away, 0))
        rows += np.where(same & (away >= 0), goes_on, 0).astype(np.int32)
        gap = hooks.gap[:, None]
        rows[same & (away < gap) & (-away - frames < places.least[None, :] + gap)] = NEVER
        return rows

    def only_lengths(self, frames: Ints) -> None:
        """Let every place be used at one length only; `frames` gives it per place."""
        self.points[self.arcs.frames[:, None] != frames[None, :]] = NEVER

    def edit_of(self, pieces: Sequence[Piece]) -> Edit | None:
        """An edit given by its pieces (the hook first), with its units; None outside this space."""
        hook = next(
            (number for number, hook in enumerate(self.hooks) if hook.piece == pieces[0]), -1
        )
        at = self.objective.footage.starts_of(pieces[1:])
        cuts = np.cumsum([piece.frames for piece in pieces])
        places = np.minimum(np.searchsorted(self.places.at, at), len(self.places.at) - 1)
        frames = np.minimum(np.searchsorted(self.arcs.cuts, cuts), len(self.arcs.cuts) - 1)
        inside = (self.places.at[places] == at).all() and (self.arcs.cuts[frames] == cuts).all()
        if hook < 0 or not inside:
            return None

        arcs = self.arcs.between(frames)
        units = self.objective.points(pieces, self.hooks[hook].points)
        return Edit(units, tuple(pieces), hook, tuple(arcs.tolist()), tuple(places.tolist()))

    # -- changes --------------------------------------------------------------------------------

    def changes_from(self, place: int, arc: int) -> Points:
        """Units of the change from place number `place`, shown on arc `arc`, to every place."""
        follows = self.follows
        accent = self.accent[self.arcs.end[arc]]
        row: Points = self.changes[accent][place].copy()
        pairs = slice(follows.edges[place], follows.edges[place + 1])
        row[follows.after[pairs]] = (
            follows.change[accent, pairs] + follows.units[self.arcs.length_of[arc], pairs]
        )
        return row

    def changes_to(self, arc: int, place: int) -> Points:
        """Units of the change from every place, shown on arc `arc`, to place number `place`."""
        follows = self.follows
        accent = self.accent[self.arcs.end[arc]]
        column: Points = self.changes[accent][:, place].copy()
        pairs = np.flatnonzero(follows.after == place)
        column[follows.before[pairs]] = (
            follows.change[accent, pairs] + follows.units[self.arcs.length_of[arc], pairs]
        )
        return column

    def change(self, place: int, arc: int, after: int) -> int:
        """Units of the change from one place, shown on arc `arc`, to another."""
        follows = self.follows
        accent = self.accent[self.arcs.end[arc]]
        first, last = follows.edges[place], follows.edges[place + 1]
        # The later places of a pair are neighbours in the list.
        pair = first + after - int(follows.after[first]) if last > first else last
        if first <= pair < last:
            units = follows.units[self.arcs.length_of[arc], pair]
            return int(follows.change[accent, pair]) + int(units)
        return int(self.changes[accent, place, after])

    def changes_on_arcs(self, place: int, after: int) -> Ints:
        """Units of the change from one place to another at the end of every arc."""
        follows = self.follows
        accent = self.accent[self.arcs.end]
        pairs = np.flatnonzero((follows.before == place) & (follows.after == after))
        if len(pairs):
            units = follows.units[self.arcs.length_of, pairs[0]]
            return np.asarray(follows.change[accent, pairs[0]] + units, dtype=np.int64)
        return np.asarray(self.changes[accent, place, after], dtype=np.int64)

    # -- places ---------------------------------------------------------------------------------

    def in_stretch(self, stretch: int) -> slice:
        """The numbers of the places in a stretch."""
        return slice(int(self._first_in_stretch[stretch]), int(self._first_in_stretch[stretch + 1]))

    def of_clip(self, clip: int) -> Ints:
        """The numbers of the places in a clip."""
        return self._of_clip[clip]

    def of_cluster(self, cluster: int) -> Ints:
        """The numbers of the places in a cluster of look-alikes."""
        return self._of_cluster.get(cluster, _NONE)

    def piece(self, place: int, length: int) -> Piece:
        """The piece from place number `place` with `length` frames."""
        return Piece(int(self.places.stretch[place]), int(self.places.start[place]), length)

    def take(self, free: Ints, piece: Piece) -> None:
        """Mark a piece and its gaps as used in `free`, the frames free from each place on; and the
        same footage at another speed.
        """
        part = self.in_stretch(piece.stretch)
        stretch = self.objective.footage.stretches[piece.stretch]
        if stretch.other is not None:
            free[self.in_stretch(stretch.other)] = 0
        gap = stretch.gap
        start, own = self.places.start[part], free[part]
        own[:] = np.where(
            start < piece.start,
            np.minimum(own, piece.start - gap - start),
            np.where(start < piece.end + gap, 0, own),
        )


class Following:
    """Pairs of places in one stretch so near that it depends on the earlier one's length whether
    the later may follow, and what it costs to go on there.

    Pair k is of the places `before[k]` and `after[k]`; pairs are in order of `before`, those of
    place p at `edges[p]` to `edges[p + 1]`. `units[l, k]` are its units when the earlier one has
    the length `lengths[l]` (`NEVER`: they would overlap), `change[accent, k]` those of the change
    itself. `owners` are the places that are the earlier one of some pair, `columns[:, o]` the pairs
    of each.
    """

    def __init__(
        self, objective: Objective, places: Places, lengths: Ints, changes: tuple[Points, ...]
    ) -> None:
        reach = int(lengths.max(initial=0)) + np.maximum(places.gap, objective.goes_on_frames)
        nearest = np.searchsorted(places.at, places.at + places.least + places.gap)
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
        goes_on = objective.goes_on_points(np.maximum(away, 0))
        self.units = np.where(fits, goes_on, NEVER).astype(np.int32)
        self.change = np.stack([change[self.before, self.after] for change in changes])

        self.owners = np.flatnonzero(pairs)
        # The pairs of every owner as columns, filled up with their last one.
        rank = np.arange(int(pairs.max(initial=0)))[:, None]
        last_rank = pairs[self.owners][None, :] - 1
        self.columns = self.edges[self.owners][None, :] + np.minimum(rank, last_rank)


def _without_overlaps(
    changes: tuple[Points, ...], places: Places, follows: Following
) -> npt.NDArray[np.int32]:
    """The changes with `NEVER` for neighbours that overlap even at the shortest length, and for
    pairs that `follows` has.
    """
    same = places.stretch[:, None] == places.stretch[None, :]
    reach = places.least + places.gap
    near = same & (np.abs(places.at[:, None] - places.at[None, :]) < reach[:, None])
    near[follows.before, follows.after] = True
    stacked = np.stack(changes)
    stacked[:, near] = NEVER
    return stacked


class Block(NamedTuple):
    """Frame numbers `begin` to `end` that no arc joins; `into` are the arcs that end on one of
    them.

    `frame` is where each of those ends, counted from `begin`; `links[a]` are the units of the pairs
    `follows.columns` after it. `accents` gives the frames (counted from `begin`) of each accent
    there is.
    """

    begin: int
    end: int
    into: Ints
    frame: Ints
    links: npt.NDArray[np.int32]
    accents: tuple[tuple[int, Ints], ...]


def _blocks(space: Space) -> list[Block]:
    """Runs of frame numbers that lie less than the shortest cut from each other, last first."""
    cuts, shortest = space.arcs.cuts, space.objective.shortest
    edges = np.searchsorted(space.arcs.end[space.arcs.by_end], np.arange(len(cuts) + 1))
    blocks = []
    end = len(cuts) - 1
    while end > 0:
        begin = int(np.searchsorted(cuts, cuts[end - 1] - shortest + 1))
        blocks.append(_block(space, begin, end, space.arcs.by_end[edges[begin] : edges[end]]))
        end = begin
    return blocks


def _block(space: Space, begin: int, end: int, into: Ints) -> Block:
    follows, arcs = space.follows, space.arcs
    links = follows.change[space.accent[arcs.end[into]]] + follows.units[arcs.length_of[into]]
    accents = space.accent[begin:end]
    return Block(
        begin,
        end,
        into,
        arcs.end[into] - begin,
        links[:, follows.columns],
        tuple((int(accent), np.flatnonzero(accents == accent)) for accent in np.unique(accents)),
    )
