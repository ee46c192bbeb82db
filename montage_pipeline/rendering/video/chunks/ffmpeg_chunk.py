"""A chunk made by one FFmpeg, from decoding the span to encoding the frames."""

import re
from functools import partial
from pathlib import Path

from montage_pipeline.rendering.video.caption_filter import caption_filters
from montage_pipeline.rendering.video.chunks.entering import encode_segment
from montage_pipeline.rendering.video.chunks.file import (
    CONTAINER_ARGS,
    content_address,
    ffmpeg_version,
)
from montage_pipeline.rendering.video.chunks.model import ChunkJob
from montage_pipeline.rendering.video.encoding import BT709_TAGS
from montage_pipeline.rendering.video.grade_filter import grade_filters
from montage_pipeline.rendering.video.processes import EncodingProcess
from montage_pipeline.rendering.video.seeking import Entry
from montage_pipeline.rendering.video.segment_frames import input_args, video_chain

_TABLE = re.compile(r"\bfile=([\w.-]+\.cube)")


class FfmpegChunk:
    """See ChunkMaker."""

    def __init__(self, job: ChunkJob) -> None:
        self._job = job
        self._process: EncodingProcess | None = None
        self._stopped = False
        self.memory_mb = job.memory_mb
        self.cost = job.cost

    def address(self) -> str:
        """Hash of the clip's bytes, of FFmpeg itself, and of its arguments after the seek."""
        job = self._job
        # The arguments are what shapes the frames, so nothing can be forgotten here. Colour tables
        # are named in them and count by content; a caption's name already stands for its script and
        # fonts.
        args = self._output_args()
        tables = [(job.folder / name).read_text("ascii") for name in _TABLE.findall(" ".join(args))]
        content = (job.facts.sha256, "rebuilt") if job.facts.rebuilt else (job.facts.sha256,)
        way = (f"entered {job.earlier_s:g} s earlier",) if job.earlier_s else ()
        return content_address("ffmpeg", ffmpeg_version(), *content, *way, args, tables)

    def make(self, output: Path, threads: int) -> None:
        """See ChunkMaker."""
        encode_segment(
            self._job, output, partial(self._encode, output, threads), lambda: self._stopped
        )

    def _encode(self, output: Path, threads: int, entry: Entry) -> list[str]:
        """Encode the segment; what the decoder found wrong."""
        job = self._job
        args = [
            "-nostdin",
            # However much of a clip does not decode: what is missing is counted afterwards.
            *("-max_error_rate", "1"),
            *job.encoding.setup,
            *input_args(job.facts, job.segment, job.source, threads, earlier_s=entry.earlier_s),
            *self._output_args(),
        ]
        self._process = EncodingProcess(
            args,
            output,
            f"rendered {job.name}",
            job.folder,
            ends_at_fault=entry.ends_at_fault,
        )
        try:
            if self._stopped:
                return []
            self._process.finish()
        finally:
            self._process.kill()
        return self._process.decoder_faults

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
        filters = (
            video_chain(job.timeline, job.segment),
            *grade_filters(job.segment),
            BT709_TAGS,
            *caption_filters(job.timeline, job.segment),
            *job.encoding.filters,
        )
        only_video = ("-map", f"0:{job.facts.video_stream}", "-an", "-sn", "-dn")
        return [
            *only_video,
            *("-filter_threads", "1"),
            *("-vf", ",".join(filters)),
            *("-fps_mode", "passthrough"),
            *job.encoding.output_args(job.timeline),
            *CONTAINER_ARGS,
        ]
