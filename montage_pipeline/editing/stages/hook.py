"""The ways to open the Reel, and the length it can have with each of them."""

from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from montage_pipeline.analysis.model import Instant, Moment
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.moment_score import CAMERA_ONLY_COST, delivered_as
from montage_pipeline.editing.moment_table import Floats
from montage_pipeline.editing.optimizer.terms import HOOK_INSTANT, HOOK_POINTS, REFERENCE_CUT_S
from montage_pipeline.editing.packing import CutRules, Piece
from montage_pipeline.editing.short_footage.short_cuts import longest_body, short_rooms
from montage_pipeline.editing.speech import breaks_off
from montage_pipeline.editing.stretches import MomentRange, Stretch

_MAX_CHOICES = 12
"""Ways to open that the optimiser chooses from: each is a state it begins with."""

_PLACES_EACH = 3
"""Places offered in one moment, so that another attempt may open with other frames of it."""

_LEAD_UP = 3
"""The best instant comes after 1/3 of the hook: after some lead-up, and well before the first cut.
"""

_LOST_CUT_COST = 0.2
"""Hook strength that must be gained for each reference cut less, where the footage does not make
the asked length anyway. The objective takes 0.1 for as good as a very good cut; who asked for 30 s
is not to get 24 for that.
"""

_WINDOW = HOOK_POINTS / HOOK_INSTANT
"""Times an opening's score, beside the scores of its instants: as the objective weighs them."""

_USUAL = Instant(time_s=0.0, score=0.0)  # where no instants are known, none is better

_BROKEN_OFF = 0.3
"""Of an instant's score, that an opening loses for each end that breaks off who talks: more than
the seconds of one moment usually differ by.
"""

_MIN_STRENGTH_GAIN = 0.1  # beyond that cost: less is not worth a single frame

_MAX_LOST_SHARE = 0.15
"""Of the longest Reel the footage makes: the most that a better opening may cost, about a cut of
30 s. One that somebody named may cost it whatever was asked for: a Reel is left at its opening, not
for its length.
"""

_SOFT = 0.4
"""Share of its strength that an opening keeps when it is enlarged beyond all sharpness: more than
other moments do, as who is in view matters most."""

_OVERLAID = 0.7
"""Share of its strength that an opening keeps under a watermark or text: another opens, unless it
is clearly worse.
"""


class HookChoice(NamedTuple):
    """A hook, how well it opens this Reel (0..1), and how many frames can follow it (at most those
    asked for).
    """

    piece: Piece
    moment: Moment
    body_frames: int
    strength: float


class _Window(NamedTuple):
    """Frames `[start, end)` of a stretch in which the hook may lie, for the sake of `moment`.

    `preferred` are the first and the last frame it had best begin at.
    """

    stretch: int
    moment: Moment
    start: int
    end: int
    preferred: tuple[int, int]


def hook_choices(
    context: PlanContext, rules: CutRules, body_frames: int, clips: Container[int]
) -> list[HookChoice]:
    """Hooks from `clips`, the strongest first, all with the same room after them: `body_frames`
    where any choice leaves that much, else nearly the most there can be, as a much better opening
    is worth a cut of a Reel that is short anyway.

    Empty when no moment is long enough.
    """
    rooms = [stretch.room for stretch in context.stretches]
    short = short_rooms(context.stretches, rules)
    ceiling = longest_body(rooms, short, rules, body_frames)
    found = _strongest_by_room(context, rules, body_frames, clips, ceiling)
    if not found:
        return []
    most = max(found)
    if named := _as_named(context, found):
        return named
    if most == body_frames:
        return found[most]

    # Never for an opening below half the asked length, which would be refused.
    least = min(most, max((1 - _MAX_LOST_SHARE) * most, body_frames / 2))
    reference = REFERENCE_CUT_S * float(context.fps)

    def strength_beyond_cost(frames: int) -> float:
        strongest = max(choice.strength for choice in found[frames])
        return strongest - _LOST_CUT_COST * (most - frames) / reference

    best = max((frames for frames in found if frames >= least), key=strength_beyond_cost)
    gain = strength_beyond_cost(best) - strength_beyond_cost(most)
    return found[best if gain >= _MIN_STRENGTH_GAIN else most]


def _as_named(context: PlanContext, found: Mapping[int, list[HookChoice]]) -> list[HookChoice]:
    """The hooks that leave as much room as the one that somebody named does at its best instant,
    that one first; empty where nobody named one, or the Reel would become too short for it.
    """
    least = (1 - _MAX_LOST_SHARE) * max(found)
    # What was named is looked for first, and at its best instant first.
    held = (
        choices
        for frames, choices in found.items()
        if _is_named(context, choices[0].moment) and frames >= least
    )
    return next(held, [])


def _strongest_by_room(
    context: PlanContext, rules: CutRules, body_frames: int, clips: Container[int], ceiling: int
) -> dict[int, list[HookChoice]]:
    """The strongest hooks (at most `_MAX_CHOICES`) by the frames that can follow them."""
    stretches = context.stretches
    every_room = [stretch.room for stretch in stretches]
    every_short = short_rooms(stretches, rules)
    found: dict[int, list[HookChoice]] = {}
    judged: set[tuple[int, int]] = set()

    for window in _windows(context, rules.hook_frames):
        stretch = stretches[window.stretch]
        if stretch.clip not in clips:
            continue
        elsewhere = [
            room
            for number, room in enumerate(every_room)
            if number not in (window.stretch, stretch.other)
        ]
        # Which stretch of a clip its short cut would show is not known yet: it may be this one.
        short = {clip: room for clip, room in every_short.items() if clip != stretch.clip}
        taken = 0
        for start in _starts(window, stretch, rules, context.request.seed):
            # The room left beside the hook depends on its place only, so that another moment's
            # window there brings nothing new.
            if (window.stretch, start) in judged:
                continue
            judged.add((window.stretch, start))
            rooms = [*elsewhere, *_beside(stretch, start, rules)]
            frames = longest_body(rooms, short, rules, body_frames)
            if not frames:
                continue
            piece = Piece(window.stretch, start, rules.hook_frames)
            choices = found.setdefault(frames, [])
            if len(choices) < _MAX_CHOICES:
                choices.append(opening_with(context, piece, window.moment, frames))
            taken += 1
            if taken == _PLACES_EACH and frames == ceiling:
                break
        if len(found.get(ceiling, ())) >= _MAX_CHOICES:
            break
    return found


def _is_named(context: PlanContext, moment: Moment) -> bool:
    return context.is_judged and moment.id == context.analysis.hook_moment


def opening_with(context: PlanContext, piece: Piece, moment: Moment, frames: int) -> HookChoice:
    """A hook that is shown for the sake of `moment`, with `frames` after it."""
    start_s = context.stretches[piece.stretch].source_s(piece.start, context.fps)
    return HookChoice(piece, moment, frames, hook_strength(context, moment, start_s))


def hook_strength(context: PlanContext, moment: Moment, start_s: float | None = None) -> float:
    """How well a moment opens this Reel, 0..1: its hook score, as sharp as it looks there, and
    next to nothing where only the camera moves.

    Of the hook from `start_s` on, where nobody judged the moment as a whole.
    """
    size = context.request.format.frame_size
    delivered = delivered_as(moment, context.facts(moment.clip), size)
    score = moment.hook if start_s is None else hook_score(moment, start_s)
    strength = score * (_SOFT + (1 - _SOFT) * delivered.sharpness)
    strength *= 1 - CAMERA_ONLY_COST * context.camera_only[moment.id]
    return strength * (_OVERLAID if delivered.overlaid else 1)


def hook_score(moment: Moment, start_s: float) -> float:
    """How well a moment opens a Reel from that time on; as a whole, where somebody judged it."""
    if moment.judged or not moment.hook_windows:
        return moment.hook
    return float(_window_scores(moment, np.asarray([start_s]))[0])


def _window_scores(moment: Moment, at_s: Floats) -> Floats:
    """How well a moment opens from each of these times on."""
    known_s = [window.start_s for window in moment.hook_windows]
    return np.interp(at_s, known_s, [window.score for window in moment.hook_windows])


def _beside(stretch: Stretch, start: int, rules: CutRules) -> list[tuple[int, int]]:
    """The rooms (frames, gap) that a hook from `start` leaves in its stretch."""
    before = start - stretch.gap
    after = stretch.frames - start - rules.hook_frames - stretch.gap
    return [(frames, stretch.gap) for frames in (before, after) if frames > 0]


def _windows(context: PlanContext, hook_frames: int) -> Iterator[_Window]:
    """Where hooks may lie, the best moments first."""

    def rank(window: _Window) -> tuple[bool, float, int, int]:
        named = _is_named(context, window.moment)
        return not named, -hook_strength(context, window.moment), window.stretch, window.start

    within_moments = [
        _Window(index, found.moment, found.start, found.end, _preferred(context, stretch, found))
        for index, stretch in enumerate(context.stretches)
        for found in stretch.moments
        if found.frames >= hook_frames and not stretch.in_slow_motion
    ]
    yield from sorted(within_moments, key=rank)

    # Only moments shorter than the hook are left: let the best of them begin a hook that runs into
    # its neighbour.
    joined = [
        _Window(
            index,
            max(stretch.moments, key=lambda found: found.moment.hook).moment,
            0,
            stretch.frames,
            (0, stretch.frames - hook_frames),
        )
        for index, stretch in enumerate(context.stretches)
        if stretch.frames >= hook_frames
        and not stretch.in_slow_motion
        and all(found.frames < hook_frames for found in stretch.moments)
    ]
    yield from sorted(joined, key=rank)


def _preferred(context: PlanContext, stretch: Stretch, found: MomentRange) -> tuple[int, int]:
    """The first and the last frame to begin at: just before the best instant that somebody named,
    else where the clip looks best, else in the longest part that shows the subject.
    """
    hook_frames = context.rules.hook_frames
    last = found.end - hook_frames
    if found.peak is not None:
        best = min(last, max(found.start, found.peak - hook_frames // _LEAD_UP))
        return best, best

    if context.analysis.clips[stretch.clip].instants or found.moment.hook_windows:
        clearest = _clearest(context, stretch, found)
        return clearest, clearest

    edges = [
        found.start,
        *(edge for gone in found.without_subject for edge in gone),
        found.end,
    ]
    with_subject = [
        (begin, end - hook_frames)
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
        if end - begin >= hook_frames
    ]
    return max(with_subject, key=lambda part: part[1] - part[0], default=(found.start, last))


def _clearest(context: PlanContext, stretch: Stretch, found: MomentRange) -> int:
    """The frame to begin at so that the hook shows the moment's best instants, and its subject, and
    opens well.
    """
    hook_frames = context.rules.hook_frames
    known = context.analysis.clips[stretch.clip].instants or (_USUAL,)
    edges_s = stretch.source_times_s(found.end + 1, context.fps)[found.start :]
    at_s = edges_s[:-1]
    scores = np.interp(at_s, [one.time_s for one in known], [one.score for one in known])
    for begin, end in found.without_subject:
        scores[max(0, begin - found.start) : max(0, end - found.start)] -= 1
    sums = np.concatenate([[0.0], np.cumsum(scores)])
    means = (sums[hook_frames:] - sums[:-hook_frames]) / hook_frames

    broken = breaks_off(context.analysis.clips[stretch.clip], edges_s)
    broken = broken[:-hook_frames] + broken[hook_frames:]
    values = means - _BROKEN_OFF * found.moment.scores.speech * broken
    if found.moment.hook_windows and not found.moment.judged:
        values += _WINDOW * _window_scores(found.moment, at_s[: len(values)])
    return found.start + int(np.argmax(values))


def _starts(window: _Window, stretch: Stretch, rules: CutRules, seed: int) -> Iterator[int]:
    """Places for the hook in its window: the preferred one first, then every place that can matter
    to the room beside it.

    The frames that k pieces before and m pieces after the hook can show change their slope only
    where one of the two sides just holds its pieces at their shortest or longest; the best place is
    among those.
    """
    first, last = window.start, window.end - rules.hook_frames
    low, high = window.preferred
    yield round((low + high) / 2 + _shift(seed) * (high - low) / 4)
    yield first
    yield last

    gap, end = stretch.gap, stretch.frames
    for length in (rules.max_frames, rules.min_frames):
        for pieces in range(1, end // length + 1):
            side = pieces * (length + gap)
            for start in (side, end - rules.hook_frames - side):
                if first <= start <= last:
                    yield start


def _shift(seed: int) -> float:
    """How far, -1..1, a seed moves the hook inside its moment where there is room, so that another
    seed may open differently.
    """
    return ((seed % 9) - 4) / 4
