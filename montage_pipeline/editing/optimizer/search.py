"""The search for the best edit that keeps every rule, guided and bounded by the relaxed problem.

Belongs here: finding edits, and when to stop. Does not belong here: what is good (`objective`), the
bound itself
(`relaxation`), whether an edit of a length is possible at all (`packing`).

Branch and bound in order of time: an unfinished edit is worth what it has plus what the relaxed
problem promises for the
rest, which no rest can exceed. Those that cannot beat the best finished edit are dropped for good;
of the others the most
promising go on. When none had to be left out for want of room, the result is proved to be the best
there is in the space.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from montage_pipeline.editing.optimizer.objective import NEVER, Ints, Points
from montage_pipeline.editing.optimizer.relaxation import Prices, Solved
from montage_pipeline.editing.optimizer.space import Edit
from montage_pipeline.editing.packing import (
    Piece,
    Room,
    gains,
    longest_total,
    quickly_possible,
    rooms_after,
)

_CHILDREN = 30


class _State(NamedTuple):
    """An unfinished edit. `units` are what it has, `value` the same less what it has paid."""

    units: int
    value: int
    frame: int
    arc: int
    place: int
    hook: int
    pieces: tuple[Piece, ...]
    arcs: tuple[int, ...]
    places: tuple[int, ...]
    free: Ints
    """Per place: frames free from there on; 0 when used."""
    surcharge: Ints
    """Per place: units by which its use costs more than its price says, as clip or look was shown
    already.
    """
    uses: Ints
    """Per clip: how often it was shown."""
    looks: frozenset[int]
    rooms: tuple[tuple[Room, ...], ...]
    full_pieces: int


class BranchAndBound:
    """One descent through a space under one set of prices, with at most `width` unfinished edits of
    one number of cuts.
    """

    def __init__(self, solved: Solved, prices: Prices, width: int, tight: bool) -> None:
        self._solved = solved
        self._space = space = solved.space
        self._objective = space.objective
        self._rules = space.objective.rules
        self._prices = prices
        self._width = width
        self._children_each = max(_CHILDREN, 2 * width)
        self._tight = tight
        self._arc_frames = space.lengths[space.arc_length]
        self.left_out: int | None = None
        """The best promise among the unfinished edits that were left out for want of room;

        None when there were none.
        """
        self.looked_at = 0
        """How many unfinished edits were looked at."""

    def best(self, incumbent: Edit | None) -> Edit | None:
        """The best finished edit found, or the incumbent when none is better."""
        found = incumbent
        beam = [
            state
            for number in range(len(self._space.hooks))
            if (state := self._opening(number)) is not None
        ]
        while beam:
            self.looked_at += len(beam)
            options = np.concatenate(
                [self._children(number, state, found) for number, state in enumerate(beam)]
            )
            # By promise; equals by who they are, so that the order is the same everywhere.
            order = np.lexsort((options[:, 3], options[:, 2], options[:, 1], -options[:, 0]))
            parents, beam = beam, []
            met: set[tuple[int, int, int, frozenset[Piece]]] = set()
            for promise, number, arc, place in options[order].tolist():
                if found is not None and promise <= found.units:
                    break
                if len(beam) >= self._width:
                    self._leave_out(promise)
                    break
                state = self._grown(parents[number], arc, place)
                # Of two edits that show the same so far and end alike, the first is at least as
                # good for any rest.
                key = (state.frame, place, arc, frozenset(state.pieces))
                if key in met or not self._stays_possible(state):
                    continue
                met.add(key)
                if state.frame < len(self._space.frames) - 1:
                    beam.append(state)
                elif not self._missing(state) and (found is None or state.units > found.units):
                    found = Edit(state.units, state.pieces, state.hook, state.arcs, state.places)
        return found

    def _leave_out(self, promise: int) -> None:
        self.left_out = promise if self.left_out is None else max(self.left_out, promise)

    def _missing(self, state: _State) -> list[int]:
        return [clip for clip in sorted(self._objective.must_use) if not state.uses[clip]]

    # -- what can come next ---------------------------------------------------------------------

    def _children(self, number: int, state: _State, found: Edit | None) -> Ints:
        """Rows (promise, `number`, arc, place) of the most promising pieces that may come next."""
        space, solved = self._space, self._solved
        first, last = int(space.first_arc[state.frame]), int(space.first_arc[state.frame + 1])
        value = (
            solved.net[first:last]
            + solved.rest[first:last]
            + (self._change(state) - state.surcharge)
        )
        value[self._arc_frames[first:last, None] > state.free] = 4 * NEVER
        flat = (value + (state.value + solved.given_back)).ravel()
        good = np.flatnonzero(flat > (found.units if found is not None else 3 * NEVER))
        if len(good) > self._children_each:
            good = good[np.argsort(-flat[good], kind="stable")]
            self._leave_out(int(flat[good[self._children_each]]))
            good = good[: self._children_each]
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
        remaining = int(self._space.frames[-1] - self._space.frames[state.frame])
        if not remaining or quickly_possible(state.full_pieces, remaining, self._rules):
            return True
        rooms = [(room.frames, room.gap) for parts in state.rooms for room in parts]
        return longest_total(rooms, self._rules, remaining) == remaining

    # -- growing --------------------------------------------------------------------------------

    def _opening(self, number: int) -> _State | None:
        space, solved = self._space, self._solved
        hook, footage = space.hooks[number], self._objective.footage
        places = space.places
        count = len(places.at)
        empty = _State(
            0, 0, 0, -1, -1, number, (), (), (), places.free, np.zeros(count, dtype=np.int64), np.zeros(footage.clips, dtype=np.int64),
            frozenset(), tuple((room,) for room in footage.rooms()), sum(self._full((room,)) for room in footage.rooms()),
        )  # fmt: skip
        units, value = int(space.hook_points[number]), int(solved.hook_net[number])
        state = self._with(
            empty,
            hook.piece,
            int(space.hook_places.clip[number]),
            int(space.hook_places.look[number]),
            units,
            value,
        )
        return state if self._stays_possible(state) else None

    def _grown(self, state: _State, arc: int, place: int) -> _State:
        space = self._space
        change = int(self._change(state)[place])
        piece = space.piece(place, int(self._arc_frames[arc]))
        clip, look = int(space.places.clip[place]), int(space.places.look[place])
        units = state.units + int(space.worth[arc, place]) + change
        units -= self._objective.overused * bool(state.uses[clip] >= self._objective.fair_uses)
        units -= self._objective.alike * (look in state.looks)
        value = (
            state.value + int(self._solved.net[arc, place]) + change - int(state.surcharge[place])
        )
        state = state._replace(
            frame=int(space.arc_to[arc]),
            arc=arc,
            place=place,
            arcs=(*state.arcs, arc),
            places=(*state.places, place),
        )
        return self._with(state, piece, clip, look, units, value)

    def _with(
        self, state: _State, piece: Piece, clip: int, look: int, units: int, value: int
    ) -> _State:
        places, prices, objective = self._space.places, self._prices, self._objective
        part = self._space.in_stretch(piece.stretch)
        gap = objective.footage.stretches[piece.stretch].gap
        free = state.free.copy()
        start, own = places.start[part], free[part]
        own[:] = np.where(
            start < piece.start,
            np.minimum(own, piece.start - gap - start),
            np.where(start < piece.end + gap, 0, own),
        )
        uses, surcharge = state.uses.copy(), state.surcharge.copy()
        uses[clip] += 1
        # With the next use, rules that were free so far cost in full; what was charged as their
        # price is not charged again.
        if uses[clip] == objective.fair_uses:
            surcharge[self._space.of_clip(clip)] += objective.overused - prices.use_units[clip]
        if uses[clip] == 1 and prices.bonus_units[clip]:
            surcharge[self._space.of_clip(clip)] += prices.bonus_units[clip]
        if look not in state.looks:
            surcharge[self._space.of_look(look)] += objective.alike - prices.look_units[look]
        rooms, full = state.rooms, state.full_pieces
        if self._tight:
            left = tuple(rooms_after(rooms[piece.stretch], piece))
            full += self._full(left) - self._full(rooms[piece.stretch])
            rooms = (*rooms[: piece.stretch], left, *rooms[piece.stretch + 1 :])
        return state._replace(
            units=units, value=value, pieces=(*state.pieces, piece), free=free, surcharge=surcharge, uses=uses,
            looks=state.looks | {look}, rooms=rooms, full_pieces=full,
        )  # fmt: skip

    def _full(self, rooms: Sequence[Room]) -> int:
        return sum(
            gains(room.frames, room.gap, self._rules)[0]
            for room in rooms
            if room.frames >= self._rules.min_frames
        )
