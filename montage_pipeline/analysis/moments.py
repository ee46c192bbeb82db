"""Cutting a clip's shots into moments: spans of one shot that are good, or bad, throughout.

Belongs here: where a moment begins and ends.
Does not belong here: limits (faults), scores (scoring).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

from montage_pipeline.analysis.faults import first_fault, reasons, too_short
from montage_pipeline.analysis.model import RejectCode, RejectReason
from montage_pipeline.footage.measuring.measures import SAMPLE_S, ClipMeasures, SpanMeasures
from montage_pipeline.rules import MIN_CUT_S
from montage_pipeline.spans import Span, without

MIN_MOMENT_S = 1.0  # less is over before it is understood
MAX_MOMENT_S = 8.0  # longer ones would be judged by a mean that is true of none of their parts

_MARGIN_FRAMES = 2  # beside a cut, where codecs smear and detection may be off by one
_MAX_FRAME_S = 0.1  # a margin counts frames; those of slide shows and time lapses stay for seconds
_UNSEEN_MARGIN_S = 0.15  # beside unseen footage: what a flash or a dissolve is shows only later
_MIN_INNER_S = 0.2  # of a shot without its margins
_MIN_FAULT_S = 0.75  # a fault shorter than this is lived with
_LABEL_WINDOW_S = 1.0  # in which a fault is looked for: two samples or three, not one outlier
_ROUNDING_S = 0.005  # more than times lose when they are rounded to milliseconds

# Splitting long runs.
_GRID_S = 0.5
_MIN_SPLIT_S = 3.5  # a cut of 3 s and a beat to choose from
_SPLIT_PRICE = 0.02  # in squared motion energy: quiet footage stays in long parts


class _Run(NamedTuple):
    """A span with the same fault, or none, throughout."""

    fault: RejectCode | None
    span: Span

    @property
    def is_brief(self) -> bool:
        """Whether the run is not worth telling from its neighbours.

        A good one is worth keeping only if a cut fits; a bad one matters only if it would be seen.
        """
        min_s = MIN_MOMENT_S if self.fault is None else _MIN_FAULT_S
        return self.span.duration_s < min_s + SAMPLE_S / 2


@dataclass(frozen=True)
class UnscoredMoment:
    """A moment before it is scored: where it is, what was measured, why it must not be used."""

    span: Span
    measures: SpanMeasures
    rejects: tuple[RejectReason, ...]


def cut_into_moments(clip: ClipMeasures, max_s: float = MAX_MOMENT_S) -> list[UnscoredMoment]:
    """All moments of a clip in order of time; together they cover its shots but for the margins.

    None is longer than `max_s` seconds. Times are rounded inwards to the millisecond.
    """
    return [
        _moment(part, clip)
        for shot in clip.shots
        if (inner := _without_margins(shot, clip)).duration_s >= _MIN_INNER_S
        for stretch in _shown_or_not(inner, clip)
        for run in _even_runs(stretch, clip)
        for part in _split_by_movement(run, clip, max_s)
    ]


def _moment(part: Span, clip: ClipMeasures) -> UnscoredMoment:
    span = Span(_ceil_ms(part.start_s), _floor_ms(part.end_s))
    measures = clip.between(span)
    rejects = reasons(measures)
    if span.duration_s < MIN_MOMENT_S - _ROUNDING_S:
        rejects = (*rejects, too_short(span.duration_s, MIN_MOMENT_S))
    return UnscoredMoment(span, measures, rejects)


def _without_margins(shot: Span, clip: ClipMeasures) -> Span:
    """The shot without the frames beside a cut, or beside footage that was not looked at.

    At the clip's own ends nothing is left out but half a frame.
    """
    facts = clip.facts
    frame_s = min(1 / float(facts.fps.fraction), _MAX_FRAME_S)
    clip_end_s = facts.start_s + facts.duration_s
    window = _window_of(shot, clip, frame_s)

    start_s = shot.start_s + _MARGIN_FRAMES * frame_s
    if shot.start_s <= window.start_s + frame_s / 2:
        at_clip_start = window.start_s <= facts.start_s + frame_s / 2
        start_s = shot.start_s + (0 if at_clip_start else _UNSEEN_MARGIN_S)

    end_s = shot.end_s - _MARGIN_FRAMES * frame_s
    if shot.end_s >= window.end_s - 1.5 * frame_s:
        at_clip_end = window.end_s >= clip_end_s - 1.5 * frame_s
        end_s = shot.end_s - (
            _clip_end_margin_s(shot.end_s - start_s, frame_s) if at_clip_end else _UNSEEN_MARGIN_S
        )
    return Span(start_s, max(start_s, end_s))


def _clip_end_margin_s(duration_s: float, frame_s: float) -> float:
    """Renderers ask for the frame at a time: half a frame of room keeps the last one from being
    asked for twice. Where that room would cost the only cut, as in a clip of exactly 3 s, the last
    frame may be seen twice.
    """
    only_cut = duration_s - frame_s / 2 < MIN_CUT_S <= duration_s + _ROUNDING_S
    return 0.0 if only_cut else frame_s / 2


def _window_of(shot: Span, clip: ClipMeasures, frame_s: float) -> Span:
    """The span that was looked at and holds the shot."""
    for window in clip.looked_at:
        if window.start_s <= shot.start_s + frame_s / 2 and shot.start_s < window.end_s:
            return window
    return shot


def _shown_or_not(shot: Span, clip: ClipMeasures) -> list[Span]:
    """A shot in parts that are black, held or torn away throughout, and parts that are not.

    A cut may begin anywhere in a moment: where there is nothing to see it must not.
    """
    apart: list[Span] = []
    for spans in (clip.black, clip.torn_away, clip.held(shot)):
        inside = [
            Span(max(span.start_s, shot.start_s), min(span.end_s, shot.end_s)) for span in spans
        ]
        apart += [part for span in inside if span.duration_s > 0 for part in without(span, apart)]
    parts = (*apart, *without(shot, apart))
    return sorted(part for part in parts if part.duration_s >= _MIN_INNER_S)


def _even_runs(shot: Span, clip: ClipMeasures) -> list[Span]:
    """Split a shot where it turns from good to bad or back, without brief runs."""
    times_s = [sample.time_s for sample in clip.samples if shot.holds(sample.time_s)]
    if len(times_s) < 2:
        return [shot]

    faults = [first_fault(clip.between(_around(time_s, shot))) for time_s in times_s]
    # Each label stands for the time about its sample.
    middles_s = [(before + after) / 2 for before, after in pairwise(times_s)]
    edges_s = [shot.start_s, *middles_s, shot.end_s]
    runs = [
        _Run(fault, Span(start_s, end_s))
        for fault, (start_s, end_s) in zip(faults, pairwise(edges_s), strict=True)
    ]
    return [run.span for run in _without_brief_runs(_joined(runs))]


def _around(time_s: float, shot: Span) -> Span:
    half_s = _LABEL_WINDOW_S / 2
    return Span(max(shot.start_s, time_s - half_s), min(shot.end_s, time_s + half_s))


def _joined(runs: Sequence[_Run]) -> list[_Run]:
    """Neighbours with the same fault made one."""
    joined = []
    for fault, group in groupby(runs, key=lambda run: run.fault):
        spans = [run.span for run in group]
        joined.append(_Run(fault, Span(spans[0].start_s, spans[-1].end_s)))
    return joined


def _without_brief_runs(runs: list[_Run]) -> list[_Run]:
    """Give brief runs to the longer neighbour, the briefest first, until none is left."""
    while len(runs) > 1:
        briefest = min(range(len(runs)), key=lambda place: (runs[place].span.duration_s, place))
        if not runs[briefest].is_brief:
            break
        beside = [place for place in (briefest - 1, briefest + 1) if 0 <= place < len(runs)]
        into = max(beside, key=lambda place: runs[place].span.duration_s)
        first, last = sorted((briefest, into))
        span = Span(runs[first].span.start_s, runs[last].span.end_s)
        runs = _joined([*runs[:first], _Run(runs[into].fault, span), *runs[last + 1 :]])
    return runs


def _split_by_movement(run: Span, clip: ClipMeasures, max_s: float) -> list[Span]:
    """Split a long run where it turns from quiet to busy, into parts that a moment can be.

    Parts last _MIN_SPLIT_S, or half of `max_s`, to `max_s`; the edges lie on a grid of about
    _GRID_S.
    """
    if run.duration_s <= max_s:
        return [run]
    count = round(run.duration_s / _GRID_S)
    grid_s = run.duration_s / count
    edges_s = [run.start_s + run.duration_s * place / count for place in range(count + 1)]
    motion = [clip.between(Span(start, end)).motion for start, end in pairwise(edges_s)]

    longest = int(max_s / grid_s + 1e-9)
    shortest = min(round(_MIN_SPLIT_S / grid_s), longest // 2)
    splits = _best_splits(motion, shortest, longest)
    return [Span(edges_s[start], edges_s[end]) for start, end in pairwise(splits)]


def _best_splits(values: Sequence[float], shortest: int, longest: int) -> list[int]:
    """Where to split a row of values so that they are most alike inside each part.

    Least squares, with _SPLIT_PRICE on every part, by dynamic programming. Gives the places from 0
    to the number of values; parts have `shortest` to `longest` values.
    """
    total = [0.0, *accumulate(values)]
    squares = [0.0, *accumulate(value * value for value in values)]
    # For each place, the least cost of all before it, and where the last part before it starts.
    best: list[tuple[float, int]] = [(0.0, 0)]

    def cost(start: int, end: int) -> float:
        return (
            best[start][0]
            + squares[end]
            - squares[start]
            - (total[end] - total[start]) ** 2 / (end - start)
            + _SPLIT_PRICE
        )

    for end in range(1, len(values) + 1):
        starts = range(max(0, end - longest), end - shortest + 1)
        best.append(min(((cost(start, end), start) for start in starts), default=(float("inf"), 0)))

    splits = [len(values)]
    while splits[-1] > 0:
        splits.append(best[splits[-1]][1])
    return splits[::-1]


def _ceil_ms(time_s: float) -> float:
    return -(-round(time_s * 1e6) // 1000) / 1000


def _floor_ms(time_s: float) -> float:
    return round(time_s * 1e6) // 1000 / 1000
