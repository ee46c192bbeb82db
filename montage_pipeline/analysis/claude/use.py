"""Which parts of the footage stay in use: what Claude keeps, and what the Reel needs all the same.

Belongs here: how much must stay. Does not belong here: the arithmetic of one window (window), what
else is merged (merge).
"""

from collections.abc import Collection, Mapping, Sequence

from montage_pipeline.analysis.claude.window import (
    ROOM_FOR_A_CUT_S,
    Window,
    inside,
    runs_of,
    widened,
)
from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.rules import MIN_CUT_S, MIN_DURATION_S
from montage_pipeline.spans import Span

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
        lacks_s = ROOM_FOR_A_CUT_S - windows[name].duration_s
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
    return any(run.duration_s >= ROOM_FOR_A_CUT_S for run in _runs(clip, windows, moments))


def _runs(clip: int, windows: Mapping[str, Window], moments: Mapping[str, Moment]) -> list[Span]:
    return runs_of(window for name, window in windows.items() if moments[name].clip == clip)


def _all_of(moment: Moment) -> Window:
    return Window(moment.start_s, moment.end_s)


def _by_id(moments: Sequence[Moment]) -> dict[str, Moment]:
    return {moment.id: moment for moment in moments}
