"""Making a finished edit better where it stands: other cut frames, other places, other order, by
the same objective.

Belongs here: moves that keep every rule and never lose points. Does not belong here: finding a
first edit (`search`).
"""

from collections.abc import Iterable

import numpy as np

from montage_pipeline.editing.optimizer.objective import NEVER, POINT, Ints
from montage_pipeline.editing.optimizer.space import Edit, Space
from montage_pipeline.editing.packing import Piece

_MOST_ROUNDS = 20
_MOST_EXCHANGES = 6
_TRIED = 8


class Improvement:
    """An edit of a space under change."""

    def __init__(self, space: Space, edit: Edit) -> None:
        self._space = space
        self._objective = space.objective
        self._hook = edit.hook
        self._arcs = list(edit.arcs)
        self._places = list(edit.places)
        self.units = edit.units

    def best(self, thorough: bool = False) -> Edit:
        """The edit that no single move makes better; with `thorough`, no move of two neighbours at
        once either.
        """
        for _ in range(_MOST_ROUNDS):
            before = self.units
            self._replace()
            self._exchange()
            if self.units - before <= POINT // 1000:
                self._retime()
            if self.units == before and thorough:
                self._replace_two()
            if self.units == before:
                break
        return self.edit()

    def edit(self) -> Edit:
        """The edit as it is now."""
        pieces = self._pieces(range(len(self._places)))
        return Edit(self.units, tuple(pieces), self._hook, tuple(self._arcs), tuple(self._places))

    def _length(self, arc: int) -> int:
        return int(self._space.lengths[self._space.arc_length[arc]])

    # -- other cut frames -----------------------------------------------------------------------

    def _retime(self) -> None:
        """The best cut frames for the same places in the same order: exact, as where a piece begins
        decides how long it may be.
        """
        space = self._space
        count = len(space.frames)
        arc_frames = space.lengths[space.arc_length]
        reach = np.full(count, 10 * NEVER, dtype=np.int64)
        reach[0] = 0
        choices: list[Ints] = []
        for index, place in enumerate(self._places):
            value = reach[space.arc_from] + space.worth[:, place]
            value[arc_frames > self._room(index)] = 10 * NEVER
            if index + 1 < len(self._places):
                value += self._change_at(place, self._places[index + 1])
            choice = _best_into(space, value)
            choices.append(choice)
            reach = np.where(choice >= 0, value[choice], 10 * NEVER)
        arcs: list[int] = []
        frame = count - 1
        for choice in reversed(choices):
            if choice[frame] < 0 or reach[-1] < NEVER:
                return
            arcs.append(int(choice[frame]))
            frame = int(space.arc_from[arcs[-1]])
        first = int(space.hook_changes[self._hook, self._places[0]])
        worth = sum(
            int(space.worth[arc, place])
            for arc, place in zip(self._arcs, self._places, strict=True)
        )
        before = worth + sum(
            int(space.changes_from(self._places[k], self._arcs[k])[self._places[k + 1]])
            for k in range(len(self._places) - 1)
        )
        if frame == 0 and int(reach[-1]) > before and first > NEVER:
            self.units += int(reach[-1]) - before
            self._arcs = arcs[::-1]

    def _change_at(self, place: int, after: int) -> Ints:
        """Units of the change from one place to another at the end of every arc."""
        space, follows = self._space, self._space.follows
        accent = space.accent[space.arc_to]
        pairs = np.flatnonzero((follows.before == place) & (follows.after == after))
        if len(pairs):
            return np.asarray(
                follows.change[accent, pairs[0]] + follows.units[space.arc_length, pairs[0]],
                dtype=np.int64,
            )
        return np.asarray(space.changes[accent, place, after], dtype=np.int64)

    def _room(self, index: int) -> int:
        """The most frames that the piece can have where it begins, all others staying where they
        begin.
        """
        space, place = self._space, self._places[index]
        places, hook = space.places, space.hooks[self._hook].piece
        own, gap = int(places.start[place]), int(places.gap[place])
        others = [
            int(places.start[other])
            for other in self._places
            if places.stretch[other] == places.stretch[place]
        ]
        others += [hook.start] if hook.stretch == places.stretch[place] else []
        return min(
            [int(places.free[place]), *(start - gap - own for start in others if start > own)]
        )

    # -- other places ---------------------------------------------------------------------------

    def _replace(self) -> None:
        """Each piece in turn from the best of all places for it."""
        space, objective = self._space, self._objective
        clip, look = space.places.clip, space.places.look
        free, (uses, looks) = self._free(), self._counts()
        for index, arc in enumerate(self._arcs):
            own = self._places[index]
            uses[clip[own]] -= 1
            looks[look[own]] -= 1
            value = space.worth[arc] + self._before(index)
            if index + 1 < len(self._arcs):
                value += space.changes_to(arc, self._places[index + 1])
            value -= (
                objective.overused * (uses >= objective.fair_uses)[clip]
                + objective.alike * (looks > 0)[look]
            )
            part = space.in_stretch(int(space.places.stretch[own]))
            usable = free >= self._length(arc)
            usable[part] = self._free_in(
                int(space.places.stretch[own]), without=index
            ) >= self._length(arc)
            for needed in objective.must_use:
                if not uses[needed]:
                    usable &= clip == needed
            value[~usable] = 10 * NEVER
            best = int(value.argmax())
            gain = int(value[best] - value[own])
            if gain > 0 and value[best] > NEVER:
                self._places[index] = best
                self.units += gain
                free = self._free()
            uses[clip[self._places[index]]] += 1
            looks[look[self._places[index]]] += 1

    def _before(self, index: int) -> Ints:
        space = self._space
        if index == 0:
            return np.asarray(space.hook_changes[self._hook], dtype=np.int64)
        return space.changes_from(self._places[index - 1], self._arcs[index - 1]).astype(np.int64)

    def _counts(self) -> tuple[Ints, Ints]:
        """How often every clip and every look is shown."""
        space, footage = self._space, self._objective.footage
        uses = np.bincount(
            np.append(space.places.clip[self._places], space.hook_places.clip[self._hook]),
            minlength=footage.clips,
        )
        looks = np.bincount(
            np.append(space.places.look[self._places], space.hook_places.look[self._hook]),
            minlength=footage.look_count,
        )
        return uses, looks

    def _free(self) -> Ints:
        """Per place: the frames free from there on; 0 when used."""
        free = self._space.places.free.copy()
        for piece in self._pieces(range(len(self._places))):
            self._take(free, piece)
        return free

    def _free_in(self, stretch: int, without: int) -> Ints:
        """The same for the places of one stretch when one piece is taken out."""
        places = self._space.places
        free = places.free.copy()
        for piece in self._pieces(
            [
                k
                for k, place in enumerate(self._places)
                if k != without and places.stretch[place] == stretch
            ]
        ):
            if piece.stretch == stretch:
                self._take(free, piece)
        return free[self._space.in_stretch(stretch)]

    def _pieces(self, numbers: Iterable[int]) -> list[Piece]:
        """The hook, and pieces by number."""
        space = self._space
        return [
            space.hooks[self._hook].piece,
            *(space.piece(self._places[k], self._length(self._arcs[k])) for k in numbers),
        ]

    def _take(self, free: Ints, piece: Piece) -> None:
        part = self._space.in_stretch(piece.stretch)
        gap = self._objective.footage.stretches[piece.stretch].gap
        start, own = self._space.places.start[part], free[part]
        own[:] = np.where(
            start < piece.start,
            np.minimum(own, piece.start - gap - start),
            np.where(start < piece.end + gap, 0, own),
        )

    # -- another order --------------------------------------------------------------------------

    def _exchange(self) -> None:
        """A piece goes to another's cut, whose own goes back in exchange, or gives way to the best
        unused one.
        """
        for _ in range(_MOST_EXCHANGES):
            there, unused = self._at_each_cut()
            stays = np.diagonal(there)
            swapped = there + there.T - stays[:, None] - stays[None, :]
            moved = (
                there
                + unused.max(axis=1, initial=10 * NEVER)[None, :]
                - stays[:, None]
                - stays[None, :]
            )
            gains = np.stack(
                [np.triu(swapped, 1), np.where(np.eye(len(stays), dtype=bool), 0, moved)]
            )
            order = np.argsort(-gains.ravel(), kind="stable")[:_TRIED]
            found = False
            for how, to, of in zip(
                *(axis.tolist() for axis in np.unravel_index(order, gains.shape)), strict=True
            ):
                if gains[how, to, of] <= 0:
                    break
                changed = list(self._places)
                changed[to], changed[of] = changed[of], changed[to]
                if how == 1:
                    changed[of] = int(unused[of].argmax())
                found |= self._take_if_better(changed)
            if not found:
                return

    def _at_each_cut(self) -> tuple[Ints, Ints]:
        """Units of every cut (rows) shown from each place of the edit, and from each unused one,
        its neighbours staying as they are.

        What neighbours of one another would change, and uses of clips and looks, are left out.
        """
        space = self._space
        arcs = np.asarray(self._arcs)
        value = space.worth[arcs].astype(np.int64)
        for index in range(len(arcs)):
            value[index] += self._before(index)
            if index + 1 < len(arcs):
                value[index] += space.changes_to(self._arcs[index], self._places[index + 1])
        there = value[:, self._places]
        lengths = space.lengths[space.arc_length[arcs]]
        value[self._free()[None, :] < lengths[:, None]] = 10 * NEVER
        uses, looks = self._counts()
        value -= self._objective.overused * (uses >= self._objective.fair_uses)[space.places.clip]
        value -= self._objective.alike * (looks > 0)[space.places.look]
        return there, value

    def _replace_two(self) -> None:
        """Two neighbours at once from the best pair of places for them."""
        space = self._space
        for index in range(len(self._arcs) - 1):
            one, two = self._arcs[index], self._arcs[index + 1]
            first, second = self._usable(index, index + 1)
            value = space.changes[space.accent[space.arc_to[one]]].astype(np.int64)
            value += (space.worth[one] + self._before(index) + first)[:, None]
            value += (space.worth[two] + second)[None, :]
            if index + 2 < len(self._arcs):
                value += space.changes_to(two, self._places[index + 2])[None, :]
            pair = divmod(int(value.argmax()), len(space.places.at))
            if value[pair] > value[self._places[index], self._places[index + 1]]:
                changed = list(self._places)
                changed[index : index + 2] = pair
                self._take_if_better(changed)

    def _usable(self, one: int, two: int) -> tuple[Ints, Ints]:
        """Per place what its clip and look cost, and `NEVER` where it is not free, for two cuts
        whose pieces are taken out.
        """
        space, objective = self._space, self._objective
        free = space.places.free.copy()
        for piece in self._pieces([k for k in range(len(self._places)) if k not in (one, two)]):
            self._take(free, piece)
        uses, looks = self._counts()
        for place in (self._places[one], self._places[two]):
            uses[space.places.clip[place]] -= 1
            looks[space.places.look[place]] -= 1
        cost = (
            -objective.overused * (uses >= objective.fair_uses)[space.places.clip]
            - objective.alike * (looks > 0)[space.places.look]
        )
        return tuple(
            np.where(free < self._length(self._arcs[k]), 10 * NEVER, cost) for k in (one, two)
        )  # type: ignore[return-value]

    def _take_if_better(self, places: list[int]) -> bool:
        """Make the edit one of these places, cuts staying where they are, if that keeps the rules
        and brings points.
        """
        if len(set(places)) < len(places):
            return False
        before, units = self._places, self._counted()
        self._places = places
        gain = self._counted() - units
        kept = gain > 0 and all(
            self._fits(index) for index in range(len(places)) if places[index] != before[index]
        )
        if kept and self._objective.must_use:
            uses, _ = self._counts()
            kept = all(uses[clip] for clip in self._objective.must_use)
        if kept:
            self.units += gain
        else:
            self._places = before
        return kept

    def _counted(self) -> int:
        """Units of the edit without the hook's own."""
        space, objective = self._space, self._objective
        units = int(space.worth[self._arcs, self._places].astype(np.int64).sum()) + int(
            space.hook_changes[self._hook, self._places[0]]
        )
        for index in range(1, len(self._places)):
            units += space.change(
                self._places[index - 1], self._arcs[index - 1], self._places[index]
            )
        uses, looks = self._counts()
        units -= objective.overused * int(np.maximum(0, uses - objective.fair_uses).sum())
        return units - objective.alike * int(np.maximum(0, looks - 1).sum())

    def _fits(self, index: int) -> bool:
        place = self._places[index]
        stretch = int(self._space.places.stretch[place])
        free = self._free_in(stretch, without=index)[place - self._space.in_stretch(stretch).start]
        return bool(free >= self._length(self._arcs[index]))


def _best_into(space: Space, value: Ints) -> Ints:
    """Per frame number the arc into it with the highest value, -1 where there is none."""
    best = np.full(len(space.frames), -1, dtype=np.int64)
    grouped = value[space.arcs_in]
    top = np.maximum.reduceat(grouped, space.starts_in)
    hits = np.flatnonzero(
        grouped == np.repeat(top, np.diff(np.append(space.starts_in, len(grouped))))
    )
    # Of equals the first; written backwards, so that it is the one that stays.
    best[space.arc_to[space.arcs_in[hits[::-1]]]] = space.arcs_in[hits[::-1]]
    return best
