"""The best edit and the proof of how good it is: which spaces are searched, how long, and when that
is enough.

Belongs here: the order of the work and its budget. Does not belong here: the parts that do it
(`space`, `relaxation`,
`search`, `improvement`).

The work is counted in steps of arithmetic, not in seconds, so that the same request gives the same
edit on any machine.
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from montage_pipeline.editing.optimizer.choices import (
    candidate_frames,
    candidate_places,
    places_around,
)
from montage_pipeline.editing.optimizer.improvement import Improvement
from montage_pipeline.editing.optimizer.objective import NEVER, POINT, Objective
from montage_pipeline.editing.optimizer.relaxation import Descent, Prices, Solved
from montage_pipeline.editing.optimizer.search import BranchAndBound
from montage_pipeline.editing.optimizer.space import Edit, HookPlace, Space
from montage_pipeline.editing.packing import Piece, fill_exactly, rooms_after

GOOD_ENOUGH = 0.01
"""The gap between edit and bound at which the search ends before its budget does."""
BUDGET = 190e6
"""Additions and comparisons after which no new round begins; about half a second."""
_ONE_STATE = 0.1e6
"""What looking at one unfinished edit, or at one cut of a finished one, costs in the same measure.
"""

_POOL = 90
_POOL_FROM = 120
_SAME_CLIP_FREE = 3
_STEPS = 25
_FEWEST_STEPS = 4
_FIRST_WIDTH = 5
_WIDE = 20
_WIDEST = 160
_MOST_ROUNDS = 9
_IDLE_ROUNDS = 2
_PROGRESS = 0.9
"""A round that leaves more than this share of the gap was idle; so many of them end the search."""
_MOST_ENLARGED = 2

HARDLY_ANY = 0.5
"""Missed beats that make no difference: where beats are near, every miss counts 1; where none
sound, by its length.
"""


class Optimum(NamedTuple):
    """The best edit found, and the units that no edit of the space it was found in can exceed."""

    edit: Edit
    bound: int
    hook: HookPlace


class NoRoom(Exception):
    """The clips that must appear do not fit beside each other into the Reel."""


def best_edit(objective: Objective, hooks: Sequence[HookPlace], tight: bool) -> Optimum:
    """The best edit that opens with one of `hooks`, after each of which the Reel must be possible.

    `tight` says that most of the usable footage is needed. Raises NoRoom when `must_use` cannot be
    kept.
    """
    places = candidate_places(objective, hooks, tight)
    rules, unavoidable = objective.rules, unavoidable_misses(objective)
    work = SpaceSearch(objective, tight)
    # Edits may be so few that only counting finds one: begin with that.
    start = _any_edit(objective, hooks).pieces if tight else None
    off_beat = unavoidable > 0
    frames = candidate_frames(
        objective.ruler, rules, objective.preferred, len(places), tight=tight, off_beat=off_beat
    )
    for _ in range(_MOST_ENLARGED + 1):
        if start is not None:
            places = np.union1d(places, places_around(objective, start))
            frames = np.union1d(frames, np.cumsum([piece.frames for piece in start]))
        space = Space(objective, places, frames, hooks)
        before = work.begin(space, start)
        work.search(space)
        if work.edit is None:
            start = _any_edit(objective, hooks).pieces
            continue
        missed = misses(objective, work.edit) - unavoidable > HARDLY_ANY
        if not missed and (
            not tight or work.edit.units == before or gap(work.edit, work.bound) <= 2 * GOOD_ENOUGH
        ):
            break
        if missed and off_beat and work.edit.units == before:
            break
        # The cuts found so far leave hardly a choice, or not the right one: look about them more
        # closely.
        start = work.edit.pieces
        if missed and not off_beat:
            off_beat = True
            frames = candidate_frames(
                objective.ruler, rules, objective.preferred, len(places), tight=tight, off_beat=True
            )
    assert work.edit is not None
    return Optimum(work.edit, work.bound, hooks[work.edit.hook])


def gap(edit: Edit, bound: int) -> float:
    """What an edit may lack at the most, as a share of the bound, or of a point for each cut where
    the bound is less than that.
    """
    return (bound - edit.units) / max(abs(bound), POINT * len(edit.pieces))


def misses(objective: Objective, edit: Edit) -> float:
    """What an edit's cuts cost for missing the beat, in units of one missed cut."""
    length = np.asarray([piece.frames for piece in edit.pieces], dtype=np.int64)
    return (
        float(objective.ruler.miss_frames(np.cumsum(length), length)[1:].sum())
        / objective.ruler.reference_frames
    )


def unavoidable_misses(objective: Objective) -> float:
    """The same for the best timing that there is, if footage were no matter."""
    ruler = objective.ruler
    return float(ruler.off_beat_ahead[objective.rules.hook_frames]) / ruler.reference_frames


class SpaceSearch:
    """A search with its best edit so far, the bound of the space it is in, and what it has spent."""

    def __init__(self, objective: Objective, tight: bool) -> None:
        self._objective = objective
        self._tight = tight
        self._descent = Descent(objective)
        self._spent = 0.0
        self.edit: Edit | None = None
        self.bound = 0

    def begin(self, space: Space, pieces: Sequence[Piece] | None) -> int | None:
        """Go on in a space with an edit given by its pieces; its units."""
        self.edit = space.edit_of(pieces) if pieces is not None else None
        return self.edit.units if self.edit is not None else None

    def search(self, space: Space) -> None:
        """Look for a better edit in a space, and for the least bound on what it holds."""
        whole = self._solved(space)
        self.bound = whole.bound
        width = _FIRST_WIDTH
        pooled = len(space.places.at) > _POOL_FROM
        idle = 0
        for number in range(_MOST_ROUNDS):
            if self._good_enough() or self.bound < NEVER // 2 or idle == _IDLE_ROUNDS:
                return
            before = self._gap()
            inner = self._pool(space, whole) if pooled else space
            self._prices(inner)
            if number or not pooled or self.edit is not None:
                # First prices of a pool are too rough to find edits by.
                self._edits(inner, width, proves=not pooled)
            if pooled:
                whole = self._solved(space)
                self.bound = min(self.bound, whole.bound)
            else:
                width = min(2 * width, _WIDEST)
            idle = idle + 1 if number and self._gap() > _PROGRESS * before else 0
            if number and self._spent > BUDGET:
                return

    def _gap(self) -> float:
        return gap(self.edit, self.bound) if self.edit is not None else inf

    def _good_enough(self) -> bool:
        return self._gap() <= GOOD_ENOUGH

    def _solved(self, space: Space) -> Solved:
        self._spent += _effort(space)
        return Solved(space, self._descent.prices)

    def _pool(self, space: Space, whole: Solved) -> Space:
        """The space with the most promising places only: prices are found there, and the bound for
        all places with them.
        """
        regret = whole.regret()
        order = np.argsort(regret, kind="stable")
        rank = np.zeros(len(order), dtype=np.int64)
        uses: dict[int, int] = {}
        for place in order.tolist():
            clip = int(space.places.clip[place])
            rank[place] = uses[clip] = uses.get(clip, -1) + 1
        # The rules want other clips too, which prices may not say yet.
        pool = np.argsort(
            regret + self._objective.overused * (rank // _SAME_CLIP_FREE), kind="stable"
        )[:_POOL]
        if self.edit is not None:
            offset = self._objective.footage.offset
            own = [int(offset[piece.stretch]) + piece.start for piece in self.edit.pieces[1:]]
            pool = np.union1d(pool, np.flatnonzero(np.isin(space.places.at, own)))
        return Space(self._objective, np.sort(space.places.at[pool]), space.frames, space.hooks)

    def _prices(self, space: Space) -> None:
        """Bring the bound of a space down."""
        self._descent.enter()
        steps = int(min(_STEPS, max(_FEWEST_STEPS, (BUDGET - self._spent) / 4 / _effort(space))))
        for _ in range(steps):
            self._descent.step(space, self.edit.units if self.edit is not None else None)
        self._spent += steps * _effort(space)

    def _edits(self, space: Space, width: int, proves: bool) -> None:
        """The best edit that the prices lead to.

        `proves`: the space is the whole one, so that bounds count.
        """
        solved = self._solved(space)
        descent = BranchAndBound(solved, self._descent.prices, width, self._tight)
        found = descent.best(self.edit if width > _WIDE else None)
        self._spent += _ONE_STATE * descent.looked_at
        if found is not None and found is not self.edit:
            found = Improvement(space, found).best(
                thorough=self.edit is None or found.units > self.edit.units - POINT
            )
            self._spent += 4 * _ONE_STATE * len(found.pieces)
            if self.edit is None or found.units > self.edit.units:
                self.edit = found
        if not proves:
            return
        self.bound = min(self.bound, solved.bound)
        if self.edit is not None:
            left = (
                self.edit.units
                if descent.left_out is None
                else max(descent.left_out, self.edit.units)
            )
            self.bound = min(self.bound, left)


def _effort(space: Space) -> float:
    """Steps of arithmetic of one relaxed solution."""
    places = len(space.places.at)
    return float(
        len(space.frames) * places * places
        + 5 * len(space.arc_to) * (places + len(space.follows.before))
    )


# -- an edit to start from where cuts leave hardly any choice
# ----------------------------------------


def _any_edit(objective: Objective, hooks: Sequence[HookPlace]) -> Edit:
    """An edit made by counting alone, its pieces in the best order."""
    rules = objective.rules
    for hook in hooks:
        pieces = _any_pieces(objective, hook)
        if not pieces:
            continue
        pieces.sort()
        at = objective.footage.offset[[piece.stretch for piece in pieces]] + [
            piece.start for piece in pieces
        ]
        sums = 1
        for piece in pieces:
            sums |= sums << piece.frames
        reachable = np.flatnonzero(np.asarray([int(bit) for bit in bin(sums)[:1:-1]]))
        space = Space(objective, at, rules.hook_frames + reachable, [hook])
        space.only_lengths(np.asarray([piece.frames for piece in pieces], dtype=np.int64))
        solved = Solved(space, Prices.first(objective))
        found = BranchAndBound(solved, Prices.first(objective), _FIRST_WIDTH, tight=False).best(
            None
        )
        if found is not None:
            return Improvement(space, found).best()
    raise NoRoom


def _any_pieces(objective: Objective, hook: HookPlace) -> list[Piece]:
    """Pieces after the hook that fill the Reel exactly and show every clip that must appear; empty
    when there are none.
    """
    rules, footage = objective.rules, objective.footage
    body = objective.ruler.total_frames - rules.hook_frames
    rooms = rooms_after(footage.rooms(), hook.piece)
    missing = sorted(objective.must_use - {int(footage.stretch_clip[hook.piece.stretch])})
    preferred = round(objective.preferred)
    if not missing:
        return fill_exactly(rooms, rules, body, preferred)
    for length in sorted(
        range(rules.min_frames, rules.max_frames + 1),
        key=lambda frames: (abs(frames - preferred), frames),
    ):
        left, pieces = rooms, []
        for clip in missing:
            own = [room for room in left if footage.stretch_clip[room.stretch] == clip]
            room = max(own, key=lambda room: room.frames, default=None)
            if room is None or room.frames < rules.min_frames:
                break
            pieces.append(Piece(room.stretch, room.start, min(length, room.frames)))
            left = rooms_after(left, pieces[-1])
        rest = body - sum(piece.frames for piece in pieces)
        if len(pieces) == len(missing) and rest >= 0:
            others = fill_exactly(left, rules, rest, preferred) if rest else []
            if others or not rest:
                return pieces + others
    return []
