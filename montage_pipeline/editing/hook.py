"""The ways to open the Reel, and the length it can have with each of them."""

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.editing.footage_line import MomentSpan, Stretch
from montage_pipeline.editing.packing import CutRules, Piece, longest_total

_MOST_CHOICES = 12
_PLACES_EACH = 3
"""How many places in one moment are offered, so that another attempt may open with other frames of
the same moment.
"""


class HookChoice(NamedTuple):
    """A hook, and how many frames can follow it (<= the frames asked for)."""

    piece: Piece
    moment: Moment
    body_frames: int


class _Window(NamedTuple):
    """Frames `[start, end)` of a stretch in which the hook may lie, for the sake of `moment`;

    `liked` is where it had best begin.
    """

    stretch: int
    moment: Moment
    start: int
    end: int
    liked: tuple[int, int]


def hook_choices(
    analysis: ClipAnalysis,
    stretches: Sequence[Stretch],
    rules: CutRules,
    body_frames: int,
    shift: float,
    clips: Container[int],
) -> list[HookChoice]:
    """Hooks from `clips` that leave room for the longest Reel there can be: what the analysis named
    first, then by hook score.

    Empty when no moment is long enough. `shift` in -1..1 moves the hook inside its moment where
    there is room, so that
    another seed may open differently.
    """
    best: list[HookChoice] = []
    judged: set[tuple[int, int]] = set()
    every_room = [stretch.room for stretch in stretches]
    ceiling = longest_total(every_room, rules, body_frames)
    for window in _windows(analysis, stretches, rules.hook_frames):
        if stretches[window.stretch].clip not in clips:
            continue
        others = every_room[: window.stretch] + every_room[window.stretch + 1 :]
        taken = 0
        for start in _starts(window, stretches[window.stretch], rules, shift):
            # The room left beside the hook depends on its place only, so that another moment's
            # window there brings nothing new.
            if (window.stretch, start) in judged:
                continue
            judged.add((window.stretch, start))
            frames = longest_total(
                [*others, *_beside(stretches[window.stretch], start, rules)], rules, body_frames
            )
            if best and frames < best[0].body_frames:
                continue
            choice = HookChoice(
                Piece(window.stretch, start, rules.hook_frames), window.moment, frames
            )
            best = [*best, choice] if best and frames == best[0].body_frames else [choice]
            taken += 1
            if taken == _PLACES_EACH and frames == ceiling:
                break
        if len(best) >= _MOST_CHOICES and best[0].body_frames == ceiling:
            break
    return best[:_MOST_CHOICES]


def _beside(stretch: Stretch, start: int, rules: CutRules) -> list[tuple[int, int]]:
    before = start - stretch.gap
    after = stretch.frames - start - rules.hook_frames - stretch.gap
    return [(frames, stretch.gap) for frames in (before, after) if frames > 0]


def _windows(
    analysis: ClipAnalysis, stretches: Sequence[Stretch], hook_frames: int
) -> Iterator[_Window]:
    single = [
        _Window(index, span.moment, span.start, span.end, _liked(span, hook_frames))
        for index, stretch in enumerate(stretches)
        for span in stretch.spans
        if span.end - span.start >= hook_frames
    ]
    single.sort(
        key=lambda window: (
            window.moment.id != analysis.hook_moment,
            -window.moment.hook,
            window.stretch,
            window.start,
        )
    )
    yield from single
    # Only moments shorter than the hook are left: let the best of them begin a hook that runs into
    # its neighbour.
    joined = [
        _Window(
            index,
            max(stretch.spans, key=lambda span: span.moment.hook).moment,
            0,
            stretch.frames,
            (0, stretch.frames - hook_frames),
        )
        for index, stretch in enumerate(stretches)
        if stretch.frames >= hook_frames
        and all(span.end - span.start < hook_frames for span in stretch.spans)
    ]
    joined.sort(
        key=lambda window: (
            window.moment.id != analysis.hook_moment,
            -window.moment.hook,
            window.stretch,
        )
    )
    yield from joined


def _liked(span: MomentSpan, hook_frames: int) -> tuple[int, int]:
    """The first and the last frame to begin at: just before the best instant, else in the longest
    part that shows the subject.
    """
    last = span.end - hook_frames
    if span.peak is not None:
        best = min(last, max(span.start, span.peak - hook_frames // 3))
        return best, best
    edges = [span.start, *(edge for gone in span.gone for edge in gone), span.end]
    shown = [
        (begin, end - hook_frames)
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
        if end - begin >= hook_frames
    ]
    return max(shown, key=lambda part: part[1] - part[0], default=(span.start, last))


def _starts(window: _Window, stretch: Stretch, rules: CutRules, shift: float) -> Iterator[int]:
    """Places for the hook in its window: the liked one first, then every place that can matter to
    the room beside it.

    The frames that k pieces before and m pieces after the hook can show change their slope only
    where one
    of the two sides just holds its pieces at their shortest or longest; the best place is among
    those.
    """
    first, last = window.start, window.end - rules.hook_frames
    low, high = window.liked
    yield round((low + high) / 2 + shift * (high - low) / 4)
    yield first
    yield last
    gap, end = stretch.gap, stretch.frames
    for length in (rules.max_frames, rules.min_frames):
        for pieces in range(1, end // length + 1):
            side = pieces * (length + gap)
            for start in (side, end - rules.hook_frames - side):
                if first <= start <= last:
                    yield start
