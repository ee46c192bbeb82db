"""HDR (HLG or PQ, BT.2020) as SDR BT.709: one definition for both engines.

Belongs here: the curve, as a function on arrays, and the same curve as a 3D table for FFmpeg's lut3d.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_SDR_WHITE_NITS = 203.0  # BT.2408: diffuse white of an HDR picture
_PEAK_NITS = 1000.0  # what phones master for; brighter PQ highlights clip
_KNEE = 0.3  # light below this share of diffuse white is kept as it is
_DISPLAY_GAMMA = 2.4  # BT.1886
_CUBE_POINTS = 33
_BT2020_TO_BT709 = np.array([[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]])
_BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593])


def sdr_from_hdr(signal: NDArray[np.floating], transfer: Literal["hlg", "pq"]) -> NDArray[np.float64]:
    """R'G'B' BT.709 in 0..1 from R'G'B' BT.2020 in 0..1; the last axis is the channel.

    Mid-grey keeps its brightness, diffuse white (203 nits) lands at 85 % of the SDR signal, 1000 nits at 100 %.
    """
    light = _nits(np.asarray(signal, dtype=np.float64), transfer) / _SDR_WHITE_NITS
    light = np.maximum(light @ _BT2020_TO_BT709.T, 0.0)
    brightest = light.max(axis=-1, keepdims=True)
    # Scaling the three channels together keeps the hue of highlights.
    light = light * (_rolled_off(brightest) / np.maximum(brightest, 1e-9))
    return np.asarray(np.clip(light, 0.0, 1.0) ** (1 / _DISPLAY_GAMMA))


def write_cube(path: Path, transfer: Literal["hlg", "pq"]) -> None:
    """Write `sdr_from_hdr` as an Adobe .cube table."""
    axis = np.linspace(0.0, 1.0, _CUBE_POINTS)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    table = sdr_from_hdr(np.stack([red, green, blue], axis=-1).reshape(-1, 3), transfer)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in table)
    path.write_text(f"LUT_3D_SIZE {_CUBE_POINTS}\n{rows}\n", encoding="ascii")


def _nits(signal: NDArray[np.float64], transfer: Literal["hlg", "pq"]) -> NDArray[np.float64]:
    """Light of the display in nits (BT.2100)."""
    if transfer == "pq":
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = np.power(np.clip(signal, 0.0, 1.0), 1 / m2)
        return np.asarray(10_000.0 * np.power(np.maximum(power - c1, 0.0) / (c2 - c3 * power), 1 / m1))
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = np.maximum(scene @ _BT2020_LUMA, 1e-9)[..., None]
    return np.asarray(_PEAK_NITS * luminance**0.2 * scene)


def _rolled_off(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moebius curve: straight up to the knee, then bending so that the peak lands at 1."""
    peak = _PEAK_NITS / _SDR_WHITE_NITS
    a = -(_KNEE**2) * (peak - 1) / (_KNEE**2 - 2 * _KNEE + peak)
    b = (_KNEE**2 - 2 * _KNEE * peak + peak) / (peak - 1)
    bent = (b**2 + 2 * b * _KNEE + _KNEE**2) / (b - a) * (light + a) / (light + b)
    return np.where(light <= _KNEE, light, bent)
