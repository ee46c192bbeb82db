"""From decoded frames to upright pictures: orientation, square pixels, and HDR shown as SDR.

Belongs here: everything between FFmpeg's frame and an RGB or grey array that looks as a player
shows it.
Does not belong here: which frames to take (sample), what to measure in them (measure).
"""

import math
from typing import Any, Literal, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from montage_pipeline.footage.model import ClipFacts

Picture = NDArray[np.uint8]
Rotation = Literal[0, 90, 180, 270]

_MATRICES = {
    "bt709": Colorspace.ITU709,
    "fcc": Colorspace.FCC,
    "bt470bg": Colorspace.ITU601,
    "smpte170m": Colorspace.ITU601,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020nc": Colorspace.BT2020,
    "bt2020c": Colorspace.BT2020,
}
_HD_LINES = 720
# Without full chroma and accurate rounding swscale's RGB comes out two levels too dark.
_EXACT = Interpolation.AREA | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    dtype=np.float32,
)
_SDR_WHITE_NITS = 203.0  # BT.2408: diffuse white of an HDR picture
_HLG_PEAK_NITS = 1000.0


def orientation(matrix: bytes | None) -> tuple[Rotation, bool]:
    """Read a display matrix (nine int32): the clockwise turn, and whether to mirror left-right
    first.

    Both together undo any of the eight ways to hold a camera: `oriented` applies them in that
    order.
    FFmpeg's own angle is not enough: it calls a plain mirror image a turn by 180 degrees.
    """
    if not matrix:
        return 0, False
    a, b, _, c, d = (float(value) for value in np.frombuffer(matrix, dtype=np.int32)[:5])
    if a == b == c == d == 0:
        return 0, False
    mirrored = a * d - b * c < 0
    turn = math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    return cast(Rotation, round(turn / 90) % 4 * 90), mirrored


def oriented(picture: NDArray[Any], facts: ClipFacts) -> NDArray[Any]:
    """The picture (rows first) mirrored and turned as a player does."""
    if facts.mirrored:
        picture = picture[:, ::-1]
    if facts.rotation_deg:
        picture = np.rot90(picture, k=-(facts.rotation_deg // 90))
    return picture


def stored_size(facts: ClipFacts, max_side: int) -> tuple[int, int]:
    """Width and height before turning, so that the turned picture has square pixels and no side
    above `max_side`.

    Never larger than the clip itself.
    """
    scale = min(1.0, max_side / max(facts.width, facts.height))
    width, height = max(2, round(facts.width * scale)), max(2, round(facts.height * scale))
    return (height, width) if facts.rotation_deg in (90, 270) else (width, height)


def rgb_picture(frame: VideoFrame, facts: ClipFacts, max_side: int) -> Picture:
    """The frame as a viewer sees it: uint8 RGB of shape (height, width, 3), upright, square pixels,
    SDR.
    """
    width, height = stored_size(facts, max_side)
    if facts.hdr == "sdr":
        array: NDArray[Any] = _reformatted(frame, facts, width, height, "rgb24")
    else:
        wide = _reformatted(frame, facts, width, height, "rgb48le")
        array = _tone_mapped(wide.astype(np.float32) / 65535.0, facts.hdr)
    return np.ascontiguousarray(oriented(array, facts), dtype=np.uint8)


def _reformatted(
    frame: VideoFrame, facts: ClipFacts, width: int, height: int, pixel_format: str
) -> NDArray[Any]:
    matrix = _MATRICES.get(facts.color_space) or (
        Colorspace.ITU709 if facts.coded_height >= _HD_LINES else Colorspace.ITU601
    )
    return frame.reformat(
        width,
        height,
        pixel_format,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        interpolation=_EXACT,
        src_color_range=ColorRange.JPEG if facts.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    ).to_ndarray()


def _tone_mapped(signal: NDArray[np.float32], transfer: Literal["hlg", "pq"]) -> NDArray[np.uint8]:
    """BT.2020 HLG or PQ signal (0..1) as BT.709 SDR: roughly what a phone shows on an SDR screen."""
    if transfer == "pq":
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = np.power(signal, 1 / m2)
        nits = 10_000.0 * np.power(np.maximum(power - c1, 0) / (c2 - c3 * power), 1 / m1)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        luminance = np.tensordot(
            scene, np.array([0.2627, 0.6780, 0.0593], dtype=np.float32), axes=1
        )
        nits = _HLG_PEAK_NITS * np.power(np.maximum(luminance, 1e-6), 0.2)[..., None] * scene
    light = np.clip(nits / _SDR_WHITE_NITS @ _BT2020_TO_BT709.T, 0, None)
    # Reinhard on the brightest channel keeps hues; white at 203 nits lands near 0.9 of the SDR
    # range.
    peak = light.max(axis=-1, keepdims=True)
    limit = _HLG_PEAK_NITS / _SDR_WHITE_NITS
    light = light * ((1 + peak / limit**2) / (1 + peak)) * 1.6
    return cast(
        NDArray[np.uint8], (np.power(np.clip(light, 0, 1), 1 / 2.2) * 255 + 0.5).astype(np.uint8)
    )
