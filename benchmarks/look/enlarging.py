"""Frames shrunk and enlarged again, held against what they had been."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rendering.video.enlarging import sharpening, sharpening_filters

_FACTORS = (2, 3, 4)
_FRAMES = 3
_HARD_CRF = "28"
_EDGE_LEVELS = 40  # between the darkest and the brightest nearby, from which a place is an edge
_BICUBIC, _LANCZOS = "flags=bicubic+accurate_rnd", "flags=lanczos+accurate_rnd"
_VMAF = re.compile(r"VMAF score: ([\d.]+)")

_Luma = NDArray[np.float64]


class Way(NamedTuple):
    """A way to enlarge: what is done before, and how it is scaled."""

    name: str
    before: str
    flags: str


class Nearness(NamedTuple):
    """Means over the clips. `overshoot` is in levels, for 99 in 100 pixels at edges."""

    psnr_db: float
    vmaf: float
    overshoot: float


def ways(factor: int) -> tuple[Way, ...]:
    """Plain, better, what the product does, and twice as much of it."""
    amount = sharpening(factor)
    return (
        Way("bicubic", "", _BICUBIC),
        Way("Lanczos", "", _LANCZOS),
        Way("**sharpened, Lanczos**", ",".join(sharpening_filters(amount)), _LANCZOS),
        Way("twice as sharp", ",".join(sharpening_filters(2 * amount)), _LANCZOS),
    )


def text(clips: Sequence[Path], folder: Path) -> str:
    """The table, measured now."""
    originals = [_original(clip, folder) for clip in clips]
    rows = []
    for compressed in (False, True):
        for factor in _FACTORS:
            small = [_shrunk(path, factor, compressed) for path in originals]
            for way in ways(factor):
                pairs = zip(originals, small, strict=True)
                found = [_nearness(path, less, factor, way) for path, less in pairs]
                rows.append(_row(factor, compressed, way, found))
    head = ("enlarged", "way", "PSNR dB", "VMAF", "overshoot")
    return report.table(head, rows)


def _original(clip: Path, folder: Path) -> Path:
    """A few frames from a second into the clip, of a size that every factor divides."""
    output = folder / f"{clip.stem}.mkv"
    whole = "crop=floor(iw/24)*24:floor(ih/24)*24:exact=1,format=yuv420p"
    frames = ["-frames:v", str(_FRAMES), "-an", "-c:v", "ffv1"]
    run_ffmpeg(["-y", "-ss", "1", "-i", str(clip), "-vf", whole, *frames, str(output)])
    return output


def _shrunk(original: Path, factor: int, compressed: bool) -> Path:
    output = original.with_name(f"{original.stem}-{factor}{'c' if compressed else ''}.mkv")
    codec = ["-c:v", "libx264", "-crf", _HARD_CRF] if compressed else ["-c:v", "ffv1"]
    smaller = f"scale=iw/{factor}:ih/{factor}:flags=area"
    run_ffmpeg(["-y", "-i", str(original), "-vf", smaller, *codec, str(output)])
    return output


def _nearness(original: Path, small: Path, factor: int, way: Way) -> Nearness:
    enlarged = original.with_name("enlarged.mkv")
    scale = f"scale=iw*{factor}:ih*{factor}:{way.flags}"
    chain = f"{way.before},{scale}" if way.before else scale
    run_ffmpeg(["-y", "-i", str(small), "-vf", chain, "-c:v", "ffv1", str(enlarged)])
    compare = ["-i", str(enlarged), "-i", str(original), "-lavfi", "libvmaf", "-f", "null", "-"]
    vmaf = _VMAF.search(run_ffmpeg(["-loglevel", "info", *compare]))
    assert vmaf is not None

    before, after = _luma(original), _luma(enlarged)
    error = float(((after - before) ** 2).mean())
    return Nearness(
        20 * np.log10(255) - 10 * np.log10(error),
        float(vmaf[1]),
        _overshoot(before, after, factor),
    )


def _overshoot(before: _Luma, after: _Luma, factor: int) -> float:
    """How far beyond the levels that the original has within `factor` pixels."""
    near = np.ones((2 * factor + 1, 2 * factor + 1), np.uint8)
    found = []
    for original, enlarged in zip(before, after, strict=True):
        high, low = cv2.dilate(original, near), cv2.erode(original, near)
        beyond = np.maximum(np.maximum(enlarged - high, low - enlarged), 0)
        found.append(beyond[high - low > _EDGE_LEVELS])
    return float(np.percentile(np.concatenate(found), 99))


def _luma(path: Path) -> _Luma:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]
    return np.stack(frames).astype(float)


def _row(factor: int, compressed: bool, way: Way, found: Sequence[Nearness]) -> list[str]:
    psnr_db, vmaf, overshoot = np.mean(np.array(found), axis=0)
    kind = f"{factor} times{', hard compressed' if compressed else ''}"
    return [kind, way.name, f"{psnr_db:.2f}", f"{vmaf:.1f}", f"{overshoot:.1f}"]
