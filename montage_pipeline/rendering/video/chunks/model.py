"""A part: the encoded picture of one segment, on its own.

Belongs here: what shapes a part, its address by content, and making it with FFmpeg.
Does not belong here: which parts there are and when they are made (assembly), where they are kept
(part_store).

Each part begins with an IDR frame and depends on nothing outside it, so parts are made side by
side, kept for the
next render, and joined without being touched. A part is a NUT file: it streams packet by packet and
keeps frame numbers exact.
"""

import hashlib
import json
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import av

from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.errors import ErrorCode
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.media.ffmpeg import ffmpeg_path
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.video.caption_filter import caption_filters
from montage_pipeline.rendering.video.encoding import BT709_TAGS, Encoding
from montage_pipeline.rendering.video.processes import EncodingProcess
from montage_pipeline.rendering.video.segment_frames import input_args, video_chain

_TABLE = re.compile(r"\bfile=([\w.-]+\.cube)")
_BASE_MB, _FRAMES_HELD = (
    75.0,
    10.5,
)  # measured: a decoder's pictures on the way through filter and encoder
_CODEC_COSTS = {"hevc": 1.6, "av1": 1.5, "vp9": 1.2, "prores": 1.2}
_ENCODED_PIXEL_COST = 2.5  # scaling and encoding a pixel, in decoded H.264 pixels


class ChunkMaker(Protocol):
    """Makes one part; an engine is one or more of these."""

    def address(self) -> str:
        """Hex hash of everything that shapes the part's frames."""
        ...

    def make(self, output: Path, threads: int) -> None:
        """Write the part. Raises RenderError with the reason."""
        ...

    def stop(self) -> None:
        """End `make` at once, from another thread; afterwards it cannot start again."""
        ...

    @property
    def frames_done(self) -> int:
        """Frames encoded so far."""
        ...

    @property
    def memory_mb(self) -> float:
        """Memory that making the part is expected to take."""
        ...

    @property
    def cost(self) -> float:
        """Expected work, in any unit that is the same for all parts."""
        ...


@dataclass(frozen=True)
class ChunkJob:
    """What is known about a segment that is to be rendered.

    `folder` is the scratch folder that children run in.
    """

    timeline: Timeline
    number: int
    source: ClipSource
    encoding: Encoding
    folder: Path

    @property
    def segment(self) -> Segment:
        """The segment."""
        return self.timeline.segments[self.number]

    @property
    def facts(self) -> ClipFacts:
        """Its clip."""
        return self.timeline.clips[self.segment.clip]

    @property
    def name(self) -> str:
        """For people."""
        return f"segment {self.number} ({self.facts.url})"

    @property
    def memory_mb(self) -> float:
        """What decoding, scaling and encoding of one segment hold at a time."""
        bytes_per_pixel = 1.5 * (2 if self.facts.bit_depth > 8 else 1)
        return (
            _BASE_MB
            + _FRAMES_HELD
            * bytes_per_pixel
            * self.facts.coded_width
            * self.facts.coded_height
            / 1e6
        )

    @property
    def cost(self) -> float:
        """In decoded pixels of H.264."""
        fps_ratio = float(self.facts.fps.fraction / self.timeline.fps.fraction)
        decoded = (
            fps_ratio
            * self.facts.coded_width
            * self.facts.coded_height
            * _CODEC_COSTS.get(self.facts.video_codec, 1.0)
        )
        return self.segment.frames * (
            decoded + _ENCODED_PIXEL_COST * self.timeline.width * self.timeline.height
        )


class FfmpegChunk:
    """One FFmpeg decodes the span, picks, crops, scales and converts its frames, and encodes them."""

    def __init__(self, job: ChunkJob) -> None:
        self._job = job
        self._process: EncodingProcess | None = None
        self._stopped = False
        self.memory_mb = job.memory_mb
        self.cost = job.cost

    def address(self) -> str:
        """See ChunkMaker: the clip's bytes, FFmpeg itself, and all that it is told but where to
        seek.
        """
        job = self._job
        # The arguments are what shapes the frames, so nothing can be forgotten here. Tables are
        # named in them and count by
        # content; the name of a caption is made of its script and its fonts.
        args = self._output_args()
        tables = [(job.folder / name).read_text("ascii") for name in _TABLE.findall(" ".join(args))]
        return content_address("ffmpeg", ffmpeg_version(), job.facts.sha256, args, tables)

    def make(self, output: Path, threads: int) -> None:
        """See ChunkMaker."""
        job = self._job
        args = [
            "-nostdin",
            *job.encoding.setup,
            *input_args(job.facts, job.segment, job.source, threads),
            *self._output_args(),
        ]
        self._process = EncodingProcess(args, output, f"rendered {job.name}", job.folder)
        try:
            if self._stopped:
                return
            self._process.finish()
        finally:
            self._process.kill()
        check_chunk(output, job)

    def stop(self) -> None:
        """See ChunkMaker."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()

    @property
    def frames_done(self) -> int:
        """See ChunkMaker."""
        return self._process.frames if self._process else 0

    def _output_args(self) -> list[str]:
        job = self._job
        steps = (
            video_chain(job.timeline, job.segment),
            BT709_TAGS,
            *caption_filters(job.timeline, job.segment),
            *job.encoding.filters,
        )
        chain = ",".join(steps)
        picked = [
            "-map",
            f"0:{job.facts.video_stream}",
            "-an",
            "-sn",
            "-dn",
            "-filter_threads",
            "1",
            "-vf",
            chain,
        ]
        return [
            *picked,
            "-fps_mode",
            "passthrough",
            *job.encoding.output_args(job.timeline),
            *CONTAINER_ARGS,
        ]


CONTAINER_ARGS = ("-flush_packets", "1", "-f", "nut")


def check_chunk(path: Path, job: ChunkJob) -> None:
    """RenderError unless the part has exactly its segment's frames, the first of them a key frame."""
    try:
        with av.open(str(path), format="nut") as container:
            stream = container.streams.video[0]
            packets = [packet.is_keyframe for packet in container.demux(stream) if packet.size]
    except (av.FFmpegError, IndexError):
        packets = []
    if len(packets) < job.segment.frames:
        raise RenderError(
            ErrorCode.CLIP_TOO_SHORT,
            f"{job.name} gave {len(packets)} of its {job.segment.frames} frames: the clip has no picture at that time",
        )
    if len(packets) > job.segment.frames or not packets[0]:
        raise RenderError(
            ErrorCode.RENDER_FAILED,
            f"{job.name} gave {len(packets)} frames instead of {job.segment.frames}, or no key frame first",
        )


def content_address(*shapers: Any) -> str:
    """SHA-256 (hex) of everything given, in order."""
    return hashlib.sha256(json.dumps(shapers, sort_keys=True, default=str).encode()).hexdigest()


@cache
def ffmpeg_version() -> str:
    """Which FFmpeg this is: another build may encode otherwise."""
    program = Path(ffmpeg_path())
    said = subprocess.run(
        [str(program), "-version"], capture_output=True, text=True, check=False
    ).stdout.partition("\n")[0]
    return f"{said} ({program.stat().st_size} bytes)"
