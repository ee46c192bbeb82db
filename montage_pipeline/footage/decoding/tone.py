"""Wide, bright and flat colours as SDR BT.709: one definition for all that look, and both engines.

Belongs here: which clips need it, the mapping as a function on arrays, and the same as a 3D table
for FFmpeg's lut3d.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.model import ClipFacts, LogProfile

_SDR_WHITE_NITS = 203.0
"""Diffuse white of HDR video (BT.2408)."""

_PEAK_NITS = 1000.0
"""What phones master for; brighter PQ highlights clip."""

_KNEE = 0.5
"""Light below this share of diffuse white, faces among it, is kept as it is."""

_DISPLAY_GAMMA = 2.4
"""Of SDR displays (BT.1886)."""

_LOG_GAMMA = 1.4
"""Between the black and the white of log footage: of footage coded in S-Log3, V-Log and D-Log it
leaves 8 levels of 255 to the original; 1.2 and 1.6 leave 12.
"""

_CUBE_POINTS = 33
"""Along each axis of a colour table; the usual size, interpolated between."""

_BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593])

# CIE x, y of white (D65), and of red, green and blue.
_WHITE = (0.3127, 0.3290)
_BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_WIDE = {
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "smpte431": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "smpte432": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


@dataclass(frozen=True)
class ColourMap:
    """The R'G'B' signal that is turned into SDR BT.709: in wider `primaries`, or flat (`log`)."""

    transfer: Literal["sdr", "hlg", "pq"]
    primaries: str
    log: LogProfile | None = None

    @property
    def table(self) -> str:
        """File name of its table."""
        log = f"-log{self.log.floor:.3f}-{self.log.ceiling:.3f}" if self.log else ""
        return f"{self.transfer}-{self.primaries}{log}.cube"


def colour_map(facts: ClipFacts) -> ColourMap | None:
    """What must be done to the clip's colours.

    None for SDR in BT.709 and its near relatives (BT.601), which are shown as they are.
    """
    if facts.color_primaries in _WIDE:
        return ColourMap(facts.hdr, facts.color_primaries, facts.log)
    if facts.hdr != "sdr":
        return ColourMap(facts.hdr, "bt2020")
    return ColourMap("sdr", "bt709", facts.log) if facts.log else None


def to_bt709(signal: NDArray[np.floating], mapping: ColourMap) -> NDArray[np.float64]:
    """SDR R'G'B' BT.709 in 0..1 from the clip's R'G'B' in 0..1; the last axis is the channel.

    SDR keeps every colour that BT.709 has; what lies outside is clipped. Of HDR, mid-grey keeps its
    brightness, diffuse white (203 nits) lands at 89 % of the SDR signal, 1000 nits at 100 %.
    """
    coded = np.asarray(signal, dtype=np.float64)
    if mapping.log is not None:
        coded = normalised(coded, mapping.log)
    if mapping.primaries not in _WIDE:
        return np.clip(coded, 0.0, 1.0)
    to_narrow = np.linalg.inv(_to_xyz(_BT709)) @ _to_xyz(_WIDE[mapping.primaries])
    if mapping.transfer == "sdr":
        light = np.maximum(np.clip(coded, 0.0, 1.0) ** _DISPLAY_GAMMA @ to_narrow.T, 0.0)
    else:
        light = np.maximum(_nits(coded, mapping.transfer) / _SDR_WHITE_NITS @ to_narrow.T, 0.0)
        brightest = light.max(axis=-1, keepdims=True)
        # Scaling the three channels together keeps the hue of highlights.
        light = light * (_rolled_off(brightest) / np.maximum(brightest, 1e-9))
    return np.asarray(np.clip(light, 0.0, 1.0) ** (1 / _DISPLAY_GAMMA))


def normalised(signal: NDArray[np.floating], log: LogProfile) -> NDArray[np.float64]:
    """A flat signal (R'G'B', or its luma) with the contrast of other video.

    Black and white are brought where they belong, and a power makes up for how a log curve lifts
    what is between. Each channel by itself, so that colours gain as contrast does.
    """
    spread = (np.asarray(signal, dtype=np.float64) - log.floor) / (log.ceiling - log.floor)
    return np.asarray(np.clip(spread, 0.0, 1.0) ** _LOG_GAMMA)


def chroma_gain(log: LogProfile) -> float:
    """How much stronger colours of middle brightness become by `normalised`."""
    return float(_LOG_GAMMA * 0.5 ** (_LOG_GAMMA - 1) / (log.ceiling - log.floor))


def write_cube(path: Path, mapping: ColourMap) -> None:
    """Write `to_bt709` as an Adobe .cube table."""
    axis = np.linspace(0.0, 1.0, _CUBE_POINTS)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    table = to_bt709(np.stack([red, green, blue], axis=-1).reshape(-1, 3), mapping)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in table)
    path.write_text(f"LUT_3D_SIZE {_CUBE_POINTS}\n{rows}\n", encoding="ascii")


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """The matrix from linear RGB of these primaries, with white D65, to XYZ."""
    xyz = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in (*primaries, _WHITE)]).T
    return np.asarray(xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3]))


def _nits(signal: NDArray[np.float64], transfer: Literal["hlg", "pq"]) -> NDArray[np.float64]:
    """Light of the display in nits; the constants are BT.2100's."""
    if transfer == "pq":
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = np.power(np.clip(signal, 0.0, 1.0), 1 / m2)
        return np.asarray(
            10_000.0 * np.power(np.maximum(power - c1, 0.0) / (c2 - c3 * power), 1 / m1)
        )
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
