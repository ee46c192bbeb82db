"""CIEDE2000, the difference of two colours as people see it (Sharma, Wu and Dalal 2005)."""

import numpy as np
from numpy.typing import NDArray

Lab = NDArray[np.float64]
"""CIE L*a*b*, on the last axis."""

_VIVID = 25.0**7


def delta_e_2000(one: Lab, other: Lab) -> NDArray[np.float64]:
    """Delta E between colours, shape (..., 3) each."""
    chroma = (np.hypot(one[..., 1], one[..., 2]) + np.hypot(other[..., 1], other[..., 2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + _VIVID))
    (l_1, c_1, h_1), (l_2, c_2, h_2) = (_polar(colour, stretch) for colour in (one, other))

    turned = (h_2 - h_1 + 180) % 360 - 180
    turned = np.where(c_1 * c_2 == 0, 0.0, turned)
    hue = (h_1 + turned / 2) % 360
    light, chroma = (l_1 + l_2) / 2, (c_1 + c_2) / 2
    across = 2 * np.sqrt(c_1 * c_2) * np.sin(np.radians(turned / 2))

    away = (light - 50) ** 2
    by_light = (l_2 - l_1) / (1 + 0.015 * away / np.sqrt(20 + away))
    by_chroma = (c_2 - c_1) / (1 + 0.045 * chroma)
    by_hue = across / (1 + 0.015 * chroma * _hue_weight(hue))
    blue = np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))
    turn = -2 * np.sqrt(chroma**7 / (chroma**7 + _VIVID)) * np.sin(blue)
    return np.asarray(np.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + turn * by_chroma * by_hue))


def _polar(
    lab: Lab, stretch: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lightness, chroma, and hue in degrees."""
    a = lab[..., 1] * stretch
    return lab[..., 0], np.hypot(a, lab[..., 2]), np.degrees(np.arctan2(lab[..., 2], a)) % 360


def _hue_weight(hue: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = np.ones_like(hue)
    for size, times, shift in ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63)):
        weight = weight + size * np.cos(np.radians(times * hue + shift))
    return np.asarray(weight)
