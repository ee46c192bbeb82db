"""Cutting a clip's shots into moments: stretches of one shot that are good, or bad, throughout.

Belongs here: where a moment begins and ends.
Does not belong here: limits (faults), scores (scoring).
"""

from dataclasses import dataclass
from itertools import groupby, pairwise

from montage_pipeline.analysis.faults import first_fault, reasons, too_short
from montage_pipeline.analysis.model import RejectCode, RejectReason
from montage_pipeline.footage.measuring.measures import SAMPLE_S, ClipMeasures, StretchMeasures
from montage_pipeline.spans import Span

LEAST_MOMENT_S = 1.0
MOST_MOMENT_S = 8.0
_MARGIN_FRAMES = (
    2  # kept away from changes of shot, where codecs smear and detection may be off by one
)
# beside footage that was not looked at: a flash or the end of a dissolve shows its nature only
# later
_UNSEEN_MARGIN_S = 0.15
_LEAST_FAULT_S = 0.75  # a fault shorter than this is lived with
_LABEL_WINDOW_S = 1.0
_LEAST_STRETCH_S = 0.2
_GRID_S = 0.5
_LEAST_PIECE_S = 3.5  # a cut of 3 s and a beat to choose from
_CUT_PRICE = 0.02  # in squared motion energy


_Run = tuple[RejectCode | None, Span]


@dataclass(frozen=True)
class Candidate:
    """A moment before it is scored."""

    span: Span
    measures: StretchMeasures
    rejects: tuple[RejectReason, ...]


def cut_into_moments(clip: ClipMeasures) -> list[Candidate]:
    """All moments of a clip in order of time; together they cover its shots but for the margins.

    Times are rounded inwards to the millisecond.
    """
    found = []
    for shot in clip.shots:
        inner = _without_margins(shot, clip)
        if inner.duration_s < _LEAST_STRETCH_S:
            continue
        for run in _even_runs(inner, clip):
            for piece in _pieces(run, clip):
                span = Span(_ceil_ms(piece.start_s), _floor_ms(piece.end_s))
                measures = clip.between(span)
                rejects = reasons(measures)
                if span.duration_s < LEAST_MOMENT_S - 0.005:
                    rejects = (*rejects, too_short(span.duration_s, LEAST_MOMENT_S))
                found.append(Candidate(span, measures, rejects))
    return found


def _without_margins(shot: Span, clip: ClipMeasures) -> Span:
    """The shot without the frames beside a change of shot, or beside footage that was not looked
    at.

    The clip's own ends keep theirs, but for the last frame.
    """
    facts = clip.facts
    frame_s = 1 / float(facts.fps.fraction)
    window = next(
        (
            window
            for window in clip.looked_at
            if window.start_s <= shot.start_s + frame_s / 2 and shot.start_s < window.end_s
        ),
        shot,
    )
    starts, ends = (
        shot.start_s <= window.start_s + frame_s / 2,
        shot.end_s >= window.end_s - 1.5 * frame_s,
    )
    start_s = shot.start_s + (_MARGIN_FRAMES * frame_s if not starts else _UNSEEN_MARGIN_S)
    end_s = shot.end_s - (_MARGIN_FRAMES * frame_s if not ends else _UNSEEN_MARGIN_S)
    if starts and window.start_s <= facts.start_s + frame_s / 2:
        start_s = shot.start_s
    if ends and window.end_s >= facts.start_s + facts.duration_s - 1.5 * frame_s:
        # Renderers ask for the frame at a time; half a frame of room keeps the last one from being
        # asked for twice.
        end_s = shot.end_s - frame_s / 2
    return Span(start_s, max(start_s, end_s))


def _even_runs(shot: Span, clip: ClipMeasures) -> list[Span]:
    """Split a shot where it turns from good to bad or back, in runs of at least _LEAST_FAULT_S."""
    times = [sample.time_s for sample in clip.samples if shot.start_s <= sample.time_s < shot.end_s]
    if len(times) < 2:
        return [shot]
    labels = []
    for time_s in times:
        around = Span(
            max(shot.start_s, time_s - _LABEL_WINDOW_S / 2),
            min(shot.end_s, time_s + _LABEL_WINDOW_S / 2),
        )
        labels.append(first_fault(clip.between(around)))
    # Each label stands for the time about its sample.
    edges = [shot.start_s, *((one + other) / 2 for one, other in pairwise(times)), shot.end_s]
    runs: list[_Run] = []
    place = 0
    for label, group in groupby(labels):
        count = len(list(group))
        runs.append((label, Span(edges[place], edges[place + count])))
        place += count
    return [span for _, span in _without_brief_runs(runs)]


def _without_brief_runs(runs: list[_Run]) -> list[_Run]:
    """Give brief runs to the longer neighbour, briefest first, until none is left."""
    runs = list(runs)
    while len(runs) > 1:
        index = min(range(len(runs)), key=lambda place: (runs[place][1].duration_s, place))
        label, span = runs[index]
        # A good stretch is worth keeping only if a cut fits; a bad one only matters if it would be
        # seen.
        if span.duration_s >= (LEAST_MOMENT_S if label is None else _LEAST_FAULT_S) + SAMPLE_S / 2:
            break
        beside = [place for place in (index - 1, index + 1) if 0 <= place < len(runs)]
        into = max(beside, key=lambda place: runs[place][1].duration_s)
        first, last = min(index, into), max(index, into)
        runs[first : last + 1] = [
            (runs[into][0], Span(runs[first][1].start_s, runs[last][1].end_s))
        ]
        merged = [
            (label, [span for _, span in group])
            for label, group in groupby(runs, key=lambda run: run[0])
        ]
        runs = [(label, Span(spans[0].start_s, spans[-1].end_s)) for label, spans in merged]
    return runs


def _pieces(run: Span, clip: ClipMeasures) -> list[Span]:
    """Cut a long run where it turns from quiet to busy, into pieces of _LEAST_PIECE_S to
    MOST_MOMENT_S.

    The cuts are those that leave the movement inside each piece most alike (least squares, by
    dynamic
    programming on a half second grid), with a price on every cut so that quiet footage stays in
    long pieces.
    """
    if run.duration_s <= MOST_MOMENT_S:
        return [run]
    count = round(run.duration_s / _GRID_S)
    edges = [run.start_s + run.duration_s * place / count for place in range(count + 1)]
    energy = [clip.between(Span(start, end)).motion for start, end in pairwise(edges)]
    total, squares = [0.0], [0.0]
    for value in energy:
        total.append(total[-1] + value)
        squares.append(squares[-1] + value * value)
    grid_s = run.duration_s / count
    shortest, longest = round(_LEAST_PIECE_S / grid_s), int(MOST_MOMENT_S / grid_s + 1e-9)
    cheapest: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, count + 1):
        options = [
            (
                cheapest[start][0]
                + squares[end]
                - squares[start]
                - (total[end] - total[start]) ** 2 / (end - start)
                + _CUT_PRICE,
                start,
            )
            for start in range(max(0, end - longest), end - shortest + 1)
        ]
        cheapest.append(min(options, default=(float("inf"), 0)))
    cuts = [count]
    while cuts[-1] > 0:
        cuts.append(cheapest[cuts[-1]][1])
    return [Span(edges[start], edges[end]) for start, end in pairwise(reversed(cuts))]


def _ceil_ms(time_s: float) -> float:
    return -(-round(time_s * 1e6) // 1000) / 1000


def _floor_ms(time_s: float) -> float:
    return round(time_s * 1e6) // 1000 / 1000
