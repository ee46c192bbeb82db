"""The one decoding of a finished file: what FFmpeg complains of, and the frames that are looked at.

Belongs here: decoding everything, strictly, and keeping frames on the way. Does not belong here:
what the frames ought to show (`likeness`), which of them stand for the Reel (`covers`).
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.opening import REEL_FORMATS, input_args

_DECODED = re.compile(r"frame=\s*(\d+)")
_REASON_LINES = 3

_JPEG_QUALITY = "2"
"""FFmpeg's scale, from 2 (best) to 31."""

_TO_JPEG_COLOURS = (
    # JPEG viewers assume full-range BT.601, whatever the video was.
    "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc"
    ":flags=accurate_rnd,format=yuvj420p"
)


class Samples(NamedTuple):
    """Frames, by number and rising, that are to be kept at this width and height."""

    numbers: Sequence[int]
    size: tuple[int, int]


@dataclass(frozen=True)
class Decoded:
    """Frames that FFmpeg decodes when any damage is an error, and what it complains about.

    `shown` are the samples, small: Y, U and V.
    """

    frames: int
    shown: list[NDArray[np.uint8]]
    complaint: str = ""


def decode(path: Path, samples: Samples, stills: Mapping[int, Path]) -> Decoded:
    """Decode everything with FFmpeg; keep the samples, and write the frames of these numbers as
    JPEGs of the video's size. A still appears only when it is whole, and not at all where the file
    has no such frame, or is damaged.
    """
    strict = ["-xerror", "-err_detect", "explode"]
    source = input_args(path, REEL_FORMATS)
    nowhere = ["-map", "0", "-fps_mode", "passthrough", "-f", "null", "-"]
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".check-") as folder:
        small, jpegs = Path(folder) / "frames.yuv", Path(folder) / "%d.jpg"
        kept = [
            *(_kept_samples(samples, small) if samples.numbers else []),
            *(_kept_stills(sorted(stills), jpegs) if stills else []),
        ]
        try:
            log = run_ffmpeg(
                ["-stats", "-loglevel", "info", *strict, *source, *nowhere, *kept],
                code=ErrorCode.BAD_RENDER,
            )
        except MontageError as error:
            lines = error.message.splitlines()
            return Decoded(0, [], f" ({' / '.join(lines[-_REASON_LINES:])})")
        shown = _frames_of(small, samples.size) if samples.numbers else []
        for place, number in enumerate(sorted(stills), start=1):
            jpeg = Path(folder) / f"{place}.jpg"
            if jpeg.is_file():
                jpeg.replace(stills[number])
    counts = _DECODED.findall(log)
    return Decoded(int(counts[-1]) if counts else 0, shown)


def _kept_samples(samples: Samples, output: Path) -> list[str]:
    """A further output of the same decoding: these frames at a small size."""
    width, height = samples.size
    small = f"{_chosen(samples.numbers)},scale={width}:{height}:flags=area,format=yuv444p"
    target = ["-fps_mode", "passthrough", "-f", "rawvideo", f"file:{output}"]
    return ["-map", "0:v:0", "-vf", small, *target]


def _kept_stills(numbers: Sequence[int], output: Path) -> list[str]:
    """One more: these frames as JPEGs, counted from 1."""
    target = ["-fps_mode", "passthrough", "-q:v", _JPEG_QUALITY, "-f", "image2", f"file:{output}"]
    return ["-map", "0:v:0", "-vf", f"{_chosen(numbers)},{_TO_JPEG_COLOURS}", *target]


def _chosen(numbers: Sequence[int]) -> str:
    return "select=" + "+".join(f"eq(n\\,{number})" for number in numbers)


def _frames_of(path: Path, size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    width, height = size
    content = np.frombuffer(path.read_bytes() if path.is_file() else b"", dtype=np.uint8)
    whole = len(content) // (3 * width * height)
    return list(content[: 3 * whole * width * height].reshape(whole, 3, height, width))
