"""How a frame looked when it was analysed, small enough to be kept with the edit.

Belongs here: writing a frame down and reading it again. Does not belong here: comparing (the check
of the finished file does that).
"""

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.model import ClipFacts, Miniature

_SIDE = 24
"""Longer side, in pixels: a crop to 9:16 of a wide frame still has a hundred and twelve."""

_LEVELS = 16
"""Of luma, from the darkest to the brightest pixel: one hex digit each."""


def miniature_of(time_s: float, luma: NDArray[np.uint8]) -> Miniature:
    """Write down an upright frame, of any size, at its presentation time (s)."""
    import cv2

    height, width = luma.shape
    small = cv2.resize(luma, _size(width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    darkest, spread = float(small.min()), float(small.max() - small.min())
    levels = (small - darkest) * ((_LEVELS - 1) / max(spread, 1.0))
    digits = "".join(f"{level:x}" for level in np.rint(levels).astype(int).flat)
    return Miniature(time_s=round(time_s, 6), spread=round(spread), luma=digits)


def luma_of(miniature: Miniature, facts: ClipFacts) -> NDArray[np.float32] | None:
    """The frame's luma (0 darkest, 1 brightest), rows first; None if it is not of this clip."""
    width, height = _size(facts.width, facts.height)
    if len(miniature.luma) != width * height:
        return None
    levels = np.array([int(digit, _LEVELS) for digit in miniature.luma], dtype=np.float32)
    return levels.reshape(height, width) / np.float32(_LEVELS - 1)


def _size(width: int, height: int) -> tuple[int, int]:
    scale = _SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
