"""The moments that can be shown, as a table: one row per moment, one column per question.

Belongs here: what is known of a moment as a whole, as arrays. Does not belong here: single frames
(`footage_line`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from montage_pipeline.analysis.model import Moment, StoryRole
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.continuity.gaze import heading
from montage_pipeline.editing.moment_score import (
    MomentScore,
    delivered_as,
    moment_score,
    subject_scale,
)
from montage_pipeline.rules import ALIKE_BITS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Fingerprints = npt.NDArray[np.uint64]

_CHANCE = 0.9
"""How far another seed shifts the score of moments, in spreads of the footage's own scores.

Near equals change places between seeds, good and bad moments do not. Chosen so that the planner's
tests hold: on made-up footage two seeds share less than 85 % of their frames, and what is shown
stays clearly better than the average moment.
"""

_JUDGED_CHANCE = 0.2
"""The same where somebody judged the moments: chance only breaks ties between judgements."""

_MIN_SPREAD, _MAX_SPREAD = 0.02, 0.2
"""Bounds of that spread, in points: footage of one quality still varies with the seed, and very
uneven footage does not let chance prefer a bad moment.
"""

_BELONGS_AT: dict[StoryRole | None, float] = {"opening": 0.0, "ending": 1.0}
"""Where in the Reel (0..1) moments of a role belong; the others belong anywhere."""


@dataclass(frozen=True)
class MomentTable:
    """The usable moments, in order of the footage line, and a column for each question.

    A moment that a stretch shows in two ranges has two rows.
    """

    moments: tuple[Moment, ...]
    scores: tuple[MomentScore, ...]
    chance: Floats
    """Points that the seed adds, by moment and by clip."""
    points: Floats
    """Score and chance together."""
    motion: Floats
    speech: Floats
    """How much someone talks, 0..1."""
    scale: Floats
    """Share of the frame's height that the subject takes."""
    belongs_at: Floats
    """Where in the Reel (0..1) it belongs by its role; NaN: anywhere."""
    camera_only: Floats
    """How far nothing but the camera moves, 0..1."""
    heading: Floats
    """Which way it goes, shape (moments, 2); see `continuity.gaze.heading`."""
    fingerprints: Fingerprints
    cluster: Ints
    """The number of its cluster of look-alikes."""

    @property
    def cluster_count(self) -> int:
        """How many clusters of look-alikes there are."""
        return int(self.cluster.max(initial=-1)) + 1


def moment_table(context: PlanContext) -> MomentTable:
    """The moments of a context's stretches, scored for its style, format and seed."""
    moments = tuple(found.moment for stretch in context.stretches for found in stretch.moments)
    scores = _scores(context, moments)
    totals = [score.total for score in scores]
    of_moment, of_clip = _chance(context, totals)
    clips = [moment.clip for moment in moments]
    fingerprints = np.asarray([int(moment.fingerprint, 16) for moment in moments], dtype=np.uint64)
    return MomentTable(
        moments=moments,
        scores=scores,
        chance=of_moment + of_clip[clips],
        points=np.asarray(totals) + of_moment + of_clip[clips],
        motion=_column([moment.scores.motion for moment in moments]),
        speech=_column([moment.scores.speech for moment in moments]),
        scale=_column([subject_scale(moment) for moment in moments]),
        belongs_at=_column([_BELONGS_AT.get(moment.role, np.nan) for moment in moments]),
        camera_only=_column([context.camera_only[moment.id] for moment in moments]),
        heading=_column(
            [heading(moment, context.facts(moment.clip)) for moment in moments]
        ).reshape(-1, 2),
        fingerprints=fingerprints,
        cluster=lookalike_clusters(fingerprints),
    )


def lookalike_clusters(fingerprints: Fingerprints) -> Ints:
    """For every fingerprint the number of its cluster.

    Two that look alike (`rules.ALIKE_BITS`) are always in one cluster.
    """
    cluster = np.full(len(fingerprints), -1, dtype=np.int64)
    count = 0
    for index in range(len(fingerprints)):
        if cluster[index] >= 0:
            continue
        cluster[index] = count
        unvisited = [index]
        while unvisited:
            bits = np.bitwise_count(fingerprints ^ fingerprints[unvisited.pop()])
            alike = np.flatnonzero((bits < ALIKE_BITS) & (cluster < 0))
            cluster[alike] = count
            unvisited.extend(alike.tolist())
        count += 1
    return cluster


def _scores(context: PlanContext, moments: Sequence[Moment]) -> tuple[MomentScore, ...]:
    order = {moment: rank for rank, moment in enumerate(context.analysis.best_moments)}
    ranks = {moment: rank / len(order) for moment, rank in order.items()}
    size = context.request.format.frame_size
    return tuple(
        moment_score(
            moment,
            context.taste,
            delivered_as(moment, context.facts(moment.clip), size),
            ranks.get(moment.id),
            judged=context.is_judged,
            camera_only=context.camera_only[moment.id],
        )
        for moment in moments
    )


def _chance(context: PlanContext, totals: Sequence[float]) -> tuple[Floats, Floats]:
    """Points that the seed adds to each moment and to each clip.

    They are measured against how much the footage differs, so that chance decides between near
    equals and not between good and bad.
    """
    random = np.random.default_rng(context.request.seed % 2**64)
    spread = min(_MAX_SPREAD, max(_MIN_SPREAD, float(np.std(totals)))) if totals else 0.0
    chance = (_JUDGED_CHANCE if context.is_judged else _CHANCE) * spread
    of_moment = random.normal(0.0, chance, size=len(totals))
    of_clip = random.normal(0.0, chance, size=len(context.analysis.clips))
    return of_moment, of_clip


def _column(values: Sequence[float] | Sequence[Floats]) -> Floats:
    return np.asarray(values, dtype=np.float64)
