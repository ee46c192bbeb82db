"""The frames of a finished file: before encoding, compared with another file's, and their hashes.

Belongs here: the lossless composite, VMAF, hashes of decoded frames. Does not belong here: what is
done with the figures.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from benchmarks.render.footage import Edit
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.media.ffmpeg import ffmpeg_path, run_ffmpeg
from montage_pipeline.rendering import assembly
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.video.encoding import BT709_TAGS, Encoding
from montage_pipeline.settings import Settings

_LOSSLESS = Encoding(
    "lossless",
    ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-threads", "1", "-pix_fmt", "yuv420p"),
)
_SCORE = re.compile(r"VMAF score: ([\d.]+)")
_FRAMES = re.compile(r"frame=\s*(\d+)")


def composite(edit: Edit, folder: Path) -> Path:
    """The frames of the Reel before any lossy encoding: raw planar 4:2:0, one after the other,
    nothing between.
    """
    whole, raw = folder / "lossless.mp4", folder / "composite.yuv"
    with patch.object(assembly, "encoding_for", lambda settings: _LOSSLESS):
        FfmpegEngine(Settings()).render(
            edit.timeline, edit.sources, edit.music, whole, lambda share: None
        )
    decoded = ["-map", "0:v", "-f", "rawvideo", "-pix_fmt", "yuv420p", str(raw)]
    run_ffmpeg(["-y", "-loglevel", "error", "-i", str(whole), *decoded])
    whole.unlink()
    return raw


def raw_input(
    timeline: Timeline, raw: Path, first: int = 0, frames: int | None = None
) -> list[str]:
    """What FFmpeg is told to read frames of a composite."""
    size = frame_bytes(timeline)
    end = "" if frames is None else f",end,{(first + frames) * size}"
    return [
        *("-f", "rawvideo", "-pix_fmt", "yuv420p"),
        *("-video_size", f"{timeline.width}x{timeline.height}"),
        *("-framerate", f"{timeline.fps.num}/{timeline.fps.den}"),
        *("-i", f"subfile,,start,{first * size}{end},,:{raw}"),
    ]


def frame_bytes(timeline: Timeline) -> int:
    """Size of a raw frame."""
    return timeline.width * timeline.height * 3 // 2


def vmaf(encoded: Sequence[str], reference: Sequence[str], every: int = 3) -> float:
    """Mean VMAF of the first input against the second (each as input arguments of FFmpeg), over
    every third frame.

    Frames are compared by number, so both must have as many. Raises ValueError when this FFmpeg has
    no VMAF.
    """
    # Frames without tags beside frames with tags would be converted first, which costs one of them
    # two points.
    alike = f"{BT709_TAGS},settb=1/30,setpts=N"
    aligned = f"[0:v]{alike}[a];[1:v]{alike}[b];[a][b]libvmaf=eof_action=endall"
    graph = f"{aligned}:n_threads=2:n_subsample={every}"
    log = run_ffmpeg([*encoded, *reference, "-lavfi", graph, "-f", "null", "-"])
    score = _SCORE.search(log)
    if score is None:
        raise ValueError("this FFmpeg gave no VMAF: it needs libvmaf")
    return float(score[1])


def frames_of(path: Path) -> int:
    """How many frames of a file decode."""
    log = run_ffmpeg(
        ["-i", str(path), "-map", "0:v", "-fps_mode", "passthrough", "-f", "null", "-"]
    )
    return int(_FRAMES.findall(log)[-1])


def decoded_hashes(path: Path) -> str:
    """SHA-256 of the decoded frames and of the decoded samples, one line each."""
    source = ["-loglevel", "error", "-nostdin", "-i", str(path)]
    hashes = ["-fps_mode", "passthrough", "-f", "streamhash", "-"]
    command = [ffmpeg_path(), *source, *hashes]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
