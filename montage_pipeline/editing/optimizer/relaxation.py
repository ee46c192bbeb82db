"""The proof of how good an edit can be at the most.

Belongs here: the relaxed problem, its exact solution, its prices. Does not belong here: what is
good (`objective`), or
finding an edit that keeps every rule (`search`).

Without the rules that tie distant cuts together (no source frame twice, clips used too often, cuts
that look alike, clips
that must appear) the best edit is a longest path over (cut frame, last place), which dynamic
programming finds exactly.
Instead of being dropped, those rules get prices (Lagrange multipliers): showing a frame costs its
price, and all prices are
given back once. For *every* choice of prices the relaxed optimum is at least as good as any edit
that keeps the rules, so it
is a proven bound; the prices are raised where the relaxed edit breaks a rule and lowered where a
rule is idle, which brings
the bound down (subgradient steps after Polyak).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.optimizer.objective import (
    NEVER,
    POINT,
    Floats,
    Ints,
    Objective,
    Places,
)
from montage_pipeline.editing.optimizer.space import Block, Space

_PATIENCE = 3
"""Steps without progress after which they get shorter."""
_MEMORY = 0.6
"""How much of the last step's direction the next one keeps, so that prices do not swing."""
_COUNT_WEIGHT = 30.0
"""How fast prices of clips and looks move compared with those of frames."""
_AIM = 33
"""Steps are measured against a bound that is lower by one part in so many, until a better edit than
that is known.
"""


class Prices:
    """Prices of the rules that tie distant cuts together, in units; any that are not negative give
    a valid bound.

    `frame[i]` is paid for showing frame i of the footage line, `use[c]` for a use of clip c,
    `look[l]` for a cut of look l,
    `bonus[c]` is received for using a clip that must appear.
    """

    def __init__(
        self, objective: Objective, frame: Floats, use: Floats, look: Floats, bonus: Floats
    ) -> None:
        self._objective = objective
        self.frame, self.use, self.look, self.bonus = frame, use, look, bonus
        # Whole units, so that the bound is exact.
        self.frame_sum = np.zeros(len(frame) + 1, dtype=np.int64)
        np.cumsum(np.rint(frame).astype(np.int64), out=self.frame_sum[1:])
        self.use_units, self.look_units, self.bonus_units = (
            np.rint(price).astype(np.int64) for price in (use, look, bonus)
        )
        given_back = (
            int(self.frame_sum[-1])
            + objective.fair_uses * int(self.use_units.sum())
            + int(self.look_units.sum())
        )
        self.given_back = given_back - int(self.bonus_units.sum())

    @classmethod
    def first(cls, objective: Objective) -> "Prices":
        """A guess to start from."""
        clips, looks = objective.footage.clips, objective.footage.look_count
        bonus = np.zeros(clips, dtype=np.float64)
        bonus[sorted(objective.must_use)] = objective.overused
        return cls(objective, objective.first_prices(), np.zeros(clips), np.zeros(looks), bonus)

    def moved(self, frame: Floats, use: Floats, look: Floats, bonus: Floats) -> "Prices":
        """The prices after a step. A use or look never costs more than breaking its rule does."""
        objective = self._objective
        return Prices(
            objective,
            np.maximum(0.0, self.frame + frame),
            np.clip(self.use + use, 0.0, objective.overused),
            np.clip(self.look + look, 0.0, objective.alike),
            np.maximum(0.0, self.bonus + bonus),
        )

    def paid(self, places: Places, lengths: Ints) -> Ints:
        """Units paid for showing each length (rows) from each place (columns), with the gap behind
        it.
        """
        end = np.minimum(
            places.at[None, :] + lengths[:, None] + places.gap[None, :], len(self.frame)
        )
        own = (
            self.use_units[places.clip]
            + self.look_units[places.look]
            - self.bonus_units[places.clip]
        )
        shown: Ints = self.frame_sum[end] - self.frame_sum[places.at][None, :]
        return shown + own[None, :]


class Solved:
    """The relaxed problem solved backwards for given prices.

    `net[a, p]` are the units of the piece from place p on arc a less what it pays, `rest[a, p]`
    those of the best way from
    its end to the end of the Reel, and `bound` what no edit of the space can exceed.
    """

    def __init__(self, space: Space, prices: Prices) -> None:
        self.space = space
        paid = prices.paid(space.places, space.lengths)
        self.net = np.maximum(
            space.worth - np.minimum(paid, -NEVER).astype(np.int32)[space.arc_length], NEVER
        )
        self.rest = np.zeros(self.net.shape, dtype=np.int32)
        self._begun = np.full((len(space.frames), len(space.places.at)), NEVER, dtype=np.int32)
        for block in space.blocks:
            self._solve(block)
        hook_paid = prices.paid(space.hook_places, np.asarray([space.objective.rules.hook_frames]))[
            0
        ]
        self.hook_net = space.hook_points - hook_paid
        self.hook_rest = (space.hook_changes + self._begun[0][None, :]).max(axis=1).astype(np.int64)
        self.given_back = prices.given_back
        self.bound = int((self.hook_net + self.hook_rest).max()) + self.given_back

    def _solve(self, block: Block) -> None:
        space, follows = self.space, self.space.follows
        begin, end, into = block.begin, block.end, block.into
        first, last = int(space.first_arc[begin]), int(space.first_arc[end])
        begun = np.maximum.reduceat(
            self.net[first:last] + self.rest[first:last], space.first_arc[begin:end] - first, axis=0
        )
        np.maximum(begun, NEVER, out=begun)
        self._begun[begin:end] = begun
        if not len(into):
            return
        best = np.empty_like(begun)
        for accent, which in block.accents:
            best[which] = (space.changes[accent][None, :, :] + begun[which][:, None, :]).max(axis=2)
        np.maximum(best, NEVER, out=best)
        rest = best[block.frame]
        if len(follows.before):
            value = begun[:, follows.after[follows.columns]][block.frame]
            value += block.links
            rest[:, follows.owners] = np.maximum(rest[:, follows.owners], value.max(axis=1))
        self.rest[into] = rest

    def regret(self) -> Ints:
        """Per place: by how much beginning a cut there is worse than the best place, at the cut
        where it is best.
        """
        return np.asarray(
            (self._begun.max(axis=1)[:-1, None] - self._begun[:-1]).min(axis=0), dtype=np.int64
        )

    def best_way(self) -> tuple[int, list[tuple[int, int]]]:
        """The relaxed optimum: the hook's number, and (arc, place) of every piece after it."""
        space = self.space
        hook = int((self.hook_net + self.hook_rest).argmax())
        row, frame = space.hook_changes[hook], 0
        way: list[tuple[int, int]] = []
        while frame < len(space.frames) - 1:
            arcs = slice(space.first_arc[frame], space.first_arc[frame + 1])
            value = self.net[arcs] + self.rest[arcs] + row
            step, place = divmod(int(value.argmax()), value.shape[1])
            arc = int(space.first_arc[frame]) + step
            way.append((arc, place))
            row, frame = space.changes_from(place, arc), int(space.arc_to[arc])
        return hook, way


class Usage(NamedTuple):
    """How often an edit shows every frame of the footage line, every clip and every look."""

    frame: Ints
    use: Ints
    look: Ints


def usage(space: Space, prices: Prices, hook: int, way: Sequence[tuple[int, int]]) -> Usage:
    """What the relaxed optimum uses, gaps counted as shown."""
    arcs, chosen = (np.asarray(values, dtype=np.int64) for values in zip(*way, strict=True))
    hooks, places = space.hook_places, space.places
    at = np.append(places.at[chosen], hooks.at[hook])
    length = np.append(space.lengths[space.arc_length[arcs]], space.objective.rules.hook_frames)
    gap = np.append(places.gap[chosen], hooks.gap[hook])
    steps = np.bincount(at, minlength=len(prices.frame) + 1) - np.bincount(
        np.minimum(at + length + gap, len(prices.frame)), minlength=len(prices.frame) + 1
    )
    return Usage(
        np.cumsum(steps)[:-1],
        np.bincount(np.append(places.clip[chosen], hooks.clip[hook]), minlength=len(prices.use)),
        np.bincount(np.append(places.look[chosen], hooks.look[hook]), minlength=len(prices.look)),
    )


class Descent:
    """Prices that bring the bound down, step by step;

    `bound` is the least so far and `prices` those that gave it.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.prices = Prices.first(objective)
        self.bound: int | None = None
        self._now = self.prices
        self._pull: tuple[Floats, Floats, Floats, Floats] | None = None
        self._eagerness = 1.0
        self._idle = 0

    def enter(self) -> None:
        """Go on in another space: what was proved in the last one says nothing about it."""
        self.bound, self._pull, self._now, self._idle = None, None, self.prices, 0

    def step(self, space: Space, incumbent: int | None) -> Solved:
        """One relaxed solution, and prices moved against what it breaks."""
        objective, now = self._objective, self._now
        solved = Solved(space, now)
        if self.bound is None or solved.bound < self.bound:
            self._idle = (
                0
                if self.bound is None or solved.bound < self.bound - POINT // 1000
                else self._idle + 1
            )
            self.bound, self.prices = solved.bound, now
        else:
            self._idle += 1
        if self._idle >= _PATIENCE:
            self._eagerness, self._idle, self._now = self._eagerness * 0.6, 0, self.prices
        hook, way = solved.best_way()
        used = usage(space, now, hook, way)
        absent = np.zeros(len(now.bonus))
        must = sorted(objective.must_use)
        absent[must] = 1 - used.use[must]
        pull = (
            _against(used.frame - 1.0, now.frame),
            _COUNT_WEIGHT * _against(used.use - float(objective.fair_uses), now.use),
            _COUNT_WEIGHT * _against(used.look - 1.0, now.look),
            _COUNT_WEIGHT * _against(absent, now.bonus),
        )
        square = sum(
            float((part * part).sum()) / weight
            for part, weight in zip(pull, (1, *3 * (_COUNT_WEIGHT,)), strict=True)
        )
        if square:
            aim = max(
                incumbent if incumbent is not None else 10 * NEVER,
                self.bound - abs(self.bound) // _AIM,
            )
            length = self._eagerness * max(solved.bound - aim, POINT // 500) / square
            if self._pull is not None:
                pull = tuple(
                    (1 - _MEMORY) * new + _MEMORY * old
                    for new, old in zip(pull, self._pull, strict=True)
                )  # type: ignore[assignment]
            self._pull = pull
            self._now = now.moved(*(length * part for part in pull))
        return solved


def _against(excess: npt.NDArray[np.floating[Any]], price: Floats) -> Floats:
    """The excess, without rules that are kept and cost nothing already."""
    return np.asarray(np.where((price > 0) | (excess > 0), excess, 0.0), dtype=np.float64)
