"""What can be measured in a single picture: sharpness, exposure, colour, and its fingerprint."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane

_TILES = 8
# mean step between neighbouring pixels (levels) from which a tile has something to be sharp in
_TEXTURE = 1.2
_BLACK_LEVEL = 20
_WHITE_LEVEL = 250


@dataclass(frozen=True)
class Exposure:
    """Light in a picture. Levels and shares are 0..1; `score` is 1 for a well exposed picture.

    `highlights` is the level that 5 % of the picture lies above, `peak` the one that 0.5 % does;
    `contrast`
    is the distance between the levels of the darkest and the brightest 5 %.
    """

    mean: float
    highlights: float
    peak: float
    black_share: float
    white_share: float
    contrast: float
    score: float


def sharpness(luma: Plane) -> float:
    """How much detail a picture loses when it is blurred once more: 0 (blurred already) to 1.

    After Crete et al. 2007, on tiles: the sharpest fifth of the textured tiles counts, so that a
    blurred
    background behind a sharp subject does no harm. A picture without any texture gets 0.
    """
    picture = cv2.GaussianBlur(luma, (3, 3), 0.6).astype(
        np.float32
    )  # codecs' and sensors' noise would pass for detail
    rows, columns = (
        (picture.shape[0] - 1) // _TILES * _TILES,
        (picture.shape[1] - 1) // _TILES * _TILES,
    )
    best = np.zeros((_TILES, _TILES), dtype=np.float32)
    textured = np.zeros((_TILES, _TILES), dtype=bool)
    here = (slice(0, rows), slice(0, columns))
    for kernel, neighbour in (
        ((1, 9), (slice(1, rows + 1), slice(0, columns))),
        ((9, 1), (slice(0, rows), slice(1, columns + 1))),
    ):
        blurred = cv2.blur(picture, kernel)
        steps = np.abs(picture[neighbour] - picture[here])
        lost = np.maximum(steps - np.abs(blurred[neighbour] - blurred[here]), 0)
        had = _tile_means(steps)
        share = np.divide(_tile_means(lost), had, out=np.zeros_like(had), where=had > 1e-3)
        enough = had > _TEXTURE
        best = np.maximum(best, np.where(enough, share, 0))
        textured |= enough
    if textured.sum() < 2:
        return 0.0
    values = np.sort(best[textured])
    return float(values[-max(1, len(values) // 5) :].mean())


def exposure(luma: Plane) -> Exposure:
    """Light in a picture from its full-range luma."""
    counts = cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel() / luma.size
    total = np.cumsum(counts)
    low, middle, high, peak = (
        int(np.searchsorted(total, share)) for share in (0.05, 0.5, 0.95, 0.995)
    )
    mean = float((counts * np.arange(256)).sum()) / 255
    black, white = float(total[_BLACK_LEVEL]), max(0.0, float(1 - total[_WHITE_LEVEL - 1]))
    contrast = (high - low) / 255
    # A night scene is dark in the middle but has lights; it is judged by both.
    light = 0.6 * _ramp(high / 255, 0.10, 0.45) + 0.4 * _ramp(middle / 255, 0.03, 0.20)
    glare = _ramp(white, 0.75, 0.15) * _ramp(middle / 255, 0.99, 0.88)
    score = light * glare * (0.4 + 0.6 * _ramp(contrast, 0.04, 0.30))
    return Exposure(
        mean, high / 255, min(peak, 255) / 255, black, white, contrast, float(np.clip(score, 0, 1))
    )


def colourfulness(u: Plane, v: Plane) -> float:
    """0 for grey, towards 1 for vivid and varied colour (after Hasler and Süsstrunk, on chroma)."""
    du, dv = u.astype(np.float32) - 128, v.astype(np.float32) - 128
    spread = float(np.hypot(du.std(), dv.std()))
    strength = float(np.hypot(du, dv).mean())
    return float(1 - np.exp(-(spread + 0.4 * strength) / 16))


def fingerprint(luma: Plane) -> int:
    """A 64-bit perceptual hash: the signs of the 64 lowest frequencies (without the mean) about
    their median.
    """
    small = cv2.resize(luma, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low: NDArray[np.float32] = cv2.dct(small)[:9, :9].ravel()[1:65].astype(np.float32)
    return int("".join("1" if bit else "0" for bit in low > np.median(low)), 2)


def signature(luma: Plane) -> Plane:
    """The picture as 16 by 16 luma levels, for telling the same footage from a similar one."""
    return cv2.resize(luma, (16, 16), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _tile_means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return cv2.resize(values, (_TILES, _TILES), interpolation=cv2.INTER_AREA).astype(
        np.float32, copy=False
    )


def _ramp(value: float, zero_at: float, one_at: float) -> float:
    """0 at one end, 1 at the other, straight in between; works in both directions."""
    return float(np.clip((value - zero_at) / (one_at - zero_at), 0, 1))
