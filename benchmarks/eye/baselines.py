"""What anybody could do without looking at the clips; a Reel must be better than all of these.

One shows the first seconds of each clip in turn, one seconds picked by chance, both through a crop
of the middle; the third is the planned Reel itself, shown through a crop of the middle.
"""

import random
from collections.abc import Sequence

from benchmarks.eye.labels import Label
from benchmarks.eye.scoring import ReelScore, ShownSegment, mean_score, score_reel
from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.rules import HOOK_S, MIN_CUT_S
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import FrameSize

CUT_S = 3.5
RANDOM_REELS = 50
"""Chance needs this many Reels for its mean to stand still to about 0.01."""

_SHORTEST_CLIP_S = 0.6


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
