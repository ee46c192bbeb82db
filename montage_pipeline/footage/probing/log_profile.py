"""Whether a clip is coded in a log profile: flat and pale, as cameras record it for grading.

By tags where there are any: the transfer function, what Apple and Blackmagic write (the `logs` box
of a sample entry, `com.apple.proapps.customgamma`), the XML that Sony and others embed
(`CaptureGammaEquation`). Else by the levels of frames from all over the clip.

Belongs here: recognising it, and its black and white. Does not belong here: what is done about it
(decoding.tone).
"""

import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, ColorTrc
from numpy.typing import NDArray

from montage_pipeline.footage.model import LogProfile
from montage_pipeline.footage.probing.boxes import DESCRIPTIONS, Box, boxes_at
from montage_pipeline.footage.probing.sizes import spread_frames
from montage_pipeline.footage.probing.tracks import VideoTrack

_NAMES = (
    (r"s-?log ?3", "S-Log3"),
    (r"s-?log ?2", "S-Log2"),
    (r"s-?log", "S-Log"),
    (r"v-?log", "V-Log"),
    (r"apple-?log", "Apple Log"),
    (r"(canon|c)-?log", "Canon Log"),
    (r"d-?log", "D-Log"),
    (r"f-?log", "F-Log"),
    (r"n-?log", "N-Log"),
    (r"log-?c", "LogC"),
    (r"film", "Blackmagic Film"),
    (r"(^|[^a-z])log", "log"),  # which one is not said
)
"""What a tag says, the first that is found, and how people call it."""

_GAMMA_KEYS = re.compile(r"gamma|(colou?r|picture|log).?profile", re.IGNORECASE)
"""Of metadata that names how light is coded. A title with "vlog" in it names something else."""

_XML_GAMMA = re.compile(rb'CaptureGammaEquation"\s+value="([^"]{1,40})"')
_APPLE_LOG = re.compile(rb"logs.{0,8}?(com\.apple\.[\w.-]{1,40})", re.DOTALL)
_MAX_BOX_BYTES = 1 << 18  # of text, or of a sample entry
_WAYS_TO_TEXT = ((b"meta",), (b"moov", b"meta"), (b"moov", b"udta", b"meta"))

_LOOKS = 8
_LOOK_WIDTH = 160  # pixels: noise is averaged
_BLACK_PERCENTILE, _WHITE_PERCENTILE = 0.2, 99.8

# Of a clip without tags, in levels from 0 to 1. Nothing in it is black: log curves code black at
# 0.07 to 0.13. More is haze or fog, which lifts it further.
_MIN_FLOOR, _MAX_FLOOR = 0.085, 0.2
# Nothing in it is white: they code white at 0.57 to 0.62. Snow, clouds and fog exceed this.
_MAX_CEILING = 0.72
_MIN_SPREAD = 0.3  # fog leaves less
_MIN_MIDDLE, _MAX_MIDDLE = 0.12, 0.48  # median; fog and snow are exposed brighter, nights darker
_MAX_CHROMA = 0.06  # mean distance from grey

# Cameras record log with 10 bits, other video of 10 bits is HDR, which is told by its tags. Some of
# them keep to video levels, so that black lies lower and bright highlights higher.
_DEEP_BITS, _DEEP_MIN_FLOOR, _DEEP_MAX_CEILING = 10, 0.05, 0.85

# The curve brings black and white no further than these: a scene without either stays what it is.
_FLOOR_LIMITS, _CEILING_LIMITS = (0.02, 0.13), (0.6, 0.95)


@dataclass(frozen=True)
class Levels:
    """Levels of a clip, 0..1: its darkest, its median and its brightest luma, its mean chroma."""

    floor: float
    middle: float
    ceiling: float
    chroma: float

    def are_flat(self, bits: int) -> bool:
        """Whether only a log curve leaves video so flat."""
        deep = bits >= _DEEP_BITS
        floor, ceiling = (
            (_DEEP_MIN_FLOOR, _DEEP_MAX_CEILING) if deep else (_MIN_FLOOR, _MAX_CEILING)
        )
        return (
            floor <= self.floor <= _MAX_FLOOR
            and self.floor + _MIN_SPREAD <= self.ceiling <= ceiling
            and _MIN_MIDDLE <= self.middle <= _MAX_MIDDLE
            and self.chroma <= _MAX_CHROMA
        )


def log_profile_of(
    path: Path, container: InputContainer, video: VideoTrack, span_s: tuple[float, float]
) -> LogProfile | None:
    """The log profile of an SDR clip (`span_s`: its start and end); None for other clips."""
    name = _tagged(path, container, video)
    first = [video.first_frame]
    bits = max(component.bits for component in video.first_frame.format.components)
    if not name and levels_of(first).floor < min(_MIN_FLOOR, _DEEP_MIN_FLOOR):
        return None  # most clips: nothing more is decoded for them
    frames = spread_frames(container, video.stream, span_s, _LOOKS)
    levels = levels_of([*first, *frames])
    if not name and not levels.are_flat(bits):
        return None
    return LogProfile(
        name=name,
        floor=round(float(np.clip(levels.floor, *_FLOOR_LIMITS)), 4),
        ceiling=round(float(np.clip(levels.ceiling, *_CEILING_LIMITS)), 4),
    )


def levels_of(frames: Sequence[VideoFrame]) -> Levels:
    """The levels of all frames together."""
    planes = [_planes(frame) for frame in frames]
    luma = np.concatenate([plane[0] for plane in planes]) / 255
    chroma = np.concatenate([plane[1] for plane in planes])
    floor, middle, ceiling = np.percentile(luma, (_BLACK_PERCENTILE, 50, _WHITE_PERCENTILE))
    return Levels(float(floor), float(middle), float(ceiling), float(chroma.mean()))


def _planes(frame: VideoFrame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A small frame's luma (0..255) and distance from grey (0..1), in one row each."""
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    height = max(2, round(_LOOK_WIDTH * frame.height / frame.width))
    small = frame.reformat(
        _LOOK_WIDTH,
        height,
        "yuv444p",
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
    luma, u, v = small.to_ndarray().astype(np.float32)
    return luma.ravel(), (np.hypot(u - 128, v - 128) / 255).ravel()


def _tagged(path: Path, container: InputContainer, video: VideoTrack) -> str:
    """What the clip says of itself; "" when it says nothing."""
    if video.first_frame.color_trc in (ColorTrc.LOG, ColorTrc.LOG_SQRT):
        return "log"
    metadata = {**container.metadata, **video.stream.metadata}
    values = [value for key, value in metadata.items() if _GAMMA_KEYS.search(key)]
    found = (_named(value) for value in (*values, *_written_in(path)))
    return next((name for name in found if name), "")


def _named(value: str) -> str:
    """The profile that a tag's value names; "" for none."""
    return next((name for pattern, name in _NAMES if re.search(pattern, value.lower())), "")


def _written_in(path: Path) -> list[str]:
    """What stands in boxes of the file that FFmpeg does not read."""
    found: list[bytes] = []
    with suppress(OSError, struct.error), path.open("rb") as file:

        def content(box: Box) -> bytes:
            file.seek(box.start)
            return file.read(min(box.end - box.start, _MAX_BOX_BYTES))

        for way in _WAYS_TO_TEXT:
            for box in list(boxes_at(file, way)):
                found += _XML_GAMMA.findall(content(box))
        for box in list(boxes_at(file, DESCRIPTIONS)):
            found += _APPLE_LOG.findall(content(box))
    return [value.decode("ascii", "replace") for value in found]
