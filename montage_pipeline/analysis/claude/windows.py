"""Which part of each moment stays in use: what Claude would show, and what the Reel needs all the
same.

Belongs here: how much must stay, how long a window must be, and cutting what lies outside off.
Does not belong here: asking for windows (prompt), what else is merged (merge).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from montage_pipeline.analysis.model import ClipAnalysis, Moment, RejectReason
from montage_pipeline.rules import MIN_CUT_S, MIN_DURATION_S
from montage_pipeline.spans import Span, joined

Window = Span

_ROOM_FOR_A_CUT_S = MIN_CUT_S + 0.5
"""At 125 beats a minute, the shortest cut of 3 s and more that ends on a beat has 3.35 s."""

_EDGE_S = 0.25  # less beside a window is not worth keeping apart: times are told by eye
_RUNS_ON_S = 0.1  # moments of one run follow each other within a frame or two

_OUTSIDE = RejectReason(code="other", message="judged not to be worth showing beside the rest")

_KEPT_SHARE = 0.75
"""Of the Reel's length, or of all usable footage where that is less: so much stays in use whatever
Claude rejects. Up to that, a shorter Reel is better than one with what nobody wants to see; beyond
it, the judgement is more likely wrong, or made to be.
"""

_LITTLE_S = 0.6
"""What a window may lack of a cut, to be widened in any case: a sixth of the cut, against another
moment that is worse as a whole.
"""


def windows_in_use(
    measured: ClipAnalysis,
    named: Mapping[str, Window],
    rejected: Collection[str],
    duration_s: float,
) -> dict[str, Window]:
    """The part in use of every usable moment, by its id; a moment that is out of use has none.

    `named` are the windows that Claude gave, best moments first. One that lacks next to nothing of
    a cut is widened to hold one, and so is the best of a clip that would have no room for a cut:
    with two good seconds, the clip could not be shown at all. Where too little is left for the
    Reel, windows are given up, then rejections, the technically best first.
    """
    usable = {
        moment.id: moment
        for clip in measured.clips
        for moment in clip.moments
        if not moment.rejects
    }
    windows = {
        name: inside(moment, named.get(name, _all_of(moment)))
        for name, moment in usable.items()
        if name not in rejected
    }
    for name in named:
        if name not in windows:
            continue
        lacks_s = _ROOM_FOR_A_CUT_S - windows[name].duration_s
        if lacks_s <= _LITTLE_S or not _has_room(usable[name].clip, windows, usable):
            windows[name] = widened(usable[name], windows[name])

    enough_s = _enough_s(list(usable.values()), duration_s)
    by_need = sorted(
        usable.values(),
        key=lambda moment: (moment.id in rejected, -moment.quality - moment.interest, moment.id),
    )
    for moment in by_need:
        if _showable_s(windows, usable) >= enough_s:
            break
        windows[moment.id] = _all_of(moment)
    return windows


def _enough_s(usable: Sequence[Moment], duration_s: float) -> float:
    all_s = _showable_s({moment.id: _all_of(moment) for moment in usable}, _by_id(usable))
    return max(_KEPT_SHARE * min(duration_s, all_s), min(MIN_DURATION_S, all_s))


def _showable_s(windows: Mapping[str, Window], moments: Mapping[str, Moment]) -> float:
    """Seconds in runs that hold a cut."""
    runs = [
        run
        for clip in {moments[name].clip for name in windows}
        for run in _runs(clip, windows, moments)
    ]
    return sum(run.duration_s for run in runs if run.duration_s >= MIN_CUT_S)


def _has_room(clip: int, windows: Mapping[str, Window], moments: Mapping[str, Moment]) -> bool:
    return any(run.duration_s >= _ROOM_FOR_A_CUT_S for run in _runs(clip, windows, moments))


def _runs(clip: int, windows: Mapping[str, Window], moments: Mapping[str, Moment]) -> list[Span]:
    return _runs_of(window for name, window in windows.items() if moments[name].clip == clip)


def _all_of(moment: Moment) -> Window:
    return Window(moment.start_s, moment.end_s)


def _by_id(moments: Sequence[Moment]) -> dict[str, Moment]:
    return {moment.id: moment for moment in moments}


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
    wanted_s = min(_ROOM_FOR_A_CUT_S, moment.duration_s)
    missing_s = wanted_s - window.duration_s
    if missing_s <= 0:
        return window
    start_s = min(max(moment.start_s, window.start_s - missing_s / 2), moment.end_s - wanted_s)
    return inside(moment, Window(start_s, max(window.end_s, start_s + wanted_s)))


def _runs_of(windows: Iterable[Window]) -> list[Window]:
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
