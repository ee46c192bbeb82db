"""Footage made on the spot by FFmpeg, for tests."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.packets import IndexedClip, index_clip
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg

CARD = "testsrc2=size={size}:rate={rate}"
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
HEVC_10 = (
    *("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
    *("-x265-params", "log-level=none"),
)


def scenery(path: Path, seed: int = 1, size: tuple[int, int] = (1400, 450)) -> Path:
    """A PNG at `path` with the statistics of a photograph: detail at every scale, colour, light."""
    path.write_bytes(_scenery_png(seed, size))
    return path


@lru_cache(maxsize=64)
def _scenery_png(seed: int, size: tuple[int, int]) -> bytes:
    random = np.random.default_rng(seed)
    width, height = size
    image = np.zeros((height, width, 3), dtype=np.float32)
    for octave in range(1, 9):
        cells = (2**octave * 9 // 16 + 2, 2**octave + 2, 3)
        noise = random.normal(size=cells).astype(np.float32)
        image += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) / octave
    for _ in range(50):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        side = int(random.integers(10, 90))
        colour = [float(value) for value in random.normal(scale=2, size=3)]
        cv2.rectangle(image, (x, y), (x + side, y + side // 2), colour, -1)

    spread = (image - image.mean()) / image.std()
    levels = np.clip(125 + 55 * spread, 0, 255).astype(np.uint8)
    return cv2.imencode(".png", levels)[1].tobytes()


def grey_scenery(path: Path, seed: int) -> NDArray[np.uint8]:
    """The luma of a scenery, which is left at `path`."""
    grey = cv2.imread(str(scenery(path, seed=seed)), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    return grey.astype(np.uint8)


def filmed(image: Path, movement: str = "x=20+2*n:y=20") -> str:
    """A lavfi source for make_clip that films an image; `movement` are crop's expressions."""
    endless = f"movie=filename='{image}',loop=-1:1,fps={{rate}},setpts=N/({{rate}}*TB)"
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
    output: Sequence[str] = (*H264, "-crf", "18"),
) -> Path:
    """One generated clip.

    `filters` is a -vf chain, `before` further inputs, `output` the encoding.
    """
    inputs = ["-f", "lavfi", "-i", source.format(size=size, rate=rate), *before]
    chain = ["-vf", filters] if filters else []
    run_ffmpeg(["-y", *inputs, "-t", str(duration_s), *chain, *output, str(path)])
    return path


def concatenated(path: Path, scenes: Sequence[tuple[str, float]], encoding: Sequence[str]) -> Path:
    """Scenes (a lavfi source and seconds each) back to back in one clip."""
    inputs: list[str] = []
    for source, seconds in scenes:
        inputs += ["-f", "lavfi", "-t", f"{seconds:.3f}", "-i", f"{source},setsar=1"]
    streams = "".join(f"[{place}:v]" for place in range(len(scenes)))
    graph = f"{streams}concat=n={len(scenes)}:v=1"
    run_ffmpeg(["-y", *inputs, "-filter_complex", graph, *encoding, str(path)])
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


def indexed(path: Path) -> IndexedClip:
    """The clip, ready for decoding."""
    return index_clip(path, probe(fetched(path)))
