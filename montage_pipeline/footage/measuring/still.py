"""What can be measured in a single frame: sharpness, exposure, colour, and its fingerprint."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane

# Sharpness
_TILES = 8  # each way
_TEXTURE = 1.2  # mean step between neighbouring pixels (levels): below it a tile has no detail
_NOISE_SIGMA = 0.6  # pixels; the noise of codecs and sensors would pass for detail
_BLUR_PIXELS = 9  # of the blur that takes detail away
_SHARPEST = 5  # one in so many textured tiles counts, the sharpest: backgrounds may be blurred

# Exposure
_BLACK_LEVEL = 20
_WHITE_LEVEL = 250
_LOW, _MIDDLE, _HIGH, _PEAK = 0.05, 0.5, 0.95, 0.995  # shares of pixels that lie below a level

# A night scene is dark in the middle but has lights; it is judged by both. Each pair says where the
# score is 0 and where it is 1.
_HIGHLIGHTS_WEIGHT, _HIGHLIGHTS_RANGE = 0.6, (0.10, 0.45)
_MIDDLE_WEIGHT, _MIDDLE_RANGE = 0.4, (0.03, 0.20)
_WHITE_RANGE, _GLARE_RANGE = (0.75, 0.15), (0.99, 0.88)
_FLAT_SCORE, _CONTRAST_WEIGHT, _CONTRAST_RANGE = 0.4, 0.6, (0.04, 0.30)

# Colour
_STRENGTH_WEIGHT = 0.4  # of the chroma's strength beside its spread
_VIVID = 16  # levels of both together at which the figure is 1 - 1/e

_FINGERPRINT_SIDE, _FINGERPRINT_TERMS = 32, 9  # pixels, frequencies each way
_SIGNATURE_SIDE = 16  # pixels


@dataclass(frozen=True)
class Exposure:
    """Light in a frame. Levels and shares are 0..1; `score` is 1 for a well exposed frame.

    `highlights` is the level that 5 % of the frame lies above, `peak` the one that 0.5 % does;
    `contrast` is the distance between the levels of the darkest and the brightest 5 %.
    """

    mean: float
    highlights: float
    peak: float
    black_share: float
    white_share: float
    contrast: float
    score: float


def sharpness(luma: Plane) -> float:
    """How much detail a frame loses when it is blurred once more: 0 (blurred already) to 1.

    After Crete et al. 2007, on tiles, so that a blurred background behind a sharp subject does no
    harm. A frame without any texture gets 0.
    """
    clean = cv2.GaussianBlur(luma, (3, 3), _NOISE_SIGMA).astype(np.float32)
    rows = (clean.shape[0] - 1) // _TILES * _TILES
    columns = (clean.shape[1] - 1) // _TILES * _TILES
    here = clean[:rows, :columns]
    best = np.zeros((_TILES, _TILES), dtype=np.float32)
    textured = np.zeros((_TILES, _TILES), dtype=bool)

    for kernel, down, right in (((1, _BLUR_PIXELS), 1, 0), ((_BLUR_PIXELS, 1), 0, 1)):
        blurred = cv2.blur(clean, kernel)
        neighbour = (slice(down, rows + down), slice(right, columns + right))
        steps = np.abs(clean[neighbour] - here)
        blurred_steps = np.abs(blurred[neighbour] - blurred[:rows, :columns])

        before = _tile_means(steps)
        lost = _tile_means(np.maximum(steps - blurred_steps, 0))
        share = np.divide(lost, before, out=np.zeros_like(before), where=before > 1e-3)
        has_texture = before > _TEXTURE
        best = np.maximum(best, np.where(has_texture, share, 0))
        textured |= has_texture

    if textured.sum() < 2:
        return 0.0
    values = np.sort(best[textured])
    return float(values[-max(1, len(values) // _SHARPEST) :].mean())


def exposure(luma: Plane) -> Exposure:
    """Light in a frame from its full-range luma."""
    counts = cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel() / luma.size
    below = np.cumsum(counts)
    low, middle, high, peak = (
        int(np.searchsorted(below, share)) for share in (_LOW, _MIDDLE, _HIGH, _PEAK)
    )
    white = max(0.0, float(1 - below[_WHITE_LEVEL - 1]))
    contrast = (high - low) / 255

    light = _HIGHLIGHTS_WEIGHT * _ramp(high / 255, *_HIGHLIGHTS_RANGE)
    light += _MIDDLE_WEIGHT * _ramp(middle / 255, *_MIDDLE_RANGE)
    glare = _ramp(white, *_WHITE_RANGE) * _ramp(middle / 255, *_GLARE_RANGE)
    depth = _FLAT_SCORE + _CONTRAST_WEIGHT * _ramp(contrast, *_CONTRAST_RANGE)
    return Exposure(
        mean=float((counts * np.arange(256)).sum()) / 255,
        highlights=high / 255,
        peak=min(peak, 255) / 255,
        black_share=float(below[_BLACK_LEVEL]),
        white_share=white,
        contrast=contrast,
        score=float(np.clip(light * glare * depth, 0, 1)),
    )


def colourfulness(u: Plane, v: Plane) -> float:
    """0 for grey, towards 1 for vivid and varied colour (after Hasler and Süsstrunk, on chroma)."""
    du, dv = u.astype(np.float32) - 128, v.astype(np.float32) - 128
    spread = float(np.hypot(du.std(), dv.std()))
    strength = float(np.hypot(du, dv).mean())
    return float(1 - np.exp(-(spread + _STRENGTH_WEIGHT * strength) / _VIVID))


def fingerprint(luma: Plane) -> int:
    """A 64-bit perceptual hash: the signs of the 64 lowest frequencies about their median.

    The mean of the frame is none of them.
    """
    size = (_FINGERPRINT_SIDE, _FINGERPRINT_SIDE)
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    terms = cv2.dct(small)[:_FINGERPRINT_TERMS, :_FINGERPRINT_TERMS].ravel()[1:65]
    low: NDArray[np.float32] = terms.astype(np.float32)
    return int("".join("1" if bit else "0" for bit in low > np.median(low)), 2)


def signature(luma: Plane) -> Plane:
    """The frame as 16 by 16 luma levels, for telling the same footage from a similar one."""
    size = (_SIGNATURE_SIDE, _SIGNATURE_SIDE)
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _tile_means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    means = cv2.resize(values, (_TILES, _TILES), interpolation=cv2.INTER_AREA)
    return means.astype(np.float32, copy=False)


def _ramp(value: float, zero_at: float, one_at: float) -> float:
    """0 at one end, 1 at the other, straight in between; works in both directions."""
    return float(np.clip((value - zero_at) / (one_at - zero_at), 0, 1))
