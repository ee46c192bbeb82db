"""How a frame looked when it was analysed, small enough to be kept with the edit.

Belongs here: writing a frame down and reading it again. Does not belong here: comparing (the check
of the finished file does that).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.model import ClipFacts, Miniature

_SIDE = 24
"""Longer side, in pixels: a crop to 9:16 of a wide frame still has a hundred and twelve."""

_CHROMA_SIDE = 16  # as above, for colours

_LEVELS = 16
"""Of luma, from the darkest to the brightest pixel, and of chroma: one hex digit each."""

_GREY = 128.0  # of chroma


def miniature_of(
    time_s: float, luma: NDArray[np.uint8], chroma: Sequence[NDArray[np.uint8]]
) -> Miniature:
    """Write down an upright frame (its luma, and its U and V, of any sizes) at its presentation
    time (s).
    """
    small = _shrunk(luma, _SIDE)
    darkest, spread = float(small.min()), float(small.max() - small.min())
    colours = np.stack([_shrunk(plane, _CHROMA_SIDE) for plane in chroma]) - _GREY
    reach = float(np.abs(colours).max())
    return Miniature(
        time_s=round(time_s, 6),
        spread=round(spread),
        luma=_digits((small - darkest) / max(spread, 1.0)),
        chroma_spread=round(reach),
        chroma=_digits(colours / max(2 * reach, 1.0) + 0.5),
    )


def luma_of(miniature: Miniature, facts: ClipFacts) -> NDArray[np.float32] | None:
    """The frame's luma (0 darkest, 1 brightest), rows first; None if it is not of this clip."""
    width, height = _size(facts.width, facts.height, _SIDE)
    if len(miniature.luma) != width * height:
        return None
    return _shares(miniature.luma).reshape(height, width)


def chroma_of(miniature: Miniature, facts: ClipFacts) -> NDArray[np.float32] | None:
    """The frame's U and V in levels beside grey, of shape (2, height, width); None if they were not
    kept, or are not of this clip.
    """
    width, height = _size(facts.width, facts.height, _CHROMA_SIDE)
    if len(miniature.chroma) != 2 * width * height:
        return None
    shares = _shares(miniature.chroma).reshape(2, height, width)
    return (2 * shares - 1) * np.float32(miniature.chroma_spread)


def _shrunk(plane: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    import cv2

    height, width = plane.shape
    size = _size(width, height, side)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _digits(shares: NDArray[np.float32]) -> str:
    """A digit for each share, 0..1."""
    levels = np.rint(shares * (_LEVELS - 1)).astype(int)
    return "".join(f"{level:x}" for level in levels.flat)


def _shares(digits: str) -> NDArray[np.float32]:
    levels = np.array([int(digit, _LEVELS) for digit in digits], dtype=np.float32)
    return levels / np.float32(_LEVELS - 1)


def _size(width: int, height: int, side: int) -> tuple[int, int]:
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
