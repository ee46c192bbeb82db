"""Small upright luma and chroma of a decoded frame, straight from the decoder's planes.

Measuring needs a small image of every frame. Scaling whole frames through swscale costs more than
decoding them; shrinking the planes themselves is nearly free.

Belongs here: getting at planes and scaling them. Does not belong here: what is measured in them.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.frames import oriented, stored_size
from montage_pipeline.footage.decoding.plain import plain_frame
from montage_pipeline.footage.decoding.tone import chroma_gain, normalised
from montage_pipeline.footage.model import ClipFacts, LogProfile

Plane = NDArray[np.uint8]
"""One component of a frame, of shape (height, width)."""

_PLANAR_8 = {
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuvj422p",
    "yuv444p",
    "yuvj444p",
    "yuv440p",
}
_PLANAR_10 = {"yuv420p10le", "yuv422p10le", "yuv444p10le"}

# Pixels per pixel of the result that are read at least, each way: noise is averaged still, and 4K
# stays affordable.
_SAMPLES = 3

# By limited-range level (16..235): the level in full range.
_FULL_RANGE = np.clip((np.arange(256) - 16) * (255 / 219) + 0.5, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Planes:
    """One frame's luma and chroma as stored (not turned), 8 or 10 bits, at full size.

    They are views into the decoder's memory.
    """

    luma: NDArray[Any]
    u: NDArray[Any]
    v: NDArray[Any]
    bits: int
    full_range: bool


def planes_of(frame: VideoFrame, facts: ClipFacts) -> Planes:
    """The planes of the frame as the clip's own (`plain_frame`), valid while it lives. Formats
    without planar YUV are converted first.
    """
    frame = plain_frame(frame, facts)
    if frame.format.name not in _PLANAR_8 | _PLANAR_10:
        frame = frame.reformat(format="yuv420p")
    bits = 10 if frame.format.name in _PLANAR_10 else 8
    kind = np.uint16 if bits == 10 else np.uint8

    views = []
    for plane in frame.planes[:3]:
        values = np.frombuffer(plane, dtype=kind)  # type: ignore[call-overload]
        rows = values.reshape(plane.height, plane.line_size // kind().itemsize)
        views.append(rows[:, : plane.width])
    return Planes(views[0], views[1], views[2], bits, facts.full_range)


def small_luma(planes: Planes, facts: ClipFacts, max_side: int) -> Plane:
    """Upright full-range luma with square pixels, its longer side at most `max_side`."""
    luma = _eight_bits(_shrunk(planes.luma, stored_size(facts, max_side)), planes.bits)
    if not planes.full_range:
        luma = cv2.LUT(luma, _FULL_RANGE).astype(np.uint8, copy=False)
    if facts.log is not None:
        luma = cv2.LUT(luma, _curves(facts.log)[0]).astype(np.uint8, copy=False)
    return np.ascontiguousarray(oriented(luma, facts))


def small_chroma(planes: Planes, facts: ClipFacts, max_side: int) -> tuple[Plane, Plane]:
    """Upright U and V at the size that `small_luma` would give."""
    size = stored_size(facts, max_side)
    u, v = (_eight_bits(_shrunk(plane, size), planes.bits) for plane in (planes.u, planes.v))
    if facts.log is not None:
        gain = _curves(facts.log)[1]
        u, v = (cv2.LUT(plane, gain).astype(np.uint8, copy=False) for plane in (u, v))
    return np.ascontiguousarray(oriented(u, facts)), np.ascontiguousarray(oriented(v, facts))


def small_bgr(planes: Planes, facts: ClipFacts, max_side: int) -> NDArray[np.uint8]:
    """Upright colours, of shape (height, width, 3), at the size that `small_luma` would give.

    Near enough for recognising things: every clip is read as BT.601.
    """
    u, v = small_chroma(planes, facts, max_side)
    mixed = cv2.merge([small_luma(planes, facts, max_side), v, u])
    return cv2.cvtColor(mixed, cv2.COLOR_YCrCb2BGR).astype(np.uint8, copy=False)


@lru_cache(maxsize=16)
def _curves(log: LogProfile) -> tuple[Plane, Plane]:
    """What luma and chroma of a flat clip become, by their levels of 255 (tone.normalised)."""
    levels = np.arange(256)
    luma = np.rint(normalised(levels / 255, log) * 255)
    chroma = np.clip(np.rint(128 + (levels - 128) * chroma_gain(log)), 0, 255)
    return luma.astype(np.uint8), chroma.astype(np.uint8)


def shrunk_to(luma: Plane, facts: ClipFacts, max_side: int) -> Plane:
    """What `small_luma` gave, in the size that it gives for that smaller `max_side`.

    The size is the clip's own, rounded once: the planes of a clip are compared pixel by pixel, and
    528 × 592 shrunk by way of 480 pixels would be one pixel wider than shrunk at once.
    """
    width, height = stored_size(facts, max_side)
    size = (height, width) if facts.rotation_deg in (90, 270) else (width, height)
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def resized_like(luma: Plane, model: Plane) -> Plane:
    """A plane in the size of another one."""
    return cv2.resize(luma, model.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)


def _shrunk(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    width, height = size
    # INTER_AREA reads every pixel, so stride first.
    step = min(plane.shape[1] // (width * _SAMPLES), plane.shape[0] // (height * _SAMPLES))
    if step > 1:
        plane = np.ascontiguousarray(plane[::step, ::step])
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)


def _eight_bits(plane: NDArray[Any], bits: int) -> Plane:
    return plane if bits == 8 else (plane >> (bits - 8)).astype(np.uint8)
