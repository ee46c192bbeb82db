"""Clips of every kind of coding, made from one frame that is known: the cards of `counters`.

Belongs here: how each kind is made, and the colour science to make it, written independently of the
renderer's.
Does not belong here: what must come out of them (the tests).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline_tests.rendering.counters import (
    CounterClip,
    RgbFrame,
    Signal,
    patches,
    run,
    write_clip,
)

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "12")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-crf", "10")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "3M")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2")
FIRST = 37
_FRAMES = 3

# Rows are X, Y and Z, columns red, green and blue (SMPTE RP 177 for BT.709; BT.2020 and P3-D65 by
# the same recipe).
_TO_XYZ = {
    "bt709": [
        [0.412391, 0.357584, 0.180481],
        [0.212639, 0.715169, 0.072192],
        [0.019331, 0.119195, 0.950532],
    ],
    "bt2020": [
        [0.636958, 0.144617, 0.168881],
        [0.262700, 0.677998, 0.059302],
        [0.0, 0.028073, 1.060985],
    ],
    "p3": [
        [0.486571, 0.265668, 0.198217],
        [0.228975, 0.691739, 0.079287],
        [0.0, 0.045113, 1.043944],
    ],
}
_WHITE_NITS, _PEAK_NITS = 203.0, 1000.0


def wide(primaries: str) -> Signal:
    """The same colours coded for a wider gamut, with the display's gamma."""

    def code(frame: RgbFrame) -> NDArray[np.uint16]:
        return _in_16_bits(_light(frame, primaries) ** (1 / 2.4))

    return code


def hlg(frame: RgbFrame) -> NDArray[np.uint16]:
    """HLG (BT.2100) that shows the frame with its white at 203 nits."""
    display = _light(frame, "bt2020") * _WHITE_NITS / _PEAK_NITS
    luminance = np.maximum(display @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
    scene = display * luminance ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return _in_16_bits(
        np.where(
            scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
        )
    )


def pq(frame: RgbFrame) -> NDArray[np.uint16]:
    """PQ (SMPTE ST 2084) that shows the frame with its white at 203 nits."""
    light = (_light(frame, "bt2020") * _WHITE_NITS / 10_000) ** (2610 / 16384)
    return _in_16_bits(
        ((3424 / 4096 + 2413 / 128 * light) / (1 + 2392 / 128 * light)) ** (2523 / 32)
    )


def _light(frame: RgbFrame, primaries: str) -> NDArray[np.float64]:
    matrix = np.linalg.solve(np.array(_TO_XYZ[primaries]), np.array(_TO_XYZ["bt709"]))
    return np.asarray(np.clip((frame / 255.0) ** 2.4 @ matrix.T, 0, 1))


def _in_16_bits(signal: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.round(np.clip(signal, 0, 1) * 65535).astype("<u2")


def coded(
    name: str,
    pixel_format: str = "yuv420p",
    video: Sequence[str] = X264,
    *,
    matrix: str = "bt709",
    span: str = "tv",
    tags: str = "bt709/bt709/bt709",
    before: str = "",
    **more: Any,
) -> CounterClip:
    """A clip of three cards in this pixel format, YCbCr matrix and range;

    `tags` are matrix/primaries/transfer, "" for none.
    """
    # Cameras put chroma below the left luma sample; Motion JPEG puts it between the two.
    place = "center" if "mjpeg" in video else "left"
    exact = "flags=accurate_rnd+full_chroma_int"
    target = f"out_color_matrix={matrix}:out_range={span}:out_chroma_loc={place}"
    filters = f"{before}scale={exact}:{target},format={pixel_format}"
    if tags:
        space, primaries, transfer = tags.split("/")
        colours = f"colorspace={space}:color_primaries={primaries}:color_trc={transfer}"
        filters += f",setparams={colours}:range={span}"
    return CounterClip(
        name,
        frames=_FRAMES,
        first=FIRST,
        filters=filters,
        raw_filters=True,
        video=video,
        **more,
    )


def transparent(name: str, pixel_format: str, folder: Path, video: Sequence[str]) -> FetchedClip:
    """Eight cards whose left half is transparent, with loud green below."""
    loud = "".join(
        f":{plane}='if(lt(X,W/2),{value},{plane}(X,Y))'"
        for plane, value in zip("rgb", (0, 255, 0), strict=True)
    )
    filters = (
        f"format=rgba,geq=a='255*gte(X,W/2)'{loud}"
        f",scale=out_color_matrix=bt601:out_range=tv,format={pixel_format}"
    )
    return write_clip(
        CounterClip(name, frames=8, first=FIRST, filters=filters, raw_filters=True, video=video),
        folder,
    )


def remuxed(source: FetchedClip, name: str, *args: str, before: Sequence[str] = ()) -> FetchedClip:
    """Another file made from a clip; `before` stands before the input, `args` after it."""
    path = source.path.with_name(name)
    run([*before, "-i", str(source.path), *args, str(path)])
    return as_fetched(path)


def written(folder: Path, name: str, content: bytes) -> FetchedClip:
    """A clip of these bytes."""
    (folder / name).write_bytes(content)
    return as_fetched(folder / name)


def as_fetched(path: Path) -> FetchedClip:
    """The file as if fetched."""
    return FetchedClip(
        url=f"https://clips.test/{path.name}", path=path, sha256="0" * 64, bytes=path.stat().st_size
    )


def lab(rgb: NDArray[np.floating]) -> NDArray[np.float32]:
    """CIE L*a*b* of 0..255 R'G'B' colours, shape (..., 3)."""
    pixels = np.asarray(rgb, np.float32).reshape(1, -1, 3) / 255
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).reshape(np.shape(rgb)), np.float32)


def seen_patches(frame: RgbFrame, facts: ClipFacts, crop: CropRect) -> NDArray[np.float64]:
    """Mean colour of each patch of an output frame that shows `crop`, shape (patches, 3)."""
    height, width = frame.shape[:2]
    scale_x, scale_y = width / crop.width, height / crop.height
    found = []
    for (left, top, right, bottom), _ in patches(facts.width, facts.height):
        inset_x, inset_y = 0.3 * (right - left), 0.3 * (bottom - top)
        columns = slice(
            round((left + inset_x - crop.x) * scale_x),
            round((right - inset_x - crop.x) * scale_x) + 1,
        )
        rows = slice(
            round((top + inset_y - crop.y) * scale_y),
            round((bottom - inset_y - crop.y) * scale_y) + 1,
        )
        found.append(frame[rows, columns].reshape(-1, 3).mean(axis=0))
    return np.array(found)
