"""The search of one space: rounds of prices, edits and bounds, until the edit is proved good enough
or the budget is spent.

Belongs here: the order of the work within a space, and its budget. Does not belong here: the parts
that do it (`prices`, `relaxation`, `search`, `improvement`), or which spaces are searched
(`optimum`).

The work is counted in steps of arithmetic, not in seconds, so that the same request gives the same
edit on any machine.
"""

from collections.abc import Sequence
from math import inf

import numpy as np

from montage_pipeline.editing.optimizer.improvement import Improvement
from montage_pipeline.editing.optimizer.objective import NEVER, POINT, Objective
from montage_pipeline.editing.optimizer.prices import Descent
from montage_pipeline.editing.optimizer.relaxation import Solved
from montage_pipeline.editing.optimizer.search import BranchAndBound
from montage_pipeline.editing.optimizer.space import Edit, Space
from montage_pipeline.editing.packing import Piece

GOOD_ENOUGH = 0.01
"""The gap between edit and bound at which the search ends before its budget does: nobody sees a
difference of 1 %.
"""

_BUDGET = 190e6
"""Additions and comparisons after which no new round begins: about half a second, so that planning
ends within one (docs/benchmarks.md, "The edit": 0.83 to 0.97 s for 90 s, where the budget is what
ends the search).
"""

_STATE_EFFORT = 0.1e6
"""What looking at one unfinished edit, or at one cut of a finished one, costs in the same measure,
since Python runs between the arrays there.
"""

_POOL = 90
"""Places of the pool that prices and edits are found in when a space has many: the work grows with
the square of the places.
"""

_POOL_FROM = 120
"""Places of a space above which a pool pays: below, the space itself is hardly larger."""

_SAME_CLIP_FREE = 3
"""Places of a clip that enter the pool at no charge; every further three count one overused clip
more. Chosen by eye, so that a pool has more clips than a good edit uses.
"""

_STEPS = 25
"""Price steps of a round while the budget is full; chosen by eye."""

_MIN_STEPS = 4
"""Price steps of a round however little budget is left, so that every round moves the bound."""

_FIRST_WIDTH, _MAX_WIDTH = 5, 160
"""Unfinished edits kept at first, doubled with each round that proves nothing, and at most."""

_WIDE = 20
"""Width above which only edits better than the best one are looked for: a narrow descent is cheap,
and may lead to a better edit by way of improvement though it ends below.
"""

_MAX_ROUNDS = 9
"""Rounds in a space, whatever is left to gain; chosen by eye."""

_IDLE_ROUNDS = 2
"""Rounds in a row without progress that end the search: a single one may be due to a poor pool."""

_PROGRESS = 0.9
"""A round that leaves more than this share of the gap was idle."""

_PRICES_SHARE = 1 / 4
"""Share of what is left of the budget that the price steps of one round may take."""


class SpaceSearch:
    """A search with its best edit, the bound of the space it is in, and what it has spent."""

    def __init__(self, objective: Objective, tight: bool) -> None:
        self._objective = objective
        self._tight = tight
        self._descent = Descent(objective)
        self._spent = 0.0
        self.edit: Edit | None = None
        self.bound = 0

    def begin(self, space: Space, pieces: Sequence[Piece] | None) -> int | None:
        """Go on in a space with an edit given by its pieces; the units it had outside that space.

        The space may hold better cuts for the same pieces: those are taken at once, as the search
        only improves what it finds itself.
        """
        known = space.edit_of(pieces) if pieces is not None else None
        self.edit = Improvement(space, known).best() if known is not None else None
        return known.units if known is not None else None

    def search(self, space: Space) -> None:
        """Look for a better edit in a space, and for the lowest bound on what it holds."""
        whole = self._solved(space)
        self.bound = whole.bound
        width = _FIRST_WIDTH
        pooled = len(space.places.at) > _POOL_FROM
        idle = 0
        for number in range(_MAX_ROUNDS):
            if self._gap() <= GOOD_ENOUGH or self.bound < NEVER // 2 or idle == _IDLE_ROUNDS:
                return
            before = self._gap()
            inner = self._pool(space, whole) if pooled else space
            self._move_prices(inner)
            # First prices of a pool are too rough to find edits by.
            if number or not pooled or self.edit is not None:
                self._find_edits(inner, width, proves=not pooled)
            if pooled:
                whole = self._solved(space)
                self.bound = min(self.bound, whole.bound)
            else:
                width = min(2 * width, _MAX_WIDTH)
            idle = idle + 1 if number and self._gap() > _PROGRESS * before else 0
            if number and self._spent > _BUDGET:
                return

    def _gap(self) -> float:
        return self.edit.gap(self.bound) if self.edit is not None else inf

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
        charged = regret + self._objective.overused * (rank // _SAME_CLIP_FREE)
        best_of_clip = rank < _SAME_CLIP_FREE
        charged -= np.where(best_of_clip, self._objective.absent[space.places.clip], 0)
        pool = np.argsort(charged, kind="stable")[:_POOL]
        if self.edit is not None:
            own = self._objective.footage.starts_of(self.edit.pieces[1:])
            pool = np.union1d(pool, np.flatnonzero(np.isin(space.places.at, own)))
        places = np.sort(space.places.at[pool])
        return Space(self._objective, places, space.arcs.cuts, space.hooks)

    def _move_prices(self, space: Space) -> None:
        """Bring the bound of a space down."""
        self._descent.enter()
        affordable = (_BUDGET - self._spent) * _PRICES_SHARE / _effort(space)
        steps = int(min(_STEPS, max(_MIN_STEPS, affordable)))
        for _ in range(steps):
            self._descent.step(space, self.edit.units if self.edit is not None else None)
        self._spent += steps * _effort(space)

    def _find_edits(self, space: Space, width: int, proves: bool) -> None:
        """The best edit that the prices lead to.

        `proves`: the space is the whole one, so that bounds count.
        """
        solved = self._solved(space)
        descent = BranchAndBound(solved, self._descent.prices, width, self._tight)
        found = descent.best(self.edit if width > _WIDE else None)
        self._spent += _STATE_EFFORT * descent.looked_at
        if found is not None and found is not self.edit:
            self._improve(space, found)
        if not proves:
            return

        self.bound = min(self.bound, solved.bound)
        if self.edit is not None:
            best = self.edit.units
            left_out = best if descent.left_out is None else descent.left_out
            self.bound = min(self.bound, max(left_out, best))

    def _improve(self, space: Space, found: Edit) -> None:
        """Keep the edit that a found one can be made into, if it is the best so far."""
        near = self.edit is None or found.units > self.edit.units - POINT
        improved = Improvement(space, found).best(thorough=near)
        self._spent += 4 * _STATE_EFFORT * len(improved.pieces)
        if self.edit is None or improved.units > self.edit.units:
            self.edit = improved


def _effort(space: Space) -> float:
    """Steps of arithmetic of one relaxed solution."""
    places = len(space.places.at)
    return float(
        len(space.arcs.cuts) * places * places
        + 5 * len(space.arcs.end) * (places + len(space.follows.before))
    )
