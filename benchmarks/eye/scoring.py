"""One Reel held against the labels: what an editor would praise and what he would send back."""

from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from benchmarks.eye.labels import Label, share_in
from montage_pipeline.editing.timeline import CropRect, eased
from montage_pipeline.footage.model import Box
from montage_pipeline.rules import HOOK_S, MIN_CUT_S
from montage_pipeline.spans import Span, covered_s
from montage_pipeline.vocabulary import Format

_SIZE = Format.REEL.frame_size
REEL_SHAPE = _SIZE.width / _SIZE.height

SEEN_EVERY_S = 0.25
"""How often the crop is held against the subject's box."""

BLURRED_FROM = 2.7
"""Enlarging by more than this looks soft on a phone, whatever the filter."""

WANTED_RANK = 2
BEST_RANK = 4
LONG_ENOUGH_S = 3.0
"""Clips of this rank and length should appear; those of the best rank above all."""


class ShownSegment(NamedTuple):
    """A segment as a viewer gets it: which labelled clip, which seconds, which crop."""

    label: Label | None
    span: Span
    crop: CropRect
    crop_end: CropRect
    size: tuple[int, int]
    """Width and height of the clip's displayed frame, in pixels."""

    def crop_at(self, share: float) -> tuple[float, float]:
        """The crop's left and top edge when `share` (0..1) of the segment is over, in pixels."""
        way = eased(share)
        return (
            self.crop.x + way * (self.crop_end.x - self.crop.x),
            self.crop.y + way * (self.crop_end.y - self.crop.y),
        )


class ReelScore(NamedTuple):
    """Shares from 0 to 1; None where the labels say nothing. `upscale` is a factor."""

    hook: float | None
    """Share of the opening inside seconds that the editor would open with."""
    good: float | None
    never: float | None
    covered: float | None
    """Share of the clips of rank 2 and more, 3 s and longer, that appear."""
    best_three: float | None
    upscale: float
    blurred: float
    """Share of seconds enlarged by more than BLURRED_FROM."""
    least_blurred: float
    """The least that share could be with the clips that appear."""
    middle: float | None
    """Share of labelled instants at which the subject's middle is in the crop."""
    subject: float | None
    """Share of the subject that is shown, of what a crop of that size can show."""
    never_shown: tuple[str, ...] = ()


def score_reel(segments: Sequence[ShownSegment], given: Sequence[Label], width: int) -> ReelScore:
    """Score a Reel of that width in pixels, made from the clips `given`."""
    total_s = sum(segment.span.duration_s for segment in segments)
    known = [(segment.label, segment) for segment in segments if segment.label is not None]
    known_s = sum(segment.span.duration_s for _, segment in known)
    opening = segments[0]
    in_crop, shown = _subjects(segments)

    def share(kind: str) -> float | None:
        inside = sum(covered_s(segment.span, getattr(label, kind)) for label, segment in known)
        return inside / known_s if known_s else None

    wanted = [label for label in given if label.rank >= WANTED_RANK]
    wanted = [label for label in wanted if label.duration_s >= LONG_ENOUGH_S]
    best = sorted(wanted, key=lambda label: -label.rank)[:3]
    best = [label for label in best if label.rank >= BEST_RANK]
    used = {label.sha256 for label, _ in known}
    factors = [(width / segment.crop.width, segment.span.duration_s) for segment in segments]
    return ReelScore(
        hook=share_in(opening.span, opening.label.hook) if opening.label else None,
        good=share("good"),
        never=share("never"),
        covered=_share_used(wanted, used),
        best_three=_share_used(best, used),
        upscale=sum(factor * seconds for factor, seconds in factors) / total_s,
        blurred=sum(seconds for factor, seconds in factors if factor > BLURRED_FROM) / total_s,
        least_blurred=_least_blurred(segments, given, width),
        middle=mean(in_crop) if in_crop else None,
        subject=mean(shown) if shown else None,
        never_shown=tuple(label.clip for label in wanted if label.sha256 not in used),
    )


def _least_blurred(segments: Sequence[ShownSegment], given: Sequence[Label], width: int) -> float:
    """A shortest cut of each soft clip that appears (one of them as the opening), and the rest from
    what the sharp clips have.
    """
    total_s = sum(segment.span.duration_s for segment in segments)
    soft = {
        segment.label.sha256
        for segment in segments
        if segment.label is not None and width / segment.crop.width > BLURRED_FROM
    }
    shown_s = max(0.0, len(soft) * MIN_CUT_S - (MIN_CUT_S - HOOK_S)) if soft else 0.0
    sharp_s = sum(label.duration_s for label in given if _enlarged(label, width) <= BLURRED_FROM)
    return min(1.0, max(shown_s, total_s - sharp_s) / total_s)


def _enlarged(label: Label, width: int) -> float:
    """How much the largest upright crop of a clip is enlarged."""
    return width / min(label.width, label.height * REEL_SHAPE)


def mean_score(scores: Sequence[ReelScore]) -> ReelScore:
    """The mean of each figure over the Reels that have it."""
    columns = {}
    for name in ReelScore._fields:
        if name == "never_shown":
            continue
        values = [value for score in scores if (value := getattr(score, name)) is not None]
        columns[name] = mean(values) if values else None
    missed = sorted({clip for score in scores for clip in score.never_shown})
    return ReelScore(**columns, never_shown=tuple(missed))  # type: ignore[arg-type]


def _share_used(labels: Sequence[Label], used: set[str]) -> float | None:
    return mean(label.sha256 in used for label in labels) if labels else None


def _subjects(segments: Sequence[ShownSegment]) -> tuple[list[bool], list[float]]:
    in_crop: list[bool] = []
    shown: list[float] = []
    for segment in segments:
        if segment.label is None:
            continue
        count = max(2, round(segment.span.duration_s / SEEN_EVERY_S))
        for place in range(count):
            share = (place + 0.5) / count
            time_s = segment.span.start_s + share * segment.span.duration_s
            box = segment.label.subject_at(time_s)
            if box is not None:
                in_crop.append(_middle_inside(segment, share, box))
                shown.append(_shown_share(segment, share, box))
    return in_crop, shown


def _middle_inside(segment: ShownSegment, share: float, box: Box) -> bool:
    left, top = segment.crop_at(share)
    x = (box.x + box.width / 2) * segment.size[0]
    y = (box.y + box.height / 2) * segment.size[1]
    across = left <= x <= left + segment.crop.width
    return across and top <= y <= top + segment.crop.height


def _shown_share(segment: ShownSegment, share: float, box: Box) -> float:
    """Of a subject larger than the crop, no more can be shown than the crop holds."""
    left, top = segment.crop_at(share)
    width, height = segment.size
    crop_width, crop_height = segment.crop.width, segment.crop.height
    wide = min(left + crop_width, (box.x + box.width) * width) - max(left, box.x * width)
    high = min(top + crop_height, (box.y + box.height) * height) - max(top, box.y * height)
    most = min(box.width * width, crop_width) * min(box.height * height, crop_height)
    return min(1.0, max(0.0, wide) * max(0.0, high) / most) if most else 0.0
