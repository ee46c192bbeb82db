"""What is left of footage when it is averaged over time: what moves washes out, what lies on top
stays.

Of fine detail only so much of each edge counts: a few strong edges of the footage would outlast a
faint mark. Before a camera at rest nothing washes out, and the frames' plain average shows a mark
as well as can be.

Belongs here: making averages, and what they look like. Does not belong here: reading them (words),
what is a mark (marks).
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane

Floats = NDArray[np.float32]
Detail = NDArray[np.int8]
"""Fine detail of a frame, or of some on average, in steps of 1/8 level."""

SIDE = 512
"""Longer side, in pixels, of what is averaged: letters of 5 % of a 16:9 frame's height are 14 high.
"""

FRAMES = 4
"""In an average: a second of footage."""

_BLUR_PX = 10.0  # standard deviation; broader slopes are light, not letters
_BLURRED_AT = 4  # of the size, each way: a blur looks the same made there, in a tenth of the time
_MAX_LEVELS = 16.0  # of an edge that count
_STEPS = 8  # per level, of what is stored

# Shown to a reader of letters: as much contrast everywhere, but noise stays noise.
_SHOWN_CONTRAST, _NOISE_LEVELS, _MIDDLE = 40.0, 1.5, 128.0


class Average(NamedTuple):
    """A second of footage on average: its fine detail, and all of it."""

    detail: Detail
    frame: Plane


class Averager:
    """Takes the frames of a span in order."""

    def __init__(self) -> None:
        self._done: list[Average] = []
        self._frames: list[Plane] = []

    def add(self, luma: Plane) -> None:
        """Take a frame, its longer side about SIDE pixels."""
        self._frames.append(luma)
        if len(self._frames) == FRAMES:
            self._end()

    def averages(self) -> tuple[Average, ...]:
        """One for every FRAMES frames; what is left over counts when it is at least half of it, or
        all there is.
        """
        if len(self._frames) >= FRAMES / 2 or not self._done:
            self._end()
        return tuple(self._done)

    def _end(self) -> None:
        if self._frames:
            detail = np.mean([_limited_detail(frame) for frame in self._frames], axis=0)
            frame = np.mean(self._frames, axis=0)
            self._done.append(
                Average(np.rint(detail * _STEPS).astype(np.int8), np.rint(frame).astype(np.uint8))
            )
        self._frames = []


def details_of(averages: Sequence[Average]) -> Floats:
    """The fine detail of averages as one array (averages, rows, columns), in levels."""
    return np.stack([average.detail for average in averages]).astype(np.float32) / np.float32(
        _STEPS
    )


def plain_detail(averages: Sequence[Average]) -> Floats:
    """The fine detail (levels) of all averages' frames together, strong edges and all."""
    mean = np.mean([average.frame for average in averages], axis=0)
    frame = np.asarray(mean, dtype=np.float32)
    return np.asarray(frame - _blurred(frame), dtype=np.float32)


def shown(detail: Floats) -> Plane:
    """Detail (levels) as a picture with the same contrast everywhere."""
    spread = np.sqrt(_blurred(detail * detail))
    picture = _MIDDLE + _SHOWN_CONTRAST * detail / (spread + _NOISE_LEVELS)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _limited_detail(luma: Plane) -> Floats:
    levels = luma.astype(np.float32)
    detail = np.clip(levels - _blurred(levels), -_MAX_LEVELS, _MAX_LEVELS)
    return np.asarray(detail, dtype=np.float32)


def _blurred(levels: Floats) -> Floats:
    rows, columns = levels.shape
    size = (max(1, columns // _BLURRED_AT), max(1, rows // _BLURRED_AT))
    small = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), _BLUR_PX / _BLURRED_AT)
    large = cv2.resize(blurred, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32)
