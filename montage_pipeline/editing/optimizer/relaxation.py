"""The proof of how good an edit can be at most.

Belongs here: the relaxed problem and its exact solution for given prices. Does not belong here: how
prices are found (`prices`), what is good (`objective`), or finding an edit that keeps every rule
(`search`).

Without the rules that tie distant cuts together (no source frame twice, clips used too often, cuts
that look alike, clips that must appear) the best edit is a longest path over (cut frame, last
place), which dynamic programming finds exactly. Instead of being dropped, those rules get prices
(Lagrange multipliers): showing a frame costs its price, and all prices are given back once. For
*every* choice of prices the relaxed optimum is at least as good as any edit that keeps the rules,
so it is a proven bound.
"""

import numpy as np

from montage_pipeline.editing.moment_table import Floats, Ints
from montage_pipeline.editing.optimizer.objective import NEVER, Objective, Places
from montage_pipeline.editing.optimizer.space import Block, Space


class Prices:
    """Prices of the rules that tie distant cuts together, in units; any that are not negative give
    a valid bound.

    `frame[i]` is paid for showing frame i of the footage line, `use[c]` for a use of clip c,
    `cluster[k]` for a cut of cluster k of look-alikes; `bonus[c]` is received for using a clip that
    must or should appear.
    """

    def __init__(
        self, objective: Objective, frame: Floats, use: Floats, cluster: Floats, bonus: Floats
    ) -> None:
        self._objective = objective
        self.frame, self.use, self.cluster, self.bonus = frame, use, cluster, bonus
        # Whole units, so that the bound is exact.
        self.frame_sum = np.zeros(len(frame) + 1, dtype=np.int64)
        np.cumsum(np.rint(frame).astype(np.int64), out=self.frame_sum[1:])
        self.use_units, self.cluster_units, self.bonus_units = (
            np.rint(price).astype(np.int64) for price in (use, cluster, bonus)
        )
        given_back = (
            int(self.frame_sum[-1])
            + objective.fair_uses * int(self.use_units.sum())
            + int(self.cluster_units.sum())
        )
        self.given_back = given_back - int(self.bonus_units.sum())

    @classmethod
    def first(cls, objective: Objective) -> "Prices":
        """A guess to start from."""
        clips, clusters = objective.footage.clip_count, objective.footage.table.cluster_count
        # Where there are more clips than places, each place shows one that was absent.
        crowded = np.count_nonzero(objective.absent) >= objective.most_shown
        bonus = np.minimum(objective.absent, np.inf if crowded else objective.overused)
        bonus[sorted(objective.must_use)] = bonus.max(initial=0.0) + objective.overused
        return cls(objective, objective.first_prices(), np.zeros(clips), np.zeros(clusters), bonus)

    def moved(self, frame: Floats, use: Floats, cluster: Floats, bonus: Floats) -> "Prices":
        """The prices after a step; a rule never has a higher price than breaking it costs."""
        objective = self._objective
        # Nothing is too much for a clip that must appear.
        max_bonus = objective.absent.astype(np.float64)
        max_bonus[sorted(objective.must_use)] = np.inf
        return Prices(
            objective,
            np.maximum(0.0, self.frame + frame),
            np.clip(self.use + use, 0.0, objective.overused),
            np.clip(self.cluster + cluster, 0.0, objective.alike),
            np.clip(self.bonus + bonus, 0.0, max_bonus),
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
            + self.cluster_units[places.cluster]
            - self.bonus_units[places.clip]
        )
        shown: Ints = self.frame_sum[end] - self.frame_sum[places.at][None, :]
        return shown + own[None, :]


class Solved:
    """The relaxed problem solved backwards for given prices.

    `net[a, p]` are the units of the piece from place p on arc a less what it pays, `rest[a, p]`
    those of the best way from its end to the end of the Reel, and `bound` what no edit of the space
    can exceed.
    """

    def __init__(self, space: Space, prices: Prices) -> None:
        self.space = space
        arcs, places = space.arcs, space.places
        paid = np.minimum(prices.paid(places, arcs.lengths), -NEVER).astype(np.int32)
        self.net = np.maximum(space.points - paid[arcs.length_of], NEVER)
        self.rest = np.zeros(self.net.shape, dtype=np.int32)
        self._begun = np.full((len(arcs.cuts), len(places.at)), NEVER, dtype=np.int32)
        for block in space.blocks:
            self._solve(block)

        hook_frames = np.asarray([space.objective.rules.hook_frames])
        self.hook_net = space.hook_points - prices.paid(space.hook_places, hook_frames)[0]
        self.hook_rest = (space.hook_changes + self._begun[0][None, :]).max(axis=1).astype(np.int64)
        self.given_back = prices.given_back
        self.bound = int((self.hook_net + self.hook_rest).max()) + self.given_back

    def _solve(self, block: Block) -> None:
        """Fill in what the frames of a block, and the arcs into them, have before them."""
        space, follows = self.space, self.space.follows
        begin, end, into = block.begin, block.end, block.into
        first, last = int(space.arcs.first[begin]), int(space.arcs.first[end])
        begun = np.maximum.reduceat(
            self.net[first:last] + self.rest[first:last],
            space.arcs.first[begin:end] - first,
            axis=0,
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
        while frame < len(space.arcs.cuts) - 1:
            arcs = slice(space.arcs.first[frame], space.arcs.first[frame + 1])
            value = self.net[arcs] + self.rest[arcs] + row
            step, place = divmod(int(value.argmax()), value.shape[1])
            arc = int(space.arcs.first[frame]) + step
            way.append((arc, place))
            row, frame = space.changes_from(place, arc), int(space.arcs.end[arc])
        return hook, way
