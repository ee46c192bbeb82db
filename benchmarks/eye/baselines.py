"""What a Reel is held against: what anybody could do without looking at the clips, and what the
labels would have.

One shows the first seconds of each clip in turn, one seconds picked by chance, both through a crop
of the middle; the third is the planned Reel itself, shown through a crop of the middle. The last is
the planned Reel with each of its cuts moved to the best place of its clip.
"""

import random
from collections import defaultdict
from collections.abc import Sequence

from benchmarks.eye.labels import Label
from benchmarks.eye.scoring import ReelScore, ShownSegment, mean_score, score_reel
from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.rules import HOOK_S, MIN_CUT_S
from montage_pipeline.spans import Span, covered_s, overlaps
from montage_pipeline.vocabulary import FrameSize

CUT_S = 3.5
RANDOM_REELS = 50
"""Chance needs this many Reels for its mean to stand still to about 0.01."""

_SHORTEST_CLIP_S = 0.6

_PLACE_S = 0.1  # between places at which a cut may begin
_NEVER_COSTS = 3.0
"""A second that must never be shown, beside one that is good."""
_HOOK_IS_WORTH = 2.0
"""A second that an editor would open with, beside one that is good, in the opening."""


def first_seconds(labels: Sequence[Label], duration_s: float, size: FrameSize) -> ReelScore:
    """The first seconds of each clip, and where the Reel is longer, the seconds after them."""
    usable = _usable(labels)
    segments = []
    for place, length_s in enumerate(_lengths(duration_s)):
        label = usable[place % len(usable)]
        shown_s = min(length_s, label.duration_s)
        start_s = min(label.duration_s - shown_s, (place // len(usable)) * CUT_S)
        segments.append(_segment(label, Span(start_s, start_s + shown_s), size))
    return score_reel(segments, labels, size.width)


def random_moments(labels: Sequence[Label], duration_s: float, size: FrameSize) -> ReelScore:
    """The mean of Reels whose clips and seconds chance picked."""
    usable = _usable(labels)
    scores = []
    for seed in range(RANDOM_REELS):
        draw = random.Random(seed)
        segments = []
        for length_s in _lengths(duration_s):
            label = draw.choice(usable)
            shown_s = min(length_s, label.duration_s)
            start_s = draw.uniform(0, label.duration_s - shown_s)
            segments.append(_segment(label, Span(start_s, start_s + shown_s), size))
        scores.append(score_reel(segments, labels, size.width))
    return mean_score(scores)


def through_the_middle(segments: Sequence[ShownSegment], size: FrameSize) -> list[ShownSegment]:
    """The same segments through a still crop of the middle."""
    crops = [middle_crop(segment.size, size) for segment in segments]
    return [
        segment._replace(crop=crop, crop_end=crop)
        for segment, crop in zip(segments, crops, strict=True)
    ]


def at_best_places(
    segments: Sequence[ShownSegment], labels: Sequence[Label], size: FrameSize
) -> ReelScore:
    """The same clips for as long each, with the seconds that the labels praise most and refuse
    least: the opening first, then the longest cut of each clip. What is still missing is not for
    want of a better place in these clips. Nothing is said of crops: they were made for others.
    """
    of_clip: defaultdict[str, list[int]] = defaultdict(list)
    for number, segment in enumerate(segments):
        if segment.label is not None:
            of_clip[segment.label.sha256].append(number)

    found = list(segments)
    for numbers in of_clip.values():
        taken: list[Span] = []
        for number in sorted(
            numbers, key=lambda number: (number > 0, -segments[number].span.duration_s)
        ):
            span = _best_place(segments[number], taken, opens=number == 0)
            taken.append(span)
            found[number] = segments[number]._replace(span=span)
    return score_reel(found, labels, size.width)._replace(middle=None, subject=None)


def _best_place(segment: ShownSegment, taken: Sequence[Span], *, opens: bool) -> Span:
    """Where in its clip a cut of that length is best; where it is when no place is free."""
    label, length_s = segment.label, segment.span.duration_s
    assert label is not None
    hook = label.hook if opens else ()
    count = max(1, int((label.duration_s - length_s) / _PLACE_S) + 1)
    places = [Span(step * _PLACE_S, step * _PLACE_S + length_s) for step in range(count)]
    free = [place for place in places if not any(overlaps(place, other) for other in taken)]

    def worth(place: Span) -> float:
        praised = covered_s(place, label.good) + _HOOK_IS_WORTH * covered_s(place, hook)
        return praised - _NEVER_COSTS * covered_s(place, label.never)

    return max(free, key=worth, default=segment.span)


def middle_crop(clip_size: tuple[int, int], size: FrameSize) -> CropRect:
    """The largest crop of the shape of `size` in the middle of a clip's frame."""
    width, height = clip_size
    shape = size.width / size.height
    wide, high = (height * shape, height) if width / height > shape else (width, width / shape)
    return CropRect(
        x=round((width - wide) / 2), y=round((height - high) / 2), width=int(wide), height=int(high)
    )


def _usable(labels: Sequence[Label]) -> list[Label]:
    return [label for label in labels if label.duration_s > _SHORTEST_CLIP_S]


def _lengths(duration_s: float) -> list[float]:
    """A hook, then cuts of CUT_S; the last takes a rest that would be too short for a cut."""
    lengths = [HOOK_S]
    left_s = duration_s - HOOK_S
    while left_s > CUT_S + MIN_CUT_S:
        lengths.append(CUT_S)
        left_s -= CUT_S
    return [*lengths, *([left_s / 2] * 2 if left_s > 5 else [left_s])]


def _segment(label: Label, span: Span, size: FrameSize) -> ShownSegment:
    crop = middle_crop((label.width, label.height), size)
    return ShownSegment(label, span, crop, crop, (label.width, label.height))
