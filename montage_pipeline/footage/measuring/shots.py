"""Where one shot ends and the next begins: hard cuts exactly, fades and dissolves as spans, flashes
not at all.

Belongs here: telling a change of shot from movement, flashes and changes of light.
Does not belong here: how good a shot is.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.spans import Span, joined

_CUT_FLOOR = 14.0  # least change (levels of luma and chroma together) that can be a cut
_CUT_RATIO = 3.0  # and so many times what the frames around change
_CUT_ALIKE = 0.86  # pictures whose structure correlates above this are one shot in another light
_NEIGHBOURS = 4
_FLASH_FRAMES = 4  # a flash is over after so many frames
_MIXES_S = (0.4, 0.7, 1.0)  # spans over which dissolves are looked for
_MIX_FLOOR = 12.0
_MIX_ALIKE = 0.75
_MIX_LINEAR, _MIX_LINEAR_MOST = (
    0.16,
    0.36,
)  # how far the middle may lie off the way between both ends, as a share of their distance
_MIX_LINEAR_UNLIKE = 0.25  # more of that for each unit of correlation that both ends lack
_MIX_BEGUN = 0.05  # of the way from one picture to the other
_MOVED_ALIKE = 0.8
_SAME_VIEW_ALIKE = 0.6
_COARSE = (12, 12)
SHORTEST_SHOT_S = 0.25


@dataclass(frozen=True)
class Thumb:
    """One picture, small."""

    time_s: float
    luma: NDArray[np.float32]
    chroma: NDArray[np.float32]
    coarse: NDArray[np.float32]  # luma again, so small that slow movement hardly shows


def thumb(time_s: float, luma: Plane, chroma: tuple[Plane, Plane]) -> Thumb:
    """One picture as changes are looked for in it: small upright planes, all of one size."""
    fine = luma.astype(np.float32)
    coarse = cv2.resize(fine, _COARSE, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    return Thumb(time_s, fine, np.stack(chroma).astype(np.float32), coarse)


def same_view(one: Thumb, other: Thumb) -> bool:
    """Whether two pictures show the same from about the same place: little changed, or the camera
    turned a little.
    """
    return (
        _change(one, other) < _CUT_FLOOR
        or _alike(one, other) > _SAME_VIEW_ALIKE
        or _moved(one, other)
    )


class ShotDetector:
    """Takes the frames of one continuous stretch in order; `shots` gives the spans between the
    changes.

    Memory does not grow with the clip, save for one number per frame and the changes found.
    """

    def __init__(self, frame_s: float) -> None:
        """`frame_s`: duration of one frame, in seconds."""
        self._frame_s = frame_s
        self._recent: deque[Thumb] = deque(maxlen=max(16, round(1.2 * max(_MIXES_S) / frame_s)))
        self._scores: deque[tuple[float, float, float, Thumb]] = deque(maxlen=2 * _NEIGHBOURS + 1)
        self._cuts: list[Span] = []
        self._mixes: list[Span] = []
        self._first_s: float | None = None
        self._full = False

    def add(self, time_s: float, luma: Plane, chroma: tuple[Plane, Plane]) -> None:
        """Look at the next frame: small upright planes, always of one size."""
        now = thumb(time_s, luma, chroma)
        if self._first_s is None:
            self._first_s = time_s
        else:
            before = self._recent[-1]
            self._scores.append((_change(before, now), before.time_s, time_s, before))
            self._recent.append(now)
            if len(self._scores) == self._scores.maxlen:
                # The first frames have no full neighbourhood before them; judge them with what
                # there is.
                for index in (_NEIGHBOURS,) if self._full else range(_NEIGHBOURS + 1):
                    self._judge(index)
                self._full = True
            self._find_mix()
        if not self._recent:
            self._recent.append(now)

    def shots(self, end_s: float) -> tuple[Span, ...]:
        """The shots, in order, up to `end_s`; the frames of fades and dissolves belong to none."""
        if self._first_s is None:
            return ()
        self._judge_rest()
        cut_times = [cut.end_s for cut in self._cuts]
        mixes = [
            mix
            for mix in self._mixes
            if not any(mix.start_s - 0.1 <= cut <= mix.end_s + 0.1 for cut in cut_times)
        ]
        shots: list[Span] = []
        start_s = self._first_s
        for change in sorted([*self._cuts, *joined(mixes)]):
            shots.append(Span(start_s, max(start_s, change.start_s)))
            start_s = max(start_s, change.end_s)
        shots.append(Span(start_s, max(start_s, end_s)))
        return tuple(shot for shot in shots if shot.duration_s >= SHORTEST_SHOT_S)

    def _judge_rest(self) -> None:
        """The last frames have no full neighbourhood after them; judge them with what there is."""
        scores = list(self._scores)
        first = _NEIGHBOURS + 1 if len(scores) == self._scores.maxlen else 0
        for index in range(first, len(scores)):
            self._judge(index)
        self._scores.clear()

    def _judge(self, index: int) -> None:
        scores = list(self._scores)
        score, before_s, after_s, before = scores[index]
        if score < _CUT_FLOOR:
            return
        around = [
            other
            for place, (other, *_) in enumerate(scores)
            if place != index and abs(place - index) <= _NEIGHBOURS
        ]
        # The median of the neighbours stands a second cut close by; the mean of their quieter half
        # would miss busy footage.
        usual = max(float(np.median(around)) if around else 0.0, 1.5)
        if score < _CUT_RATIO * usual:
            return
        after = self._thumb_at(after_s, 0)
        if _alike(before, after) > _CUT_ALIKE:
            return
        # Into a flash and out of it: a little later, or a little earlier, the picture is the one on
        # this side.
        later, earlier = (
            self._thumb_at(after_s, _FLASH_FRAMES),
            self._thumb_at(before_s, -_FLASH_FRAMES),
        )
        if any(
            _change(one, other) < 0.5 * score and _alike(one, other) > _CUT_ALIKE
            for one, other in ((before, later), (earlier, after))
        ):
            return
        self._cuts.append(Span(min(before_s + self._frame_s, after_s), after_s))

    def _thumb_at(self, time_s: float, offset: int) -> Thumb:
        """The recent frame at a time, or so many frames before or after it, as far as there are
        any.
        """
        recent = list(self._recent)
        place = next(index for index, thumb in enumerate(recent) if thumb.time_s >= time_s)
        return recent[max(0, min(place + offset, len(recent) - 1))]

    def _find_mix(self) -> None:
        newest = self._recent[-1]
        for span_s in _MIXES_S:
            inside = [
                thumb
                for thumb in self._recent
                if thumb.time_s >= newest.time_s - span_s - self._frame_s / 2
            ]
            if len(inside) < 5 or newest.time_s - inside[0].time_s < 0.9 * span_s:
                continue
            first = inside[0]
            distance, alike = _change(first, newest), _alike(first, newest)
            if distance < _MIX_FLOOR or alike > _MIX_ALIKE:
                continue
            # Where both pictures move, a mix of them is not exact; the less they have in common,
            # the less else it can be.
            most_off = min(
                _MIX_LINEAR_MOST, _MIX_LINEAR + _MIX_LINEAR_UNLIKE * (_MIX_ALIKE - alike)
            )
            middles = [inside[round(share * (len(inside) - 1))] for share in (0.25, 0.5, 0.75)]
            if all(
                _off_the_line(first, middle, newest) < most_off for middle in middles
            ) and not _moved(first, newest):
                # What is looked at is as long as most mixes are, or longer: at its ends there may
                # be nothing of the other picture yet.
                shares = [_share_of_way(first, one, newest) for one in inside]
                begin = max(
                    place
                    for place, share in enumerate(shares[: len(shares) // 2])
                    if share < _MIX_BEGUN
                )
                end = min(
                    place
                    for place, share in enumerate(shares)
                    if place > len(shares) // 2 and share > 1 - _MIX_BEGUN
                )
                self._mixes.append(Span(inside[begin].time_s, inside[end].time_s))


def _change(one: Thumb, other: Thumb) -> float:
    """Mean change of luma plus mean change of chroma, in levels of 255."""
    return float(
        np.abs(one.luma - other.luma).mean() + np.abs(one.chroma - other.chroma).mean() * 2
    )


def _alike(one: Thumb, other: Thumb) -> float:
    """Correlation of structure, -1..1, blind to brightness and contrast; 0 when one of them has no
    structure.
    """
    a, b = one.luma - one.luma.mean(), other.luma - other.luma.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > a.size * 2.0 else 0.0


def _moved(one: Thumb, other: Thumb) -> bool:
    """Whether the middle of one picture is found elsewhere in the other: a pan, which in small
    steps looks like a mix.
    """
    height, width = one.luma.shape
    middle = other.luma[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return float(cv2.matchTemplate(one.luma, middle, cv2.TM_CCOEFF_NORMED).max()) > _MOVED_ALIKE


def _off_the_line(first: Thumb, middle: Thumb, last: Thumb) -> float:
    """How far `middle` is from being a mix of both ends, as a share of their distance.

    A dissolve mixes two pictures; movement between them does not.
    """
    way = last.coarse - first.coarse
    length = float((way * way).sum())
    share = _share_of_way(first, middle, last)
    if not 0.05 < share < 0.95:
        return 1.0
    off = middle.coarse - first.coarse - share * way
    return float(np.sqrt((off * off).sum() / length))


def _share_of_way(first: Thumb, middle: Thumb, last: Thumb) -> float:
    """How much of `last` is in `middle`, if it is a mix: 0 at `first`, 1 at `last`; 0 where these
    two are the same.
    """
    way = last.coarse - first.coarse
    length = float((way * way).sum())
    return float(((middle.coarse - first.coarse) * way).sum()) / length if length >= 1 else 0.0
