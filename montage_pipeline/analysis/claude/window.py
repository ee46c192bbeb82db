"""The part of a moment that Claude would show: cut out of it, so that nothing else of it is shown.

Belongs here: how long a window must be, and what is left beside it.
Does not belong here: asking for it (prompt), how much must stay in use (merge).
"""

from montage_pipeline.analysis.model import Moment, RejectReason
from montage_pipeline.rules import MIN_CUT_S
from montage_pipeline.spans import Span

Window = Span

_ROOM_S = 0.5
"""Beside the shortest cut: at 125 beats a minute, the shortest that ends on a beat has 3.35 s."""

_EDGE_S = 0.25  # less beside a window is not worth keeping apart: times are told by eye

_OUTSIDE = RejectReason(code="other", message="judged not to be worth showing beside the rest")


def kept_window(moment: Moment, window: Window) -> Window:
    """The window inside its moment, widened to what a cut needs where the moment has it.

    Otherwise a clip with two good seconds could not be shown at all.
    """
    start_s = max(window.start_s, moment.start_s)
    end_s = min(window.end_s, moment.end_s)
    wanted_s = min(MIN_CUT_S + _ROOM_S, moment.duration_s)
    missing_s = wanted_s - (end_s - start_s)
    if missing_s > 0:
        start_s = min(max(moment.start_s, start_s - missing_s / 2), moment.end_s - wanted_s)
        end_s = max(end_s, start_s + wanted_s)

    if start_s - moment.start_s < _EDGE_S:
        start_s = moment.start_s
    if moment.end_s - end_s < _EDGE_S:
        end_s = moment.end_s
    return Window(round(start_s, 3), round(end_s, 3))


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
