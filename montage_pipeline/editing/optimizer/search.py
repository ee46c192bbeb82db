"""The search for the best edit that keeps every rule, guided and bounded by the relaxed problem.

Belongs here: finding edits, and when to stop. Does not belong here: what is good (`objective`), the
bound itself (`relaxation`), whether an edit of a length is possible at all (`packing`).

Branch and bound in order of time: an unfinished edit counts for what it has plus what the relaxed
problem promises for the rest, which no rest can exceed. Those that cannot beat the best finished
edit are dropped for good; of the others the most promising go on. When none had to be left out for
want of room, the result is proved to be the best there is in the space.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from montage_pipeline.editing.moment_table import Ints
from montage_pipeline.editing.optimizer.objective import NEVER, Points
from montage_pipeline.editing.optimizer.relaxation import Prices, Solved
from montage_pipeline.editing.optimizer.space import Edit
from montage_pipeline.editing.packing import (
    Piece,
    Room,
    ShortRoom,
    gains,
    longest_total,
    quickly_possible,
    rooms_after,
    sums_of_short,
)

_MIN_CHILDREN = 30
"""Continuations kept of each unfinished edit, at least; the width of the search counts twice that.
Bounds the work of a step where nearly all of some hundred places times lengths promise something;
chosen by eye.
"""


class _State(NamedTuple):
    """An unfinished edit."""

    units: int
    """What it has."""
    value: int
    """The same, less what it has paid."""
    frame: int
    """The frame number it has come to."""
    arc: int
    place: int
    """The last piece's; -1 when there is only the hook."""
    hook: int
    pieces: tuple[Piece, ...]
    arcs: tuple[int, ...]
    places: tuple[int, ...]
    free: Ints
    """Per place: frames free from there on; 0 when used."""
    surcharge: Ints
    """Per place: units by which its use costs more than its price says, as its clip or a look-alike
    was shown already.
    """
    uses: Ints
    """Per clip: how often it was shown."""
    clusters: frozenset[int]
    """Clusters of look-alikes that were shown."""
    rooms: tuple[tuple[Room, ...], ...]
    """Per stretch: what is unused; kept up only in a tight search."""
    full_pieces: int
    """How many pieces of the longest length the rooms hold."""
    short_cuts: int = 0
    """How many of its pieces are short cuts."""


class BranchAndBound:
    """One descent through a space under one set of prices, with at most `width` unfinished edits of
    one number of cuts.

    A `tight` search checks of each unfinished edit whether the unused footage still fills the Reel.
    """

    def __init__(self, solved: Solved, prices: Prices, width: int, tight: bool) -> None:
        self._solved = solved
        self._space = solved.space
        self._objective = solved.space.objective
        self._rules = solved.space.objective.rules
        self._prices = prices
        self._width = width
        self._max_children = max(_MIN_CHILDREN, 2 * width)
        self._tight = tight
        self.left_out: int | None = None
        """The best promise among the unfinished edits that were left out for want of room; None
        when there were none.
        """
        self.looked_at = 0
        """How many unfinished edits were looked at."""

    def best(self, incumbent: Edit | None) -> Edit | None:
        """The best finished edit found, or the incumbent when none is better."""
        found = incumbent
        openings = [self._opening(number) for number in range(len(self._space.hooks))]
        beam = [state for state in openings if state is not None]
        while beam:
            self.looked_at += len(beam)
            options = np.concatenate(
                [self._children(number, state, found) for number, state in enumerate(beam)]
            )
            # By promise; equals by who they are, so that the order is the same everywhere.
            order = np.lexsort((options[:, 3], options[:, 2], options[:, 1], -options[:, 0]))
            beam, found = self._next_beam(beam, options[order], found)
        return found

    def _next_beam(
        self, parents: Sequence[_State], options: Ints, found: Edit | None
    ) -> tuple[list[_State], Edit | None]:
        """The most promising unfinished edits one cut further, and the best finished one so far."""
        beam: list[_State] = []
        met: set[tuple[int, int, int, frozenset[Piece]]] = set()
        for promise, number, arc, place in options.tolist():
            if found is not None and promise <= found.units:
                break
            if len(beam) >= self._width:
                self._leave_out(promise)
                break

            state = self._grown(parents[number], arc, place)
            # Of two edits that show the same so far and end alike, the first is at least as good
            # for any rest.
            key = (state.frame, place, arc, frozenset(state.pieces))
            if key in met or not self._stays_possible(state):
                continue
            met.add(key)
            if state.frame < len(self._space.arcs.cuts) - 1:
                beam.append(state)
            elif self._shows_all(state) and (found is None or state.units > found.units):
                found = Edit(state.units, state.pieces, state.hook, state.arcs, state.places)
        return beam, found

    def _leave_out(self, promise: int) -> None:
        self.left_out = promise if self.left_out is None else max(self.left_out, promise)

    def _shows_all(self, state: _State) -> bool:
        """Whether every clip that must appear was shown."""
        return all(state.uses[clip] for clip in self._objective.must_use)

    # -- what can come next ---------------------------------------------------------------------

    def _children(self, number: int, state: _State, found: Edit | None) -> Ints:
        """Rows (promise, `number`, arc, place) of the most promising pieces that may come next."""
        space, solved = self._space, self._solved
        first, last = int(space.arcs.first[state.frame]), int(space.arcs.first[state.frame + 1])
        value = (
            solved.net[first:last]
            + solved.rest[first:last]
            + (self._change(state) - state.surcharge)
        )
        frames = space.arcs.frames[first:last, None]
        barred = (frames > state.free) | (frames < space.places.least)
        if state.short_cuts >= self._objective.short_allowed:
            barred |= frames < self._rules.min_frames
        value[barred] = 4 * NEVER
        flat = (value + (state.value + solved.given_back)).ravel()
        good = np.flatnonzero(flat > (found.units if found is not None else 3 * NEVER))
        if len(good) > self._max_children:
            good = good[np.argsort(-flat[good], kind="stable")]
            self._leave_out(int(flat[good[self._max_children]]))
            good = good[: self._max_children]
        places = len(space.places.at)
        return np.stack(
            [flat[good], np.full(len(good), number), first + good // places, good % places], axis=1
        )

    def _change(self, state: _State) -> Points:
        if state.arc < 0:
            return np.asarray(self._space.hook_changes[state.hook], dtype=np.int32)
        return self._space.changes_from(state.place, state.arc)

    def _stays_possible(self, state: _State) -> bool:
        """Whether the rest of the Reel can still be filled, wherever the cuts of the rest begin."""
        if not self._tight:
            return True
        cuts = self._space.arcs.cuts
        remaining = int(cuts[-1] - cuts[state.frame])
        if not remaining or quickly_possible(state.full_pieces, remaining, self._rules):
            return True
        rooms = [(room.frames, room.gap) for left in state.rooms for room in left]
        return longest_total(rooms, self._rules, remaining, self._short_left(state)) == remaining

    def _short_left(self, state: _State) -> int:
        """The sums of the short cuts that may still be shown."""
        least = self._objective.least
        found = tuple(
            ShortRoom(int(least[room.stretch]), room.frames)
            for left in state.rooms
            for room in left
            if least[room.stretch] <= room.frames < self._rules.min_frames
        )
        allowed = max(0, self._objective.short_allowed - state.short_cuts)
        return sums_of_short(found, min(allowed, len(found)))

    # -- growing --------------------------------------------------------------------------------

    def _opening(self, number: int) -> _State | None:
        """The edit that has only a hook; None when no Reel can follow it."""
        space, footage = self._space, self._objective.footage
        rooms = footage.rooms()
        empty = _State(
            units=int(space.hook_points[number]) - int(self._objective.absent.sum()),
            value=int(self._solved.hook_net[number]),
            frame=0,
            arc=-1,
            place=-1,
            hook=number,
            pieces=(),
            arcs=(),
            places=(),
            free=space.places.free,
            surcharge=np.zeros(len(space.places.at), dtype=np.int64),
            uses=np.zeros(footage.clip_count, dtype=np.int64),
            clusters=frozenset(),
            rooms=tuple((room,) for room in rooms),
            full_pieces=self._full_pieces(rooms),
        )
        clip, cluster = space.hook_places.clip[number], space.hook_places.cluster[number]
        state = self._shown(empty, space.hooks[number].piece, int(clip), int(cluster))
        return state if self._stays_possible(state) else None

    def _grown(self, state: _State, arc: int, place: int) -> _State:
        """The edit with one more piece."""
        space, objective = self._space, self._objective
        change = int(self._change(state)[place])
        clip, cluster = int(space.places.clip[place]), int(space.places.cluster[place])

        units = state.units + int(space.points[arc, place]) + change
        units -= objective.overused * bool(state.uses[clip] >= objective.fair_uses)
        units -= objective.alike * (cluster in state.clusters)
        net = int(self._solved.net[arc, place])
        short = bool(space.arcs.frames[arc] < self._rules.min_frames)
        value = state.value + net + change - int(state.surcharge[place])

        state = state._replace(
            units=units,
            value=value,
            frame=int(space.arcs.end[arc]),
            arc=arc,
            place=place,
            short_cuts=state.short_cuts + short,
            arcs=(*state.arcs, arc),
            places=(*state.places, place),
        )
        piece = space.piece(place, int(space.arcs.frames[arc]))
        return self._shown(state, piece, clip, cluster)

    def _shown(self, state: _State, piece: Piece, clip: int, cluster: int) -> _State:
        """The edit after a piece of a clip and a cluster was shown: what is used, and what it makes
        dearer.
        """
        space, prices, objective = self._space, self._prices, self._objective
        free = state.free.copy()
        space.take(free, piece)

        units = state.units
        if not state.uses[clip]:
            units += int(objective.absent[clip])

        # With the next use, rules that were free so far cost in full; what was charged as their
        # price is not charged again.
        uses, surcharge = state.uses.copy(), state.surcharge.copy()
        uses[clip] += 1
        if uses[clip] == objective.fair_uses:
            surcharge[space.of_clip(clip)] += objective.overused - prices.use_units[clip]
        if uses[clip] == 1 and prices.bonus_units[clip]:
            surcharge[space.of_clip(clip)] += prices.bonus_units[clip]
        if cluster not in state.clusters:
            surcharge[space.of_cluster(cluster)] += objective.alike - prices.cluster_units[cluster]

        rooms, full_pieces = state.rooms, state.full_pieces
        if self._tight:
            left = list(rooms)
            left[piece.stretch] = tuple(rooms_after(rooms[piece.stretch], piece))
            other = objective.footage.stretches[piece.stretch].other
            changed = [piece.stretch]
            if other is not None:
                left[other] = ()
                changed.append(other)
            full_pieces += sum(
                self._full_pieces(left[stretch]) - self._full_pieces(rooms[stretch])
                for stretch in changed
            )
            rooms = tuple(left)
        return state._replace(
            units=units,
            pieces=(*state.pieces, piece),
            free=free,
            surcharge=surcharge,
            uses=uses,
            clusters=state.clusters | {cluster},
            rooms=rooms,
            full_pieces=full_pieces,
        )

    def _full_pieces(self, rooms: Sequence[Room]) -> int:
        return sum(
            gains(room.frames, room.gap, self._rules).full
            for room in rooms
            if room.frames >= self._rules.min_frames
        )
