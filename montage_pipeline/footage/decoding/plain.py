"""Every decoded frame as a frame of its clip: over black where it is transparent, one eye of 3D
video, a flat view of 360° video, frames of another shape, orientation or aspect of pixels than the
clip's fitted in.

Whoever looks at a frame, analysis and renderer, takes it through `plain_frame` first, so that both
see the same. Frames stay as they are coded: no other colour is changed here.

Belongs here: geometry and transparency of whole frames, on their planes. Does not belong here:
which view a clip gets (probing.geometry), frames that differ in size only (frames).
"""

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from montage_pipeline.footage.model import ClipFacts, Sphere
from montage_pipeline.footage.probing.geometry import (
    OwnAspects,
    frames_tell_aspect,
    orientation_of,
    window_deg,
)
from montage_pipeline.footage.transparency import has_alpha

Plane = NDArray[Any]
"""One component of a frame, of shape (height, width)."""

_SAME_SHAPE_PX = 1.0  # sizes are rounded to whole pixels
_LIMITED_BLACK, _NEUTRAL = 16, 128  # levels of 8 bits
_UPRIGHT = (0, False)
_EVEN = 2  # bars begin between chroma samples


class _Told(NamedTuple):
    """What is said of a frame: the clockwise turn, whether to mirror first, and the width of a
    pixel over its height, None where it is the clip's.
    """

    rotation_deg: int = 0
    mirrored: bool = False
    sample_aspect: Fraction | None = None


class Turning:
    """How frames are to be shown, in order of time: what one says holds until the next keyframe.

    H.264 and HEVC repeat their tags with keyframes only. Those of a container are on every frame.
    """

    def __init__(self, stream: VideoStream, decoder: VideoCodecContext, facts: ClipFacts) -> None:
        """`decoder`: of the stream, before it has decoded anything."""
        told = facts.view is None and frames_tell_aspect(facts.container, rebuilt=facts.rebuilt)
        self._aspects = OwnAspects(stream, decoder, told=told) if told else None
        self._tag: tuple[int, bool] | None = None
        self._aspect: Fraction | None = None

    def tagged(self, frame: VideoFrame) -> VideoFrame:
        """The frame, with what holds for it."""
        own = orientation_of(frame)
        if own is not None or frame.key_frame:
            self._tag = own
        # Frames before a keyframe may come out when it has been read already.
        if self._aspects is not None and (frame.key_frame or self._aspect is None):
            self._aspect = self._aspects.now()
        frame.opaque = _Told(*(self._tag or _UPRIGHT), self._aspect)
        return frame


def is_usual(frame: VideoFrame, facts: ClipFacts) -> bool:
    """Whether a frame is as the probe found its clip's: of the same shape, pixels' aspect and
    orientation, whatever its size; of the same size, too, where a view is taken of it.
    """
    if _quarter_turns(frame, facts) or _pixel_width(frame, facts) != 1:
        return False
    view = facts.view
    if view is not None:
        return (frame.width, frame.height) == (view.stored_width, view.stored_height)
    return _has_shape(frame, facts)


def plain_frame(frame: VideoFrame, facts: ClipFacts) -> VideoFrame:
    """The frame as one of the clip's own shape and orientation, without transparency; itself where
    it is that already.

    Nothing is stretched: bars fill what is left. What is transparent is black, as players have it.
    """
    turns = _quarter_turns(frame, facts)
    as_it_is = facts.view is None and is_usual(frame, facts)
    if has_alpha(facts):
        frame = _over_black(frame, facts)
    if as_it_is:
        return frame
    is_turned = turns % 2 == 1
    planar = _planar(frame, turned=is_turned)
    widening = _pixel_width(frame, facts, turned=is_turned)
    made = VideoFrame(facts.coded_width, facts.coded_height, planar.format.name)
    for number, plane in enumerate(_planes(planar)):
        size = (made.planes[number].width, made.planes[number].height)
        if facts.view is not None:
            shown = _viewed(plane, facts, size)
        else:
            blank = _blank_level(planar.format, number, facts)
            shown = _fitted(np.rot90(plane, turns), widening, size, blank)
        _fill(made, number, shown)
    return made


def size_share(frame: VideoFrame, facts: ClipFacts) -> float:
    """How large the frame is beside the clip's, along each side, at most 1."""
    if facts.view is not None:
        return min(1.0, frame.width / facts.view.stored_width)
    width, height = frame.width * _pixel_width(frame, facts), float(frame.height)
    if _quarter_turns(frame, facts) % 2:
        width, height = float(frame.height), float(frame.width)
    return min(1.0, max(width / facts.coded_width, height / facts.coded_height))


def _quarter_turns(frame: VideoFrame, facts: ClipFacts) -> int:
    """Counter-clockwise quarter turns after which the clip's own orientation is the frame's.

    Of frames that `Turning` has seen; others are taken to be as their clip is, and a clip that is
    mirrored to stay so.
    """
    if not isinstance(frame.opaque, _Told):
        return 0
    return (facts.rotation_deg - frame.opaque.rotation_deg) // 90 % 4


def _pixel_width(frame: VideoFrame, facts: ClipFacts, *, turned: bool = False) -> float:
    """How wide the frame's pixels are beside the clip's, once they were turned with the frame."""
    usual = facts.sample_aspect.fraction if facts.sample_aspect else Fraction(1)
    told = frame.opaque.sample_aspect if isinstance(frame.opaque, _Told) else None
    own = usual if told is None else told
    return float((1 / own if turned else own) / usual)


def _has_shape(frame: VideoFrame, facts: ClipFacts) -> bool:
    width = frame.height * facts.coded_width / facts.coded_height
    height = frame.width * facts.coded_height / facts.coded_width
    return min(abs(width - frame.width), abs(height - frame.height)) <= _SAME_SHAPE_PX


def _over_black(frame: VideoFrame, facts: ClipFacts) -> VideoFrame:
    """The frame without its transparency; itself where the decoder gave none."""
    layout = frame.format
    if not any(part.is_alpha for part in layout.components):
        return frame
    if len(frame.planes) != len(layout.components):
        deep = max(part.bits for part in layout.components) > 8
        frame = frame.reformat(format="gbrap16le" if deep else "gbrap")
    *shown, opacity = _planes(frame)
    made = VideoFrame(frame.width, frame.height, _without_alpha(frame.format.name))
    for number, plane in enumerate(shown):
        blank = _blank_level(made.format, number, facts)
        _fill(made, number, _faded(plane, opacity, blank, made.format.components[0].bits))
    return made


def _without_alpha(planar: str) -> str:
    """The pixel format that lacks the last plane of this one: "yuva420p" gives "yuv420p"."""
    return planar.replace("yuva", "yuv").replace("gbrap", "gbrp")


def _faded(plane: Plane, opacity: Plane, blank: int, bits: int) -> Plane:
    """The plane, by its opacity, over an even one of that level."""
    import cv2

    if opacity.shape != plane.shape:
        opacity = cv2.resize(opacity, plane.shape[::-1], interpolation=cv2.INTER_AREA)
    full = (1 << bits) - 1
    covered = cv2.multiply(plane, opacity, scale=1 / full)
    return cv2.addWeighted(covered, 1.0, opacity, -blank / full, blank) if blank else covered


def _planar(frame: VideoFrame, *, turned: bool) -> VideoFrame:
    """The frame with a plane for each component, turned ones with chroma that can be turned."""
    layout = frame.format
    components = layout.components
    alone = len(frame.planes) == len(components) and not layout.has_palette
    turnable = layout.chroma_width(8) == layout.chroma_height(8)
    if alone and (turnable or not turned):
        return frame
    deep = max(component.bits for component in components) > 8
    if layout.is_rgb or layout.has_palette:
        return frame.reformat(format="gbrp16le" if deep else "gbrp")
    return frame.reformat(format="yuv420p10le" if deep else "yuv420p")


def _planes(frame: VideoFrame) -> list[Plane]:
    kind = np.uint16 if max(part.bits for part in frame.format.components) > 8 else np.uint8
    planes = []
    for plane in frame.planes:
        values = np.frombuffer(plane, dtype=kind)  # type: ignore[call-overload]
        rows = values.reshape(-1, plane.line_size // kind().itemsize)
        planes.append(rows[: plane.height, : plane.width])
    return planes


def _fill(frame: VideoFrame, number: int, values: Plane) -> None:
    plane = frame.planes[number]
    rows = np.zeros((plane.height, plane.line_size // values.itemsize), dtype=values.dtype)
    rows[:, : plane.width] = values
    plane.update(rows.tobytes())


def _blank_level(layout: VideoFormat, number: int, facts: ClipFacts) -> int:
    """The level of black in a plane."""
    component = layout.components[number]
    if layout.is_rgb or component.is_alpha:
        return 0
    scale = 1 << (component.bits - 8)
    # PyAV takes colour differences of full size for none.
    if number > 0:
        return _NEUTRAL * scale
    return 0 if facts.full_range else _LIMITED_BLACK * scale


def _fitted(plane: Plane, widening: float, size: tuple[int, int], blank: int) -> Plane:
    """The whole plane in the middle of one of another shape; its pixels are wider by `widening`."""
    import cv2

    width, height = size
    wide = plane.shape[1] * widening
    scale = min(width / wide, height / plane.shape[0])
    inner = _even(wide * scale, width), _even(plane.shape[0] * scale, height)
    left, top = ((outer - own) // 2 for outer, own in zip(size, inner, strict=True))

    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = np.full((height, width), blank, dtype=plane.dtype)
    fitted = cv2.resize(np.ascontiguousarray(plane), inner, interpolation=method)
    shown[top : top + inner[1], left : left + inner[0]] = fitted
    return shown


def _even(length: float, outer: int) -> int:
    """A length that leaves bars of the same whole length on both sides."""
    return outer - _EVEN * round((outer - length) / _EVEN)


def _viewed(plane: Plane, facts: ClipFacts, size: tuple[int, int]) -> Plane:
    """The clip's view of a plane."""
    import cv2

    view = facts.view
    assert view is not None
    if view.eye == "left":
        plane = plane[:, : plane.shape[1] // 2]
    elif view.eye == "upper":
        plane = plane[: plane.shape[0] // 2]
    if view.sphere is not None:
        across, down = _window(view.sphere, plane.shape[1], plane.shape[0], size)
        whole = np.ascontiguousarray(plane)
        return cv2.remap(whole, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if plane.shape[::-1] == size:
        return plane
    return cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_AREA)


@lru_cache(maxsize=4)  # luma and chroma of the clips that are looked at at once
def _window(
    sphere: Sphere, width: int, height: int, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of a flat view straight ahead lies in an equirectangular plane: x and y."""
    half = math.tan(math.radians(window_deg(sphere) / 2))
    x = ((np.arange(size[0]) + 0.5) / size[0] * 2 - 1) * half
    y = ((np.arange(size[1]) + 0.5) / size[1] * 2 - 1) * half
    right, below = np.meshgrid(x, y)
    longitude = np.degrees(np.arctan(right))
    latitude = np.degrees(np.arctan2(below, np.hypot(right, 1.0)))

    across = (longitude + sphere.left_deg) / (sphere.left_deg + sphere.right_deg) * width - 0.5
    down = (latitude + sphere.up_deg) / (sphere.up_deg + sphere.down_deg) * height - 0.5
    return across.astype(np.float32), down.astype(np.float32)
