"""Colour spaces of SDR BT.709 frames, and what a grade makes of a frame.

Belongs here: arithmetic on arrays whose last axis is the channel. Does not belong here: which grade
a segment gets (`matching`).
"""

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import Grade

Colours = NDArray[np.floating]
"""R'G'B' or Y'CbCr or Lab, by the name of the variable; the last axis has the three channels."""

DISPLAY_GAMMA = 2.4
"""Of SDR displays (BT.1886)."""

LUMA_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""Of red, green and blue (BT.709)."""

_BLUE_SPAN, _RED_SPAN = 1.8556, 1.5748
"""B'-Y' and R'-Y' at a Cb or Cr of 1 (BT.709)."""

_TO_XYZ = np.array(
    [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923],
     [0.0193308, 0.1191948, 0.9505322]],
    np.float32,
)  # fmt: skip
_WHITE = _TO_XYZ.sum(axis=1)  # D65, as (1, 1, 1) is white

_LAB_LINEAR_BELOW, _LAB_SLOPE = 216 / 24389, 24389 / 27  # CIE 15


def to_ycc(rgb: Colours) -> Colours:
    """Y' 0..1, Cb and Cr -0.5..0.5, of R'G'B' 0..1."""
    luma = rgb @ np.asarray(LUMA_WEIGHTS, np.float32)
    blue, red = (rgb[..., 2] - luma) / _BLUE_SPAN, (rgb[..., 0] - luma) / _RED_SPAN
    return np.stack([luma, blue, red], axis=-1)


def from_ycc(ycc: Colours) -> Colours:
    """R'G'B' of Y'CbCr, clipped to 0..1."""
    luma = ycc[..., 0]
    blue, red = luma + _BLUE_SPAN * ycc[..., 1], luma + _RED_SPAN * ycc[..., 2]
    weight_red, weight_green, weight_blue = LUMA_WEIGHTS
    green = (luma - weight_red * red - weight_blue * blue) / weight_green
    rgb: Colours = np.stack([red, green, blue], axis=-1)
    return np.clip(rgb, 0, 1)


def to_light(rgb: Colours) -> Colours:
    """Linear light 0..1 of R'G'B' 0..1."""
    light: Colours = np.power(rgb, np.float32(DISPLAY_GAMMA))
    return light


def to_lab(rgb: Colours) -> Colours:
    """CIE L*a*b* (D65) of R'G'B' 0..1."""
    xyz = to_light(rgb) @ _TO_XYZ.T / _WHITE
    bent = np.where(xyz > _LAB_LINEAR_BELOW, np.cbrt(xyz), (_LAB_SLOPE * xyz + 16) / 116)
    x, y, z = np.moveaxis(bent, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def luma_curve(grade: Grade, luma: Colours) -> Colours:
    """Y' after the grade's gamma and contrast."""
    lifted = np.power(np.clip(luma, 0, 1), np.float32(grade.gamma))
    return (lifted - grade.contrast / (2 * np.pi) * np.sin(2 * np.pi * lifted)).astype(np.float32)


def graded(rgb: Colours, grade: Grade) -> Colours:
    """R'G'B' 0..1 after the grade; see `Grade` for what it does."""
    luma, blue, red = np.moveaxis(to_ycc(rgb), -1, 0)
    changed = (
        luma_curve(grade, luma),
        np.float32(grade.saturation) * (blue + np.float32(grade.blue) * luma),
        np.float32(grade.saturation) * (red + np.float32(grade.red) * luma),
    )
    return from_ycc(np.stack(changed, axis=-1))
