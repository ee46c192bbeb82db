"""Clips whose every frame carries its own number as black and white blocks, and reading the number
back.

The blocks are drawn on the displayed frame, in the middle, so that they survive a portrait crop,
scaling and H.264.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import ffmpeg_path

RgbFrame = NDArray[np.uint8]
Signal = Callable[[RgbFrame], NDArray[np.uint16]]
"""From BT.709 R'G'B' to the R'G'B' that a clip of another kind of colour stores, 0..65535."""
COLUMNS, ROWS = 3, 4
_MARGIN = 0.06  # of the frame's height around the grid


PATCHES = (
    ((200, 30, 30), (30, 150, 50), (50, 60, 190), (235, 235, 235)),
    ((224, 172, 140), (112, 72, 52), (128, 128, 128), (240, 200, 30)),
)
"""Colours above and below the blocks: the primaries and white; light skin, dark skin, grey and
yellow.
"""


@dataclass(frozen=True)
class CounterClip:
    """How to make one clip.

    `width` and `height` are displayed; `stored_width` differs when pixels are not square.
    """

    name: str
    fps: str = "30"
    frames: int = 60
    width: int = 320
    height: int = 240
    rotation_deg: int = 0
    mirrored: bool = False
    stored_width: int | None = None
    video: Sequence[str] = ("-c:v", "libx264", "-preset", "veryfast", "-g", "40", "-crf", "16")
    output: Sequence[str] = ()
    filters: str = "null"
    audio: str | None = None
    first: int = 0
    extra: Sequence[str] = ()
    raw_filters: bool = False  # `filters` alone decides the pixel format
    signal: Signal | None = None


def grid(width: int, height: int) -> list[tuple[float, float, float]]:
    """Centre x, centre y and side of each block, in pixels of a displayed frame."""
    side = height * (1 - 2 * _MARGIN) / ROWS
    side = min(side, height * 0.5 / COLUMNS)
    left, top = (width - side * COLUMNS) / 2, (height - side * ROWS) / 2
    return [
        (left + side * (n % COLUMNS + 0.5), top + side * (n // COLUMNS + 0.5), side)
        for n in range(COLUMNS * ROWS)
    ]


def patches(
    width: int, height: int
) -> list[tuple[tuple[float, float, float, float], tuple[int, int, int]]]:
    """Left, top, right and bottom of each patch of colour in pixels of a displayed frame, and its
    colour.
    """
    (left, top, side), (right, bottom, _) = grid(width, height)[0], grid(width, height)[-1]
    left, right, above, below = (
        left - side / 2,
        right + side / 2,
        top - side / 2,
        height - (bottom + side / 2),
    )
    across = (right - left) / len(PATCHES[0])
    return [
        (
            (
                left + column * across,
                begin + 0.1 * high,
                left + (column + 1) * across,
                begin + 0.9 * high,
            ),
            colour,
        )
        for colours, begin, high in zip(PATCHES, (0.0, height - below), (above, below), strict=True)
        for column, colour in enumerate(colours)
    ]


def drawn(number: int, width: int, height: int) -> RgbFrame:
    """A displayed RGB frame that carries `number`; the background is a gradient with a colour in
    each corner, and patches.
    """
    frame = _unnumbered(width, height).copy()
    for bit, (cx, cy, side) in enumerate(grid(width, height)):
        half = side / 2
        frame[round(cy - half) : round(cy + half), round(cx - half) : round(cx + half)] = (
            235 if number >> bit & 1 else 16
        )
    return frame


@lru_cache(maxsize=4)
def _unnumbered(width: int, height: int) -> RgbFrame:
    """What all frames of this size have in common."""
    x, y = np.meshgrid(np.linspace(40, 215, width), np.linspace(40, 215, height))
    frame = np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)
    for (left, top, right, bottom), colour in patches(width, height):
        frame[round(top) : round(bottom), round(left) : round(right)] = colour
    return frame


def read_number(frame: RgbFrame, facts: ClipFacts, crop: CropRect) -> int:
    """The number in an output frame that shows `crop` of a clip."""
    grey = frame.mean(axis=-1) if frame.ndim == 3 else frame
    height, width = grey.shape
    number = 0
    for bit, (cx, cy, side) in enumerate(grid(facts.width, facts.height)):
        scale_x, scale_y = width / crop.width, height / crop.height
        x, y, half = (
            (cx - crop.x) * scale_x,
            (cy - crop.y) * scale_y,
            side * 0.2 * min(scale_x, scale_y),
        )
        number |= (
            int(
                grey[int(y - half) : int(y + half) + 1, int(x - half) : int(x + half) + 1].mean()
                > 125
            )
            << bit
        )
    return number


def write_clip(clip: CounterClip, folder: Path) -> FetchedClip:
    """Encode the clip and return it as if fetched."""
    path = folder / clip.name
    if clip.rotation_deg or clip.mirrored:
        unturned = path.with_name(f"plain-{clip.name}")
        _encode(clip, unturned)
        _mark_as_turned(clip, unturned, path)
    else:
        _encode(clip, path)
    return FetchedClip(
        url=f"https://clips.test/{clip.name}", path=path, sha256="0" * 64, bytes=path.stat().st_size
    )


def _encode(clip: CounterClip, output: Path) -> None:
    """Encode the frames as they are stored, before any turn."""
    stored = [
        _as_stored(drawn(clip.first + number, clip.width, clip.height), clip)
        for number in range(clip.frames)
    ]
    height, width = stored[0].shape[:2]
    source = [
        *("-f", "rawvideo", "-pix_fmt", "rgb48le" if clip.signal else "rgb24"),
        *("-video_size", f"{width}x{height}", "-framerate", clip.fps, "-i", "pipe:0"),
    ]
    if clip.audio:
        source += ["-f", "lavfi", "-i", clip.audio]
    conversion = (
        "" if clip.raw_filters else "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p,"
    )
    pixel_shape = f"{clip.width}/{clip.stored_width}" if clip.stored_width else "1/1"
    chain = f"{clip.filters},{conversion}setsar={pixel_shape}"
    options = ["-vf", chain, *clip.video, *clip.extra, "-fps_mode", "passthrough", *clip.output]
    coded = (clip.signal(frame) if clip.signal else frame for frame in stored)
    run([*source, *options, str(output)], b"".join(frame.tobytes() for frame in coded))


def _mark_as_turned(clip: CounterClip, unturned: Path, output: Path) -> None:
    """Copy the file, with a display matrix."""
    # FFmpeg's option gives the counter-clockwise turn and mirrors afterwards.
    turn_deg = clip.rotation_deg if clip.mirrored else -clip.rotation_deg
    matrix = ["-display_rotation:v:0", str(turn_deg)]
    if clip.mirrored:
        matrix.append("-display_hflip:v:0")
    run([*matrix, "-i", str(unturned), "-map", "0", "-c", "copy", str(output)])


def run(args: Sequence[str], stdin: bytes = b"") -> None:
    """FFmpeg, quietly; its words in the failure."""
    done = subprocess.run(
        [ffmpeg_path(), "-y", "-loglevel", "error", *args],
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def facts_of(clip: FetchedClip) -> ClipFacts:
    """The probe's facts."""
    return probe(clip)


def source_times(path: Path, stream: int) -> list[float]:
    """Presentation times of all frames, ascending, as PyAV decodes them."""
    with av.open(str(path)) as container:
        frames = [
            frame
            for frame in container.decode(container.streams[stream])
            if isinstance(frame, VideoFrame)
        ]
        return sorted(float(frame.time) for frame in frames if frame.time is not None)


def expected_number(times: Sequence[float], at_s: float, first: int = 0) -> int:
    """The number on screen at a presentation time: that of the last frame which is not later (1 ms
    of rounding).
    """
    return first + max(index for index, time_s in enumerate(times) if time_s <= at_s + 0.001)


def _as_stored(frame: RgbFrame, clip: CounterClip) -> RgbFrame:
    """Undo what a player does: the turn, then the mirror; and squeeze to the stored width."""
    frame = np.rot90(frame, k=clip.rotation_deg // 90)
    if clip.mirrored:
        frame = frame[:, ::-1]
    if clip.stored_width:
        columns = (np.arange(clip.stored_width) * frame.shape[1] / clip.stored_width).astype(int)
        frame = frame[:, columns]
    return np.ascontiguousarray(frame)
