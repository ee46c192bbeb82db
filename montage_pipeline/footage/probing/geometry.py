"""Size and orientation of a clip as a player shows it."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.media.plausible import MAX_PIXELS, MAX_SIDE, MIN_SIDE

if TYPE_CHECKING:
    from typing_extensions import Buffer

Rotation = Literal[0, 90, 180, 270]

_MAX_ASPECT = 10  # of the sides; a longer strip fills no format
# Of libavutil's AVStereo3DType and AVSphericalProjection: what no crop makes a plain view of.
_PACKINGS = {
    1: "both eyes side by side",
    2: "both eyes one above the other",
    3: "the eyes in turn",
    4: "both eyes in a checkerboard",
    5: "both eyes side by side",
    6: "the eyes line by line",
    7: "the eyes column by column",
}
_PROJECTIONS = {
    0: "equirectangular",
    1: "cube map",
    2: "equirectangular",
    3: "half equirectangular",
    5: "fisheye",
}

_MAX_SAMPLE_ASPECT = 10  # beyond it, or below its inverse, the container is mistaken


@dataclass(frozen=True)
class Geometry:
    """How stored frames become shown ones: mirrored first, then turned clockwise.

    `width` and `height` are as shown, with square pixels.
    """

    width: int
    height: int
    sample_aspect: Fraction
    rotation_deg: Rotation
    mirrored: bool


def geometry_of(stream: VideoStream, frame: VideoFrame) -> Geometry:
    """Size and orientation of a track, from its first frame.

    Raises PermanentError: CLIP_BAD_SIZE when it is too small, too large or too long a strip,
    CLIP_NOT_FLAT when it is tagged as 3D or 360° video.
    """
    _refuse_depth(frame)
    rotation_deg, mirrored = orientation(_display_matrix(frame))
    sample_aspect = _sample_aspect(stream)
    width, height = round(frame.width * sample_aspect), frame.height
    if rotation_deg in (90, 270):
        width, height = height, width

    refuse_size(width, height)
    return Geometry(width, height, sample_aspect, rotation_deg, mirrored)


def _refuse_depth(frame: VideoFrame) -> None:
    """Refuse what shows the world twice, or bent all around: a crop of it is no view of it."""
    packing = _PACKINGS.get(_first_number(frame, "STEREO3D"))
    projection = _PROJECTIONS.get(_first_number(frame, "SPHERICAL"))
    if packing is None and projection is None:
        return
    kind = f"360° video ({projection})" if projection else f"3D video ({packing})"
    raise PermanentError(
        ErrorCode.CLIP_NOT_FLAT,
        f"it is {kind}; export {'a flat view' if projection else 'one eye'} of it and use that",
    )


def _first_number(frame: VideoFrame, kind: str) -> int:
    """The first int32 of a frame's side data; -1 where it has none."""
    found = frame.side_data.get(kind)
    if found is None:
        return -1
    return int(np.frombuffer(bytes(cast("Buffer", found)), dtype=np.int32)[0])


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


def _display_matrix(frame: VideoFrame) -> bytes | None:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return bytes(cast("Buffer", matrix)) if matrix is not None else None


def _sample_aspect(stream: VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio or Fraction(1)
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
