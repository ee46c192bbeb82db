"""Footage made on the spot by FFmpeg, for tests."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.media.ffmpeg import run_ffmpeg

CARD = "testsrc2=size={size}:rate={rate}"


def scenery(path: Path, seed: int = 1, size: tuple[int, int] = (1400, 450)) -> Path:
    """A still picture with the statistics of a photograph: detail at every scale, colour, light and
    dark. A PNG at `path`.
    """
    path.write_bytes(_scenery_png(seed, size))
    return path


@lru_cache(maxsize=64)
def _scenery_png(seed: int, size: tuple[int, int]) -> bytes:
    chance = np.random.default_rng(seed)
    width, height = size
    picture = np.zeros((height, width, 3), dtype=np.float32)
    for octave in range(1, 9):
        cells = (2**octave * 9 // 16 + 2, 2**octave + 2, 3)
        layer = cv2.resize(
            chance.normal(size=cells).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        picture += layer / octave
    for _ in range(50):
        x, y, side = (
            int(value)
            for value in (
                chance.integers(0, width),
                chance.integers(0, height),
                chance.integers(10, 90),
            )
        )
        colour = tuple(float(value) for value in chance.normal(scale=2, size=3))
        cv2.rectangle(picture, (x, y), (x + side, y + side // 2), colour, -1)
    spread = (picture - picture.mean()) / picture.std()
    return cv2.imencode(".png", np.clip(125 + 55 * spread, 0, 255).astype(np.uint8))[1].tobytes()


def filmed(picture: Path, movement: str = "x=20+2*n:y=20") -> str:
    """A lavfi source that films a picture, to be used with make_clip;

    `movement` are crop's expressions.
    """
    endless = f"movie=filename='{picture}',loop=-1:1,fps={{rate}},setpts=N/({{rate}}*TB)"
    return f"{endless},crop=640:360:{movement},scale={{size}}:out_range=limited,format=yuv420p"


def make_clip(
    path: Path,
    *,
    source: str = CARD,
    size: str = "320x180",
    rate: str = "30",
    duration_s: float = 2.0,
    filters: str = "",
    before: Sequence[str] = (),
    output: Sequence[str] = (
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-crf",
        "18",
        "-pix_fmt",
        "yuv420p",
    ),
) -> Path:
    """One generated clip;

    `filters` is a -vf chain, `before` further inputs, `output` the encoding.
    """
    made_by = source.format(size=size, rate=rate)
    chain = ["-vf", filters] if filters else []
    run_ffmpeg(
        [
            "-y",
            "-f",
            "lavfi",
            "-i",
            made_by,
            *before,
            "-t",
            str(duration_s),
            *chain,
            *output,
            str(path),
        ]
    )
    return path


def fetched(path: Path, sha256: str | None = None) -> FetchedClip:
    """The clip as the fetcher would hand it over."""
    content = path.read_bytes()
    return FetchedClip(
        url=f"file://{path}",
        path=path,
        sha256=sha256 or hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )
