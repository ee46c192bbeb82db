"""What could be shown in the place of a segment, ranked by what the whole Reel gains or loses.

Belongs here: finding footage for a place, and why it is offered. Does not belong here: the points
(`optimizer.breakdown`).
"""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

import numpy as np

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.changing.footage import footage_of
from montage_pipeline.editing.changing.room import Alternative, Banned, Shown, fits, is_banned
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.moment_table import Floats
from montage_pipeline.editing.optimizer.breakdown import Breakdown, breakdown
from montage_pipeline.editing.packing import Piece
from montage_pipeline.editing.stages.chosen_edit import ChosenEdit, opening
from montage_pipeline.editing.stages.hook import HookChoice, opening_with
from montage_pipeline.editing.stages.segments import moments_shown
from montage_pipeline.editing.stages.wording import costs_of, what_it_is

_PROMISED = 3
"""Offered wherever there is something to offer, if need be with parts in common."""

_MAX_OFFERED = 6
"""More than anybody compares; twice those that are promised."""

_MAX_JUDGED = 10
"""Candidates for each segment that the whole edit is judged with: a few milliseconds each."""

_MAX_OF_STRETCH = 4
"""Of one stretch: more of it would leave no room for other footage among the candidates."""

_NO_MATTER = 0.05
"""Points that nobody would see."""


class _Candidate(NamedTuple):
    piece: Piece
    worth: float


def alternatives(
    context: PlanContext, chosen: ChosenEdit, number: int, banned: Sequence[Banned] = ()
) -> tuple[Alternative, ...]:
    """What could be shown in the place of segment `number`, the best first."""
    rate = float(context.fps)
    others = [
        Shown(footage_of(context, piece), piece.frames)
        for place, piece in enumerate(chosen.pieces)
        if place != number
    ]

    def can_be_shown(piece: Piece) -> bool:
        footage = footage_of(context, piece)
        shown = Shown(footage, piece.frames)
        return not is_banned(footage, piece.frames, banned, rate) and fits(shown, others, rate)

    pieces = list(filter(can_be_shown, _candidates(context, chosen, number)))
    if len(pieces) < _PROMISED:
        # Each stands in the segment's place alone, so they may have seconds in common.
        more = filter(can_be_shown, _candidates(context, chosen, number, beside=pieces))
        pieces += list(more)[: _PROMISED - len(pieces)]
    now = _points(_terms(context, chosen, chosen.pieces, chosen.hook))
    found = [_alternative(context, chosen, number, piece, now) for piece in pieces]
    found.sort(key=lambda alternative: -alternative.points)
    return tuple(found[:_MAX_OFFERED])


def _candidates(
    context: PlanContext,
    chosen: ChosenEdit,
    number: int,
    beside: Sequence[Piece] | None = None,
) -> list[Piece]:
    """The most promising pieces of the segment's length, none of which overlap; `beside` others,
    none of which has more than half in common with another one.
    """
    found: list[_Candidate] = []
    for stretch in range(len(context.stretches)):
        found.extend(_best_of(context, chosen, number, stretch, beside))
    found.sort(key=lambda candidate: (-candidate.worth, candidate.piece))
    return [candidate.piece for candidate in found[:_MAX_JUDGED]]


def _best_of(
    context: PlanContext,
    chosen: ChosenEdit,
    number: int,
    stretch: int,
    beside: Sequence[Piece] | None,
) -> Iterator[_Candidate]:
    """The best pieces of a stretch beside what is shown of it (see `_candidates`)."""
    line, frames = chosen.objective.footage, chosen.pieces[number].frames
    room = context.stretches[stretch].frames - frames
    if room < 0 or (number == 0 and context.stretches[stretch].in_slow_motion):
        return
    begin = int(line.offset[stretch])
    sums = line.points_sum[begin : begin + room + frames + 1]
    worth = (sums[frames:] - sums[:-frames]) / frames
    gap = context.stretches[stretch].gap
    for piece in chosen.pieces:
        if piece.stretch == stretch:
            _without(worth, piece, frames, gap)
    apart = frames + gap if beside is None else ceil(frames / 2)
    for piece in beside or ():
        if piece.stretch == stretch:
            _away_from(worth, piece.start, apart)
    for _ in range(_MAX_OF_STRETCH):
        start = int(np.argmax(worth))
        if worth[start] == -np.inf:
            return
        piece = Piece(stretch, start, frames)
        yield _Candidate(piece, _worth(context, piece, float(worth[start]), opens=number == 0))
        _away_from(worth, start, apart)


def _without(worth: Floats, piece: Piece, frames: int, gap: int) -> None:
    """Rule out the starts of pieces that would touch this one."""
    worth[max(0, piece.start - frames - gap + 1) : piece.end + gap] = -np.inf


def _away_from(worth: Floats, start: int, apart: int) -> None:
    """Rule out the starts that are nearer to this one."""
    worth[max(0, start - apart + 1) : start + apart] = -np.inf


def _worth(context: PlanContext, piece: Piece, points: float, *, opens: bool) -> float:
    if not opens:
        return points
    return opening_with(context, piece, _moment_for(context, piece, opens=True), 0).strength


def _moment_for(context: PlanContext, piece: Piece, *, opens: bool) -> Moment:
    """The moment that a piece is shown for."""
    shown = moments_shown(context.stretches[piece.stretch], piece)
    if opens:
        return max((part.moment for part in shown), key=lambda moment: moment.hook)
    return max(shown, key=lambda part: part.frames).moment


def _alternative(
    context: PlanContext, chosen: ChosenEdit, number: int, piece: Piece, now: float
) -> Alternative:
    pieces = [*chosen.pieces]
    pieces[number] = piece
    moment = _moment_for(context, piece, opens=number == 0)
    hook = opening_with(context, piece, moment, 0) if number == 0 else chosen.hook
    terms = _terms(context, chosen, pieces, hook)
    points = round(_points(terms) - now, 3)
    footage = footage_of(context, piece)
    return Alternative(
        id=f"{moment.id}@{footage.start_s:.2f}",
        footage=footage.model_copy(update={"moment": moment.id}),
        points=points,
        what=what_it_is(context.analysis, moment, terms[number]),
        why=_why(costs_of(terms[number]), points),
    )


def _why(costs: Sequence[str], points: float) -> str:
    """How it compares with what is shown."""
    although = f", although {' and '.join(costs)}" if costs else ""
    if abs(points) < _NO_MATTER:
        return f"As good for the whole Reel as what is shown{although}."
    better = f"{abs(points):.1f} points {'better' if points > 0 else 'worse'}"
    return (
        f"For the whole Reel {better} than what is shown{although if points > 0 else _as(costs)}."
    )


def _as(costs: Sequence[str]) -> str:
    return f": {' and '.join(costs)}" if costs else ""


def _terms(
    context: PlanContext, chosen: ChosenEdit, pieces: Sequence[Piece], hook: HookChoice
) -> tuple[Breakdown, ...]:
    return breakdown(chosen.objective, pieces, opening(context, hook))


def _points(terms: Sequence[Breakdown]) -> float:
    return sum(sum(segment.values()) for segment in terms)
