"""The file of a chunk: NUT, which streams packet by packet and keeps frame numbers exact.

Belongs here: how it is written, checked and addressed, whoever makes it.
"""

import hashlib
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import av

from montage_pipeline.errors import ErrorCode
from montage_pipeline.media.ffmpeg import ffmpeg_path
from montage_pipeline.media.isolation.limits import bare_environment
from montage_pipeline.media.opening import CHUNK_FORMATS, open_media
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.video.chunks.model import ChunkJob

CONTAINER_ARGS = ("-flush_packets", "1", "-f", "nut")
"""What FFmpeg is told about the file; each packet is passed on as soon as it is encoded."""


def check_chunk(path: Path, job: ChunkJob) -> None:
    """Raise RenderError unless the chunk holds exactly its segment's frames, a keyframe first."""
    try:
        with open_media(path, CHUNK_FORMATS) as container:
            stream = container.streams.video[0]
            keyframes = [packet.is_keyframe for packet in container.demux(stream) if packet.size]
    except (av.FFmpegError, IndexError):
        keyframes = []

    found, wanted = len(keyframes), job.segment.frames
    if found < wanted:
        raise RenderError(
            ErrorCode.CLIP_TOO_SHORT,
            f"{job.name} gave {found} of its {wanted} frames: the clip has no frame at that time",
            segment=job.number,
        )
    if found > wanted or not keyframes[0]:
        raise RenderError(
            ErrorCode.RENDER_FAILED,
            f"{job.name} gave {found} frames instead of {wanted}, or no keyframe first",
        )


def content_address(*shapers: Any) -> str:
    """SHA-256 (hex) of everything that shapes a chunk, in order."""
    return hashlib.sha256(json.dumps(shapers, sort_keys=True, default=str).encode()).hexdigest()


@cache
def ffmpeg_version() -> str:
    """Which FFmpeg this is: another build may encode differently."""
    program = Path(ffmpeg_path())
    printed = subprocess.run(
        [str(program), "-version"],
        capture_output=True,
        text=True,
        check=False,
        env=bare_environment(),
    ).stdout
    version = printed.partition("\n")[0]
    return f"{version} ({program.stat().st_size} bytes)"
