"""What each segment of a finished edit owes its points to, term by term.

Belongs here: naming the objective's terms for one edit, from the same formulas. Does not belong
here: their formulas and weights (`terms`), or putting them into words (`explanation.wording`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from montage_pipeline.editing.footage_line import INSTANT, SEEN, SUBJECT_GONE
from montage_pipeline.editing.optimizer import terms
from montage_pipeline.editing.optimizer.objective import POINT, Objective, Opening, frames_away
from montage_pipeline.editing.optimizer.terms import Term
from montage_pipeline.editing.packing import Piece

Breakdown = Mapping[Term, float]
"""Points of one segment by term, before they are rounded to whole units; what a term does not apply
to has no entry.
"""

_SCORE_TERMS = {
    Term.INTEREST: "interest",
    Term.QUALITY: "quality",
    Term.COLOUR: "colour",
    Term.FACES: "faces",
    Term.STABILITY: "stability",
    Term.SPEECH: "speech",
    Term.OVERLAYS: "overlays",
    Term.FRAMING: "framing",
    Term.CAMERA_ONLY: "camera_only",
    Term.BEST_MOMENT: "best",
    Term.UNSEEN: "unseen",
}
"""The field of `MomentScore` behind each term."""


def breakdown(
    objective: Objective, pieces: Sequence[Piece], opening: Opening
) -> tuple[Breakdown, ...]:
    """The points of each segment of an edit; all together they are the objective's value of it.

    `opening` is the first of `pieces`. A change counts for the later of two neighbours, and what
    belongs to the Reel as a whole for the segment that brings it about.
    """
    ends = np.cumsum([piece.frames for piece in pieces]).tolist()
    hook = {term: float(points[0]) for term, points in objective.hook_terms([opening]).items()}
    own = [
        hook
        | {
            Term.UNAVOIDABLE: objective.unavoidable / POINT,
            Term.ABSENT: (objective.unavoidably_absent - _absent(objective, pieces)) / POINT,
        },
        *(
            _piece(objective, piece, end - piece.frames)
            for piece, end in zip(pieces[1:], ends[1:], strict=True)
        ),
    ]
    changes = [
        {},
        *(
            _change(objective, before, piece, cut)
            for (before, piece), cut in zip(pairwise(pieces), ends[:-1], strict=True)
        ),
    ]
    repeats = _repeats(objective, pieces)
    return tuple(
        {**points, **change, **repeat}
        for points, change, repeat in zip(own, changes, repeats, strict=True)
    )


def _absent(objective: Objective, pieces: Sequence[Piece]) -> int:
    """Units that the clips cost which no piece shows."""
    shown = objective.places(objective.footage.starts_of(pieces)).clip
    return int(np.delete(objective.absent, np.unique(shown)).sum())


def _piece(objective: Objective, piece: Piece, begins: int) -> dict[Term, float]:
    """What a piece brings by itself, beginning at a frame of the Reel."""
    footage, taste = objective.footage, objective.taste
    first = int(footage.starts_of([piece])[0])
    last = first + piece.frames
    ends = begins + piece.frames
    shown = piece.frames / objective.reference
    motion = (footage.motion_sum[last] - footage.motion_sum[first]) / piece.frames
    when = np.asarray((begins + piece.frames / 2) / objective.ruler.total_frames)

    seen = footage.seen_sum[last] - footage.seen_sum[first]
    gone = footage.subject_gone_sum[last] - footage.subject_gone_sum[first]
    peaks = footage.peak_sum[last] - footage.peak_sum[first]
    instants = footage.instant_sum[last] - footage.instant_sum[first]
    length, missed = np.asarray([piece.frames]), np.asarray([ends])
    role = terms.role_share(footage.table.belongs_at[footage.moment_at[first]], when)
    points = {
        Term.SEEN: -SEEN * seen / objective.reference,
        Term.SUBJECT_GONE: -SUBJECT_GONE * gone / objective.reference,
        Term.INSTANT: INSTANT * instants / objective.reference,
        Term.LENGTH: terms.length_points(taste, length, objective.preferred, objective.rate)[0],
        Term.BROKEN_OFF: -terms.BROKEN_OFF * (footage.spoken_at[first] + footage.spoken_at[last]),
        Term.KEYFRAME: taste.keyframe * footage.keyframe_at[first],
        Term.BEST_INSTANT: terms.peak_points(peaks),
        Term.ENERGY: -terms.energy_loss(taste, motion, when) * shown,
        Term.STORY: -terms.story_loss(taste, footage.place_at[first], when) * shown,
        Term.ROLE: -terms.role_loss(np.asarray(shown), role),
        Term.BEAT: -terms.MISS
        * objective.ruler.miss_frames(missed, length)[0]
        / objective.reference,
    }
    if ends == objective.ruler.total_frames:
        points[Term.CALM_ENDING] = -taste.ending_calm * motion
        belongs_at = footage.table.belongs_at[footage.moment_at[[first]]]
        points[Term.ENDING] = terms.ending_points(belongs_at)[0]
    return _moments(objective, first, last) | {term: float(value) for term, value in points.items()}


def _moments(objective: Objective, first: int, last: int) -> dict[Term, float]:
    """What the moments shown by frames [first, last) of the line bring, in proportion."""
    footage, table = objective.footage, objective.footage.table
    rows, frames = np.unique(footage.moment_at[first:last], return_counts=True)
    shares = dict(zip(rows.tolist(), (frames / objective.reference).tolist(), strict=True))

    def total(field: str) -> float:
        scores = ((share, table.scores[row]) for row, share in shares.items())
        return sum((share * float(getattr(score, field)) for share, score in scores), 0.0)

    points = {term: total(field) for term, field in _SCORE_TERMS.items()}
    chance = sum(share * float(table.chance[row]) for row, share in shares.items())
    return points | {Term.CHANCE: chance}


def _change(objective: Objective, before: Piece, piece: Piece, cut: int) -> dict[Term, float]:
    """What the change between two neighbours brings, with the cut at a frame of the Reel."""
    footage = objective.footage
    earlier, later = (objective.places(footage.starts_of([shown])) for shown in (before, piece))
    by_term, size = objective.change_terms(earlier, later)
    accent = int(objective.ruler.accent[cut])
    by_term[Term.DOWNBEAT] = terms.downbeat_points(objective.taste, accent, size)
    points = {term: float(value[0, 0]) for term, value in by_term.items()}

    away = frames_away(before, piece)
    if away is not None:
        points[Term.GOES_ON] = float(
            terms.goes_on_points(np.asarray(away), objective.goes_on_frames)
        )
    return points


def _repeats(objective: Objective, pieces: Sequence[Piece]) -> list[dict[Term, float]]:
    """What each piece costs for being one too many of its clip or of its cluster."""
    places = objective.places(objective.footage.starts_of(pieces))
    uses: Counter[int] = Counter()
    shown: Counter[int] = Counter()
    costs: list[dict[Term, float]] = []
    for clip, cluster in zip(places.clip.tolist(), places.cluster.tolist(), strict=True):
        uses[clip] += 1
        shown[cluster] += 1
        cost = {}
        if uses[clip] > objective.fair_uses:
            cost[Term.OVERUSED] = -terms.OVERUSED
        if shown[cluster] > 1:
            cost[Term.ALIKE] = -terms.ALIKE
        costs.append(cost)
    return costs
