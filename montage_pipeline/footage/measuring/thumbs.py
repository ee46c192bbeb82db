"""Frames so small that every frame of a clip can be compared with others.

Belongs here: comparing two frames, and a frame with a mix of two. Does not belong here: which
frames are compared, and what follows from it (shots, calm).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane

CUT_CHANGE = 14.0
"""Minimum change (levels of luma and chroma together) that can be a cut."""

_SAME_VIEW_ALIKE = 0.6  # frames whose structure correlates above this show the same view
_MOVED_ALIKE = 0.8  # and above this the middle of one is found in the other
_COARSE = (12, 12)  # pixels
_CHROMA_WEIGHT = 2  # chroma changes less than luma, but says more
_FLAT_VARIANCE = 2.0  # levels squared; below it a frame has no structure to compare
_MIX_SHARES = (0.05, 0.95)  # of the last frame in a mix; outside them a frame is one of the two


@dataclass(frozen=True)
class Thumb:
    """One frame, small: luma and chroma of one size, and luma so coarse that slow movement hardly
    shows in it; `contrast` is the variance of luma, in levels squared.
    """

    time_s: float
    luma: NDArray[np.float32]
    chroma: NDArray[np.float32]
    coarse: NDArray[np.float32]
    contrast: float


def thumb(time_s: float, luma: Plane, chroma: tuple[Plane, Plane]) -> Thumb:
    """A frame from its small upright planes, all of one size."""
    fine = luma.astype(np.float32)
    coarse = cv2.resize(fine, _COARSE, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    chromas = np.stack(chroma).astype(np.float32)
    return Thumb(time_s, fine, chromas, coarse, float(fine.var()))


def same_view(first: Thumb, second: Thumb) -> bool:
    """Whether two frames show the same view: little changed, or the camera turned a little."""
    return (
        change(first, second) < CUT_CHANGE
        or likeness(first, second) > _SAME_VIEW_ALIKE
        or moved(first, second)
    )


def change(first: Thumb, second: Thumb) -> float:
    """Mean change of luma plus twice that of chroma, in levels of 255."""
    luma = np.abs(first.luma - second.luma).mean()
    chroma = np.abs(first.chroma - second.chroma).mean()
    return float(luma + chroma * _CHROMA_WEIGHT)


def likeness(first: Thumb, second: Thumb) -> float:
    """Correlation of structure, -1..1, blind to brightness and contrast.

    0 when one of the frames has no structure.
    """
    a, b = first.luma - first.luma.mean(), second.luma - second.luma.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > a.size * _FLAT_VARIANCE else 0.0


def moved(first: Thumb, second: Thumb) -> bool:
    """Whether the middle of the second frame is found elsewhere in the first.

    A pan does that, and in small steps it looks like a mix.
    """
    height, width = first.luma.shape
    middle = second.luma[height // 4 : height - height // 4, width // 4 : width - width // 4]
    found = cv2.matchTemplate(first.luma, middle, cv2.TM_CCOEFF_NORMED)
    return float(found.max()) > _MOVED_ALIKE


def distance_from_mix(first: Thumb, middle: Thumb, last: Thumb) -> float:
    """How far `middle` is from being a mix of both ends, as a share of their distance.

    A dissolve mixes two frames; movement between them does not.
    """
    way = last.coarse - first.coarse
    length = float((way * way).sum())
    share = share_of_last(first, middle, last)
    if not _MIX_SHARES[0] < share < _MIX_SHARES[1]:
        return 1.0
    off = middle.coarse - first.coarse - share * way
    return float(np.sqrt((off * off).sum() / length))


def share_of_last(first: Thumb, middle: Thumb, last: Thumb) -> float:
    """How much of `last` is in `middle`, if it is a mix: 0 at `first`, 1 at `last`.

    0 where both ends are the same.
    """
    way = last.coarse - first.coarse
    length = float((way * way).sum())
    return float(((middle.coarse - first.coarse) * way).sum()) / length if length >= 1 else 0.0


def contrast_of_mix(first: Thumb, last: Thumb, share: float) -> float:
    """The contrast of a mix with that share of `last`: of two pictures that have little in common,
    the mix has less than either.
    """
    common = likeness(first, last) * float(np.sqrt(first.contrast * last.contrast))
    rest = 1 - share
    return rest**2 * first.contrast + share**2 * last.contrast + 2 * rest * share * common
