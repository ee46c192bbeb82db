"""Prices that bring the bound down, step by step.

Belongs here: moving prices against the rules that the relaxed edit breaks, and lowering them where
a rule is idle (subgradient steps after Polyak). Does not belong here: what prices mean, and the
solution under them (`relaxation`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.moment_table import Floats, Ints
from montage_pipeline.editing.optimizer.objective import NEVER, POINT, Objective
from montage_pipeline.editing.optimizer.relaxation import Prices, Solved
from montage_pipeline.editing.optimizer.space import Space

_PATIENCE = 3
"""Steps without progress after which they get shorter: a single bad step is normal for a
subgradient method.
"""

_SHORTENED = 0.6
"""What is left of a step's length then; chosen by eye for the 25 steps of a round."""

_MEMORY = 0.6
"""How much of the last step's direction the next one keeps, so that prices do not swing between two
edits that break opposite rules; chosen by eye.
"""

_COUNT_WEIGHT = 30.0
"""How fast prices of clips and clusters move compared with those of frames: a use stands for all
the frames of a cut, whose prices move together; chosen by eye.
"""

_AIM = 33
"""Steps aim at a bound that is 1/33 (3 %) lower, until a better edit than that is known; chosen by
eye.
"""

_MIN_PROGRESS = POINT // 1000
"""Units by which a bound must fall to count as progress: a thousandth of a point is nothing."""

_MIN_DISTANCE = POINT // 500
"""Units that a step is measured by at least, so that it does not vanish at the aim."""


class _Usage(NamedTuple):
    """How often an edit shows every frame of the line, every clip and every cluster."""

    frame: Ints
    use: Ints
    cluster: Ints


class Descent:
    """Prices that bring the bound down; `bound` is the lowest so far, `prices` those that gave
    it.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.prices = Prices.first(objective)
        self.bound: int | None = None
        self._now = self.prices
        self._pull: tuple[Floats, ...] | None = None
        self._eagerness = 1.0
        self._idle = 0

    def enter(self) -> None:
        """Go on in another space: what was proved in the last one says nothing about it."""
        self.bound, self._pull, self._now, self._idle = None, None, self.prices, 0

    def step(self, space: Space, incumbent: int | None) -> Solved:
        """Solve the relaxed problem once, and move the prices against what it breaks.

        `incumbent` are the units of the best edit known.
        """
        now = self._now
        solved = Solved(space, now)
        bound = self._note(solved.bound, now)
        pull = self._pull_against(_usage(space, now, *solved.best_way()), now)
        weights = (1, _COUNT_WEIGHT, _COUNT_WEIGHT, _COUNT_WEIGHT)
        square = sum(
            float((part * part).sum()) / weight for part, weight in zip(pull, weights, strict=True)
        )
        if square:
            known = incumbent if incumbent is not None else 10 * NEVER
            aim = max(known, bound - abs(bound) // _AIM)
            length = self._eagerness * max(solved.bound - aim, _MIN_DISTANCE) / square
            if self._pull is not None:
                pull = tuple(
                    (1 - _MEMORY) * new + _MEMORY * old
                    for new, old in zip(pull, self._pull, strict=True)
                )
            self._pull = pull
            frame, use, cluster, bonus = (length * part for part in pull)
            self._now = now.moved(frame, use, cluster, bonus)
        return solved

    def _note(self, bound: int, prices: Prices) -> int:
        """Keep the bound if it is the lowest, and shorten the steps when they lead nowhere; the
        lowest bound.
        """
        if self.bound is None or bound < self.bound:
            progress = self.bound is None or bound < self.bound - _MIN_PROGRESS
            self._idle = 0 if progress else self._idle + 1
            self.bound, self.prices = bound, prices
        else:
            self._idle += 1
        if self._idle >= _PATIENCE:
            self._eagerness, self._idle = self._eagerness * _SHORTENED, 0
            self._now = self.prices
        return self.bound

    def _pull_against(self, used: _Usage, now: Prices) -> tuple[Floats, ...]:
        """The direction in which prices of frames, uses, clusters and bonuses move."""
        objective = self._objective
        wanted = objective.absent > 0
        wanted[sorted(objective.must_use)] = True
        absent = np.where(wanted, 1.0 - used.use, 0.0)
        return (
            _against(used.frame - 1.0, now.frame),
            _COUNT_WEIGHT * _against(used.use - float(objective.fair_uses), now.use),
            _COUNT_WEIGHT * _against(used.cluster - 1.0, now.cluster),
            _COUNT_WEIGHT * _against(absent, now.bonus),
        )


def _usage(space: Space, prices: Prices, hook: int, way: Sequence[tuple[int, int]]) -> _Usage:
    """What the relaxed optimum uses, gaps counted as shown."""
    arcs, chosen = (np.asarray(values, dtype=np.int64) for values in zip(*way, strict=True))
    hooks, places = space.hook_places, space.places
    at = np.append(places.at[chosen], hooks.at[hook])
    length = np.append(space.arcs.frames[arcs], space.objective.rules.hook_frames)
    gap = np.append(places.gap[chosen], hooks.gap[hook])
    frames = len(prices.frame)
    begun = np.bincount(at, minlength=frames + 1)
    ended = np.bincount(np.minimum(at + length + gap, frames), minlength=frames + 1)
    return _Usage(
        np.cumsum(begun - ended)[:-1],
        np.bincount(np.append(places.clip[chosen], hooks.clip[hook]), minlength=len(prices.use)),
        np.bincount(
            np.append(places.cluster[chosen], hooks.cluster[hook]), minlength=len(prices.cluster)
        ),
    )


def _against(excess: npt.NDArray[np.floating[Any]], price: Floats) -> Floats:
    """The excess, without rules that are kept and cost nothing already."""
    return np.asarray(np.where((price > 0) | (excess > 0), excess, 0.0), dtype=np.float64)
