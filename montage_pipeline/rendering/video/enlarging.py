"""Enlarged crops: by Lanczos, and sharpened first by as much as brings them nearer to the truth.

Frames shrunk 2 to 4 times and enlarged again come nearest to what they had been with 0.2 to 0.3 of
an unsharp mask of 3 x 3 pixels before Lanczos (`make bench-look` has the figures). With more they
look sharper still, but ring. Sharpening the small frame takes a fraction of what the large one
would, and its pixels are the ones that lack detail.

Belongs here: how much, as a filter of FFmpeg and as a function on arrays.
"""

from math import sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.editing.grading.colours import LUMA_WEIGHTS
from montage_pipeline.rendering.video.geometry import StoredCrop

_FROM_FACTOR = 1.5
"""Below it the scaler alone loses next to nothing."""

_AMOUNTS = ((_FROM_FACTOR, 0.0), (2.0, 0.2), (3.0, 0.25))
"""Unsharp amount by enlargement; straight in between, and no more after the last."""

_BLUR = np.array([1.0, 2.0, 1.0]) / 4
"""Of the mask, each way: FFmpeg's unsharp of 3 x 3."""


def enlargement(crop: StoredCrop, width: int, height: int) -> float:
    """How many times larger each way a crop is shown, at this size of the output."""
    return sqrt(width * height / crop.pixels)


def sharpening(factor: float) -> float:
    """The amount of the unsharp mask for an enlargement."""
    factors, amounts = zip(*_AMOUNTS, strict=True)
    return round(float(np.interp(factor, factors, amounts)), 3)


def sharpening_filters(amount: float) -> list[str]:
    """The mask on the luma of planar YUV; none for an amount of 0."""
    return [f"unsharp=3:3:{amount}:3:3:0"] if amount > 0 else []


def sharpened(rgb: NDArray[np.uint8], amount: float) -> NDArray[np.uint8]:
    """The same mask on R'G'B' of shape (height, width, 3): luma alone is changed."""
    if amount <= 0:
        return rgb
    luma = rgb.astype(np.float32) @ np.asarray(LUMA_WEIGHTS, np.float32)
    blurred = cv2.sepFilter2D(luma, -1, _BLUR, _BLUR, borderType=cv2.BORDER_REPLICATE)
    detail = amount * (luma - blurred)
    changed = np.clip(rgb + detail[..., None] + 0.5, 0, 255)
    return changed.astype(np.uint8)
