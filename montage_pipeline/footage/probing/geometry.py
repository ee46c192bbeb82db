"""Size and orientation of a clip as a player shows it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import Sphere, View
from montage_pipeline.footage.probing.around import not_flat
from montage_pipeline.media.plausible import MAX_PIXELS, MAX_SIDE, MIN_SIDE
from montage_pipeline.media.side_data import side_data

Rotation = Literal[0, 90, 180, 270]

_MAX_ASPECT = 10  # of the sides; a longer strip fills no format
_MAX_ASPECT_OF_EYE = 2.4  # no format is wider: beyond it, an eye was squeezed

# Of libavutil's AVStereo3DType and AVSphericalProjection.
_SIDE_BY_SIDE, _ABOVE = 1, 2
_OTHER_PACKINGS = {
    3: "the eyes in turn",
    4: "both eyes in a checkerboard",
    5: "both eyes side by side, in a checkerboard",
    6: "the eyes line by line",
    7: "the eyes column by column",
}
_EQUIRECTANGULAR, _PART_OF_SPHERE, _HALF_SPHERE = 0, 2, 3
_FLAT = 4
_OTHER_PROJECTIONS = {1: "cube map", 5: "fisheye", 6: "immersive, by the maker's own projection"}
_SHOWN_PROJECTIONS = {_EQUIRECTANGULAR, _PART_OF_SPHERE, _HALF_SPHERE, _FLAT}
_BOUND = 2.0**32  # of a bound's value, which is a share of the whole sphere
_MIDDLE = 0.5  # of the sphere, as a bound: straight ahead
_POSE_FIELDS = 4  # int32 of the projection and its pose, before the four bounds

_WINDOW_DEG = 90.0  # a face of the cube around the camera: every format's crop fits into it

_WITHOUT_ASPECT = {"mpegts", "mpeg", "mpegvideo", "flv", "dv"}
"""Containers that say nothing of the aspect of pixels. Broadcasts and camcorders change it."""

_MAX_SAMPLE_ASPECT = 10  # beyond it, or below its inverse, the container is mistaken


@dataclass(frozen=True)
class Geometry:
    """How stored frames become shown ones: mirrored first, then turned clockwise.

    `width` and `height` are as shown, with square pixels; `coded_width` and `coded_height` are of
    the frame as stored, or of the `view` that is used of it.
    """

    width: int
    height: int
    coded_width: int
    coded_height: int
    sample_aspect: Fraction
    rotation_deg: Rotation
    mirrored: bool
    view: View | None = None

    @property
    def note(self) -> str:
        """What the user is told of the view; "" where whole frames are used."""
        if self.view is None:
            return ""
        eye = {"left": "side by side", "upper": "one above the other", None: ""}[self.view.eye]
        around = self.view.sphere is not None
        kind = "360° video" if around else "3D video"
        if eye:
            kind = f"{'3D ' if around else ''}{kind} (both eyes {eye})"
        used = f"the picture of the {self.view.eye} eye" if eye else ""
        if around:
            window = f"a flat view of {_WINDOW_DEG:g}° straight ahead"
            used = f"{window} in {used}" if used else window
        return f"it is {kind}; {used} is shown"


def geometry_of(frame: VideoFrame, sample_aspect: Fraction) -> Geometry:
    """Size and orientation of a track, from a frame of it and the aspect of its pixels.

    Of 3D video one eye is used, of 360° video a flat view of the middle.

    Raises PermanentError: CLIP_BAD_SIZE when it is too small, too large or too long a strip,
    CLIP_NOT_FLAT when it is tagged as 3D or 360° video of a kind that no such view is taken of.
    """
    refuse_size(frame.width, frame.height)
    rotation_deg, mirrored = orientation_of(frame) or (0, False)
    coded_width, coded_height = frame.width, frame.height
    view = _view(frame)
    if view is not None:
        coded_width, coded_height, sample_aspect = _seen(view, sample_aspect)

    width, height = round(coded_width * sample_aspect), coded_height
    if rotation_deg in (90, 270):
        width, height = height, width
    refuse_size(width, height)
    return Geometry(
        width, height, coded_width, coded_height, sample_aspect, rotation_deg, mirrored, view
    )


def _view(frame: VideoFrame) -> View | None:
    """What is used of frames that show the world twice, or bent all around: a crop of the whole is
    no view of it.
    """
    packing = _numbers(frame, "STEREO3D")[:1]
    projection = _numbers(frame, "SPHERICAL")
    other = _OTHER_PACKINGS.get(*packing) if packing else None
    if projection and projection[0] not in _SHOWN_PROJECTIONS:
        raise not_flat(_OTHER_PROJECTIONS.get(projection[0], "of an unknown projection"))
    if other:
        raise PermanentError(
            ErrorCode.CLIP_NOT_FLAT,
            f"it is 3D video ({other}); export one eye of it and use that",
        )
    eyes: dict[int, Literal["left", "upper"]] = {_SIDE_BY_SIDE: "left", _ABOVE: "upper"}
    eye = eyes.get(packing[0]) if packing else None
    sphere = _sphere(projection)
    if eye is None and sphere is None:
        return None
    return View(stored_width=frame.width, stored_height=frame.height, eye=eye, sphere=sphere)


def _sphere(projection: Sequence[int]) -> Sphere | None:
    """What an equirectangular frame shows; None for other frames."""
    kind = projection[0] if projection else None
    if kind == _HALF_SPHERE:
        return Sphere(left_deg=90, right_deg=90)
    if kind not in (_EQUIRECTANGULAR, _PART_OF_SPHERE):
        return None
    bounds = [value % _BOUND / _BOUND for value in projection[_POSE_FIELDS : _POSE_FIELDS + 4]]
    left, top, right, bottom = bounds
    if max(bounds) >= _MIDDLE:
        return Sphere()  # what is straight ahead is not in the frame: the tag is mistaken
    return Sphere(
        left_deg=180 - 360 * left,
        right_deg=180 - 360 * right,
        up_deg=90 - 180 * top,
        down_deg=90 - 180 * bottom,
    )


def _seen(view: View, sample_aspect: Fraction) -> tuple[int, int, Fraction]:
    """Width, height and pixel aspect of what a view shows."""
    width, height = view.stored_width, view.stored_height
    if view.eye == "left":
        width //= 2
    if view.eye == "upper":
        height //= 2
    if view.sphere is not None:
        side = window_side(view.sphere, width)
        return side, side, Fraction(1)
    # An eye is often squeezed to half its width or height, which no tag tells: the shape does.
    shape = width * sample_aspect / height
    if view.eye == "left" and shape < 1 and 2 * shape <= _MAX_ASPECT_OF_EYE:
        sample_aspect *= 2
    if view.eye == "upper" and shape > _MAX_ASPECT_OF_EYE:
        sample_aspect /= 2
    return width, height, sample_aspect


def window_deg(sphere: Sphere) -> float:
    """How many degrees a flat view straight ahead takes in, each way."""
    nearest = min(sphere.left_deg, sphere.right_deg, sphere.up_deg, sphere.down_deg)
    return min(_WINDOW_DEG, 2 * nearest)


def window_side(sphere: Sphere, width: int) -> int:
    """Pixels of a flat view, each way, from an equirectangular frame `width` pixels wide: in the
    middle it is as large as in the frame.
    """
    pixels_per_radian = width / math.radians(sphere.left_deg + sphere.right_deg)
    half = math.tan(math.radians(window_deg(sphere) / 2))
    return 2 * round(pixels_per_radian * half)


def _numbers(frame: VideoFrame, kind: str) -> list[int]:
    """The int32 that a frame's side data is made of; none where it has no such data."""
    content = side_data(frame, kind) or b""
    return [int(value) for value in np.frombuffer(content[: len(content) // 4 * 4], dtype=np.int32)]


def orientation(matrix: bytes | None) -> tuple[Rotation, bool]:
    """Read a display matrix (nine int32): the clockwise turn, and whether to mirror first.

    Mirroring swaps left and right. Both together undo any of the eight ways to hold a camera.
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


def orientation_of(frame: VideoFrame) -> tuple[Rotation, bool] | None:
    """The `orientation` that a frame is tagged with; None where it has no tag."""
    matrix = side_data(frame, "DISPLAYMATRIX")
    return None if matrix is None else orientation(matrix)


class OwnAspects:
    """The aspect of the pixels of each frame of a track, where frames speak for their own.

    In other files the container names one that holds for all. What is told is how much a frame's
    differs from the first one's: a rebuilt file has the container's beside it.
    """

    def __init__(self, stream: VideoStream, decoder: VideoCodecContext, *, told: bool) -> None:
        """`decoder`: of the stream, of which no more than the first frame was decoded."""
        self._decoder = decoder
        self._usual = plausible_aspect(stream.sample_aspect_ratio)
        self._first = decoder.sample_aspect_ratio if told else None

    def now(self) -> Fraction:
        """Of the frame that came out of the decoder last."""
        now = self._decoder.sample_aspect_ratio
        if not self._first or not now or now == self._first:
            return self._usual
        return plausible_aspect(self._usual * now / self._first)


def frames_tell_aspect(container: str, *, rebuilt: bool) -> bool:
    """Whether frames of such a container (FFmpeg's name of it) speak for the aspect of their own
    pixels, or those of a copy of its packets.
    """
    return rebuilt or container in _WITHOUT_ASPECT


def plausible_aspect(claimed: Fraction | None) -> Fraction:
    """The width of a pixel over its height, by a claim that may be missing or absurd."""
    aspect = claimed or Fraction(1)
    plausible = Fraction(1, _MAX_SAMPLE_ASPECT) <= aspect <= _MAX_SAMPLE_ASPECT
    return aspect if plausible else Fraction(1)


def refuse_size(width: int, height: int) -> None:
    """Raise PermanentError(CLIP_BAD_SIZE) for frames of a size that is not shown.

    Asked of the size that a container declares, before anything is decoded, and of the real one.
    """
    shortest, longest = min(width, height), max(width, height)
    if shortest < MIN_SIDE or longest > MAX_SIDE:
        limit = f"each side must be {MIN_SIDE} to {MAX_SIDE} pixels"
    elif width * height > MAX_PIXELS:
        limit = f"the limit is {MAX_PIXELS / 1e6:.0f} megapixels"
    elif longest > _MAX_ASPECT * shortest:
        limit = f"the longer side may be at most {_MAX_ASPECT} times the shorter one"
    else:
        return
    raise PermanentError(ErrorCode.CLIP_BAD_SIZE, f"its frames are {width}x{height}; {limit}")
