"""Making a finished edit better where it stands: other cut frames, other places, other order, by
the same objective.

Belongs here: moves that keep every rule and never lose points. Does not belong here: finding a
first edit (`search`).
"""

from collections.abc import Iterable

import numpy as np

from montage_pipeline.editing.moment_table import Ints
from montage_pipeline.editing.optimizer.objective import NEVER, POINT
from montage_pipeline.editing.optimizer.space import Edit, Space
from montage_pipeline.editing.packing import Piece

_MAX_ROUNDS = 20
"""Rounds over all moves; a bound that is rarely met, since an edit soon stops improving."""

_MAX_EXCHANGES = 6
"""Exchanges in one round before places are looked at again; chosen by eye."""

_MAX_TRIED = 8
"""Of all exchanges, the most promising ones that are evaluated in full, as their estimates leave
out what two neighbours change together; chosen by eye.
"""

_LITTLE_GAIN = POINT // 1000
"""Units up to which the moves of places count as exhausted, so that cut frames are tried: a
thousandth of a point.
"""

_BARRED = 10 * NEVER
"""Units of a choice that must not be taken: below any sum of `NEVER`s."""


_REPLACED = 1
"""The kind of exchange in which a piece leaves for the best unused one; in kind 0 two pieces trade
their cuts.
"""


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
        for _ in range(_MAX_ROUNDS):
            before = self.units
            self._replace()
            self._exchange()
            if self.units - before <= _LITTLE_GAIN:
                self._retime()
            if self.units == before and thorough:
                self._replace_two()
            if self.units == before:
                break
        return self._edit()

    def _edit(self) -> Edit:
        """The edit as it is now."""
        pieces = self._pieces(range(len(self._places)))
        return Edit(self.units, tuple(pieces), self._hook, tuple(self._arcs), tuple(self._places))

    # -- other cut frames -----------------------------------------------------------------------

    def _retime(self) -> None:
        """The best cut frames for the same places in the same order: exact, as where a piece begins
        decides how long it may be.
        """
        arcs, best = self._best_timing()
        if not arcs:
            return
        space = self._space
        before = sum(
            int(space.points[arc, place])
            for arc, place in zip(self._arcs, self._places, strict=True)
        ) + sum(
            int(space.changes_from(self._places[k], self._arcs[k])[self._places[k + 1]])
            for k in range(len(self._places) - 1)
        )
        first_change = int(space.hook_changes[self._hook, self._places[0]])
        if best > before and first_change > NEVER:
            self.units += best - before
            self._arcs = arcs

    def _best_timing(self) -> tuple[list[int], int]:
        """Arcs from the hook's cut to the end for the places as they are, with their units; none
        where there is no way.
        """
        space, arcs = self._space, self._space.arcs
        reach = np.full(len(arcs.cuts), _BARRED, dtype=np.int64)
        reach[0] = 0
        choices: list[Ints] = []
        for index, place in enumerate(self._places):
            value = reach[arcs.begin] + space.points[:, place]
            value[arcs.frames > self._room(index)] = _BARRED
            if index + 1 < len(self._places):
                value += space.changes_on_arcs(place, self._places[index + 1])
            choice = arcs.best_into(value)
            choices.append(choice)
            reach = np.where(choice >= 0, value[choice], _BARRED)
        units = int(reach[-1])

        way: list[int] = []
        frame = len(arcs.cuts) - 1
        for choice in reversed(choices):
            if choice[frame] < 0 or units < NEVER:
                return [], units
            way.append(int(choice[frame]))
            frame = int(arcs.begin[way[-1]])
        return (way[::-1] if frame == 0 else []), units

    def _room(self, index: int) -> int:
        """The most frames that the piece can have where it begins, all others staying where they
        begin.
        """
        space, place = self._space, self._places[index]
        places, hook = space.places, space.hooks[self._hook].piece
        own, gap = int(places.start[place]), int(places.gap[place])
        others = [
            int(places.start[neighbour])
            for neighbour in self._places
            if places.stretch[neighbour] == places.stretch[place]
        ]
        others += [hook.start] if hook.stretch == places.stretch[place] else []
        return min(
            [int(places.free[place]), *(start - gap - own for start in others if start > own)]
        )

    # -- other places ---------------------------------------------------------------------------

    def _replace(self) -> None:
        """Each piece in turn from the best of all places for it."""
        clip, cluster = self._space.places.clip, self._space.places.cluster
        free, (uses, shown) = self._free(), self._counts()
        for index in range(len(self._arcs)):
            own = self._places[index]
            uses[clip[own]] -= 1
            shown[cluster[own]] -= 1

            value = self._replacements(index, free, uses, shown)
            best = int(value.argmax())
            gain = int(value[best] - value[own])
            if gain > 0 and value[best] > NEVER:
                self._places[index] = own = best
                self.units += gain
                free = self._free()

            uses[clip[own]] += 1
            shown[cluster[own]] += 1

    def _replacements(self, index: int, free: Ints, uses: Ints, shown: Ints) -> Ints:
        """Units of a cut from every place, which must be free and keep the wishes.

        `uses` and `shown` count clips and clusters without the piece itself.
        """
        space = self._space
        arc, own = self._arcs[index], self._places[index]
        value: Ints = space.points[arc] + self._change_before(index)
        if index + 1 < len(self._arcs):
            value += space.changes_to(arc, self._places[index + 1])
        value += self._repeat_costs(uses, shown)

        length = self._length(index)
        stretch = int(space.places.stretch[own])
        usable = free >= length
        usable[space.in_stretch(stretch)] = self._free_in(stretch, without=index) >= length
        for needed in self._objective.must_use:
            if not uses[needed]:
                usable &= space.places.clip == needed
        value[~usable] = _BARRED
        return value

    def _replace_two(self) -> None:
        """Two neighbours at once from the best pair of places for them."""
        space = self._space
        for index in range(len(self._arcs) - 1):
            earlier, later = self._arcs[index], self._arcs[index + 1]
            costs, later_costs = self._usable(index, index + 1)
            value = space.changes[space.accent[space.arcs.end[earlier]]].astype(np.int64)
            value += (space.points[earlier] + self._change_before(index) + costs)[:, None]
            value += (space.points[later] + later_costs)[None, :]
            if index + 2 < len(self._arcs):
                value += space.changes_to(later, self._places[index + 2])[None, :]
            pair = divmod(int(value.argmax()), len(space.places.at))
            if value[pair] > value[self._places[index], self._places[index + 1]]:
                changed = list(self._places)
                changed[index : index + 2] = pair
                self._take_if_better(changed)

    def _usable(self, index: int, later: int) -> tuple[Ints, Ints]:
        """Per place what its clip and cluster cost, and `_BARRED` where it is not free, for two
        cuts whose pieces are taken out.
        """
        places = self._space.places
        free = places.free.copy()
        for piece in self._pieces(k for k in range(len(self._places)) if k not in (index, later)):
            self._space.take(free, piece)
        uses, shown = self._counts()
        for place in (self._places[index], self._places[later]):
            uses[places.clip[place]] -= 1
            shown[places.cluster[place]] -= 1
        costs = self._repeat_costs(uses, shown)
        return (
            np.where(free < self._length(index), _BARRED, costs),
            np.where(free < self._length(later), _BARRED, costs),
        )

    # -- another order --------------------------------------------------------------------------

    def _exchange(self) -> None:
        """A piece goes to another's cut, whose own goes back in exchange, or gives way to the best
        unused one.
        """
        for _ in range(_MAX_EXCHANGES):
            at_cuts, unused = self._at_each_cut()
            gains = _exchange_gains(at_cuts, unused)
            order = np.argsort(-gains.ravel(), kind="stable")[:_MAX_TRIED]
            improved = False
            for kind, to, source in zip(
                *(axis.tolist() for axis in np.unravel_index(order, gains.shape)), strict=True
            ):
                if gains[kind, to, source] <= 0:
                    break
                changed = list(self._places)
                changed[to], changed[source] = changed[source], changed[to]
                if kind == _REPLACED:
                    changed[source] = int(unused[source].argmax())
                improved |= self._take_if_better(changed)
            if not improved:
                return

    def _at_each_cut(self) -> tuple[Ints, Ints]:
        """Units of every cut (rows) shown from each place of the edit, and from each unused one,
        its neighbours staying as they are.

        What neighbours would change for one another, and uses of clips and clusters by places of
        the edit, are left out.
        """
        space = self._space
        arcs = np.asarray(self._arcs)
        value = space.points[arcs].astype(np.int64)
        for index in range(len(arcs)):
            value[index] += self._change_before(index)
            if index + 1 < len(arcs):
                value[index] += space.changes_to(self._arcs[index], self._places[index + 1])
        at_cuts = value[:, self._places]
        value[self._free()[None, :] < space.arcs.frames[arcs][:, None]] = _BARRED
        value += self._repeat_costs(*self._counts())
        return at_cuts, value

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
        units = int(space.points[self._arcs, self._places].astype(np.int64).sum()) + int(
            space.hook_changes[self._hook, self._places[0]]
        )
        for index in range(1, len(self._places)):
            units += space.change(
                self._places[index - 1], self._arcs[index - 1], self._places[index]
            )
        uses, shown = self._counts()
        units -= int(objective.absent[uses == 0].sum())
        units -= objective.overused * int(np.maximum(0, uses - objective.fair_uses).sum())
        return units - objective.alike * int(np.maximum(0, shown - 1).sum())

    # -- the edit as it is ----------------------------------------------------------------------

    def _length(self, index: int) -> int:
        return int(self._space.arcs.frames[self._arcs[index]])

    def _change_before(self, index: int) -> Ints:
        """Units of the change from the piece before a cut to every place."""
        space = self._space
        if index == 0:
            return np.asarray(space.hook_changes[self._hook], dtype=np.int64)
        return space.changes_from(self._places[index - 1], self._arcs[index - 1]).astype(np.int64)

    def _counts(self) -> tuple[Ints, Ints]:
        """How often every clip and every cluster is shown."""
        places, hooks, footage = (
            self._space.places,
            self._space.hook_places,
            self._objective.footage,
        )
        uses = np.bincount(
            np.append(places.clip[self._places], hooks.clip[self._hook]),
            minlength=footage.clip_count,
        )
        shown = np.bincount(
            np.append(places.cluster[self._places], hooks.cluster[self._hook]),
            minlength=footage.table.cluster_count,
        )
        return uses, shown

    def _repeat_costs(self, uses: Ints, shown: Ints) -> Ints:
        """Units that one more use costs per place, when clips and clusters are shown so often."""
        places, objective = self._space.places, self._objective
        costs: Ints = -objective.overused * (uses >= objective.fair_uses)[places.clip]
        costs += np.where(uses == 0, objective.absent, 0)[places.clip]
        return costs - objective.alike * (shown > 0)[places.cluster]

    def _free(self) -> Ints:
        """Per place: the frames free from there on; 0 when used."""
        free = self._space.places.free.copy()
        for piece in self._pieces(range(len(self._places))):
            self._space.take(free, piece)
        return free

    def _free_in(self, stretch: int, without: int) -> Ints:
        """The same for the places of one stretch when one piece is taken out."""
        places = self._space.places
        free = places.free.copy()
        other = self._objective.footage.stretches[stretch].other
        for piece in self._pieces(
            k
            for k, place in enumerate(self._places)
            if k != without and places.stretch[place] == stretch
        ):
            if piece.stretch in (stretch, other):
                self._space.take(free, piece)
        return free[self._space.in_stretch(stretch)]

    def _pieces(self, numbers: Iterable[int]) -> list[Piece]:
        """The hook, and pieces by number."""
        space = self._space
        return [
            space.hooks[self._hook].piece,
            *(space.piece(self._places[k], self._length(k)) for k in numbers),
        ]

    def _fits(self, index: int) -> bool:
        place = self._places[index]
        stretch = int(self._space.places.stretch[place])
        free = self._free_in(stretch, without=index)[place - self._space.in_stretch(stretch).start]
        return bool(free >= self._length(index))


def _exchange_gains(at_cuts: Ints, unused: Ints) -> Ints:
    """Estimated gains of every exchange, by kind, the cut a piece goes to and the cut it leaves."""
    stays = np.diagonal(at_cuts)
    base = stays[:, None] + stays[None, :]
    swapped = at_cuts + at_cuts.T - base
    replaced = at_cuts + unused.max(axis=1, initial=_BARRED)[None, :] - base
    return np.stack([np.triu(swapped, 1), np.where(np.eye(len(stays), dtype=bool), 0, replaced)])
