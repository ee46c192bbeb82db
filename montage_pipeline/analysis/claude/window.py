"""The part of a moment that Claude would show: cut out of it, so that nothing else of it is shown.

Belongs here: how long a window must be, and what is left beside it.
Does not belong here: asking for it (prompt), how much must stay in use (merge).
"""

from collections.abc import Iterable

from montage_pipeline.analysis.model import Moment, RejectReason
from montage_pipeline.rules import MIN_CUT_S
from montage_pipeline.spans import Span, joined

Window = Span

ROOM_FOR_A_CUT_S = MIN_CUT_S + 0.5
"""At 125 beats a minute, the shortest cut of 3 s and more that ends on a beat has 3.35 s."""

_EDGE_S = 0.25  # less beside a window is not worth keeping apart: times are told by eye
_RUNS_ON_S = 0.1  # moments of one run follow each other within a frame or two

_OUTSIDE = RejectReason(code="other", message="judged not to be worth showing beside the rest")


def inside(moment: Moment, window: Window) -> Window:
    """The window inside its moment, and up to its ends where next to nothing is left beside it."""
    start_s = max(window.start_s, moment.start_s)
    end_s = min(window.end_s, moment.end_s)
    if start_s - moment.start_s < _EDGE_S:
        start_s = moment.start_s
    if moment.end_s - end_s < _EDGE_S:
        end_s = moment.end_s
    return Window(round(start_s, 3), round(end_s, 3))


def widened(moment: Moment, window: Window) -> Window:
    """The window with what a cut needs, as far as the moment has it."""
    wanted_s = min(ROOM_FOR_A_CUT_S, moment.duration_s)
    missing_s = wanted_s - window.duration_s
    if missing_s <= 0:
        return window
    start_s = min(max(moment.start_s, window.start_s - missing_s / 2), moment.end_s - wanted_s)
    return inside(moment, Window(start_s, max(window.end_s, start_s + wanted_s)))


def runs_of(windows: Iterable[Window]) -> list[Window]:
    """The windows of one clip in order of time, those made one that follow each other."""
    return joined(windows, gap_s=_RUNS_ON_S)


def outside(moment: Moment, window: Window) -> list[Moment]:
    """The moment cut to its window, and what lies before and after it, rejected; in order of time.

    The moment keeps its id; times without the subject stay where they lie in it.
    """
    parts = [_inside(moment, window)]
    if window.start_s > moment.start_s:
        parts.insert(0, _rest(moment, "before", Span(moment.start_s, window.start_s)))
    if window.end_s < moment.end_s:
        parts.append(_rest(moment, "after", Span(window.end_s, moment.end_s)))
    return parts


def _inside(moment: Moment, window: Window) -> Moment:
    peak_s = moment.peak_s
    return moment.model_copy(
        update={
            "start_s": window.start_s,
            "end_s": window.end_s,
            "peak_s": None if peak_s is None else min(max(peak_s, window.start_s), window.end_s),
            "without_subject": tuple(
                span.model_copy(
                    update={
                        "start_s": max(span.start_s, window.start_s),
                        "end_s": min(span.end_s, window.end_s),
                    }
                )
                for span in moment.without_subject
                if span.start_s < window.end_s and span.end_s > window.start_s
            ),
        }
    )


def _rest(moment: Moment, where: str, span: Span) -> Moment:
    return moment.model_copy(
        update={
            "id": f"{moment.id}-{where}",
            "start_s": span.start_s,
            "end_s": span.end_s,
            "peak_s": None,
            "description": "",
            "role": None,
            "rejects": (*moment.rejects, _OUTSIDE),
        }
    )
