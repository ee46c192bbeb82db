"""A quick look at every decoded frame: small upright luma and chroma, straight from the decoder's
planes.

Measuring needs small pictures of every frame; scaling whole frames through swscale costs more than
decoding
them, while shrinking the planes themselves is nearly free.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.frames import oriented, stored_size
from montage_pipeline.footage.model import ClipFacts

Plane = NDArray[np.uint8]

_PLANAR_8 = {
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuvj422p",
    "yuv444p",
    "yuvj444p",
    "yuv440p",
    "yuva420p",
}
_PLANAR_10 = {"yuv420p10le", "yuv422p10le", "yuv444p10le"}


@dataclass(frozen=True)
class Planes:
    """One frame's luma and chroma as stored (not turned), 8 or 10 bits, at full size; views into
    the decoder's memory.
    """

    luma: NDArray[Any]
    u: NDArray[Any]
    v: NDArray[Any]
    bits: int
    full_range: bool


def planes_of(frame: VideoFrame, facts: ClipFacts) -> Planes:
    """The frame's planes; formats without planar YUV are converted first.

    Valid while the frame lives.
    """
    if frame.format.name not in _PLANAR_8 | _PLANAR_10:
        frame = frame.reformat(format="yuv420p")
    bits = 10 if frame.format.name in _PLANAR_10 else 8
    views = []
    for plane in frame.planes[:3]:
        kind = np.uint16 if bits == 10 else np.uint8
        values = np.frombuffer(plane, dtype=kind)  # type: ignore[call-overload]
        rows = values.reshape(plane.height, plane.line_size // kind().itemsize)
        views.append(rows[:, : plane.width])
    return Planes(views[0], views[1], views[2], bits, facts.full_range)


def small_luma(planes: Planes, facts: ClipFacts, max_side: int) -> Plane:
    """Upright full-range luma, uint8 of shape (height, width) with square pixels, longer side
    `max_side` at most.
    """
    luma = _eight_bits(_shrunk(planes.luma, stored_size(facts, max_side)), planes.bits)
    if not planes.full_range:
        luma = cv2.LUT(luma, _FULL_RANGE).astype(np.uint8, copy=False)
    return np.ascontiguousarray(oriented(luma, facts))


def small_chroma(planes: Planes, facts: ClipFacts, max_side: int) -> tuple[Plane, Plane]:
    """Upright U and V at the size that `small_luma` would give."""
    size = stored_size(facts, max_side)
    u, v = (_eight_bits(_shrunk(plane, size), planes.bits) for plane in (planes.u, planes.v))
    return np.ascontiguousarray(oriented(u, facts)), np.ascontiguousarray(oriented(v, facts))


def _shrunk(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    width, height = size
    # INTER_AREA reads every pixel; a first stride keeps 4K affordable, and at 3 pixels per result
    # noise is averaged still.
    step = max(1, min(plane.shape[1] // (width * 3), plane.shape[0] // (height * 3)))
    if step > 1:
        plane = np.ascontiguousarray(plane[::step, ::step])
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)


def _eight_bits(plane: NDArray[Any], bits: int) -> Plane:
    return plane if bits == 8 else (plane >> (bits - 8)).astype(np.uint8)


_FULL_RANGE = np.clip((np.arange(256) - 16) * (255 / 219) + 0.5, 0, 255).astype(np.uint8)
