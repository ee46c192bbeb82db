"""A chunk whose frames MoviePy makes, in a worker, and FFmpeg encodes.

The two are joined by a named pipe: frames do not pass through this process, which decodes nothing.
"""

import os
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import moviepy

from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.media.isolation.workers import Stopped
from montage_pipeline.rendering.video.caption_filter import caption_filters
from montage_pipeline.rendering.video.chunks.entering import encode_segment
from montage_pipeline.rendering.video.chunks.file import (
    CONTAINER_ARGS,
    content_address,
    ffmpeg_version,
)
from montage_pipeline.rendering.video.chunks.model import ChunkJob
from montage_pipeline.rendering.video.encoding import BT709_TAGS
from montage_pipeline.rendering.video.moviepy_clip import effect_of
from montage_pipeline.rendering.video.moviepy_frames import write_frames
from montage_pipeline.rendering.video.processes import EncodingProcess
from montage_pipeline.rendering.video.seeking import Entry

_RECIPE = 4
"""Counts up when the same segment becomes other frames, so that kept chunks are made anew."""

_FROM_RGB = (
    "scale=flags=bicubic+accurate_rnd:in_range=pc:out_color_matrix=bt709:out_range=tv"
    ",format=yuv420p"
)

_BYTES_PER_PIXEL = 30
"""Of the clip, on top of the encoder's: whole RGB frames, about ten at a time."""

_START_S = 300.0
"""For a worker to start, to load MoviePy, and to decode up to the segment."""

_S_PER_FRAME = 10.0
"""A hundred times what a frame takes: the machine may be busy with fifty other things."""

_COST_BESIDE_FFMPEG = 4
"""How many times as long as FfmpegChunk it takes for the same segment."""


class MoviePyChunk:
    """See ChunkMaker. Raises PermanentError("bad_effect") at once when there is no such effect."""

    def __init__(self, job: ChunkJob) -> None:
        self._job = job
        self._process: EncodingProcess | None = None
        self._stopped = threading.Event()
        pixels = job.facts.decoded_pixels
        self.memory_mb = job.memory_mb + _BYTES_PER_PIXEL * pixels / 1e6
        self.cost = _COST_BESIDE_FFMPEG * job.cost
        if job.segment.effect is not None:
            effect_of(job.segment.effect, job.name)

    def address(self) -> str:
        """Hash of the clip, the segment, the output and the programs that make it."""
        job = self._job
        segment = job.segment.model_dump(
            include={
                *("source_in_s", "speed", "frames"),
                *("crop", "crop_end", "steadying", "effect", "grade"),
            }
        )
        facts = job.facts.model_dump(exclude={"url"})
        timeline = job.timeline.model_dump(include={"width", "height", "fps"})
        programs = ("moviepy", _RECIPE, moviepy.__version__, ffmpeg_version())
        way = (f"entered {job.earlier_s:g} s earlier",) if job.earlier_s else ()
        return content_address(*programs, *way, segment, facts, timeline, self._encode_args(Path()))

    def make(self, output: Path, threads: int) -> None:
        """See ChunkMaker."""
        encode_segment(
            self._job, output, partial(self._encode, output, threads), self._stopped.is_set
        )

    def _encode(self, output: Path, threads: int, entry: Entry) -> list[str]:
        """Encode the segment; what the decoder found wrong."""
        job = self._job
        pipe = job.folder / f"frames-{job.number}"
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe)
        self._process = EncodingProcess(
            self._encode_args(pipe), output, f"encoded {job.name}", job.folder
        )
        try:
            faults: list[str] = []
            # When nobody reads any more, the encoder has failed, and tells why.
            with suppress(BrokenPipeError, Stopped):
                budget = Budget(_START_S + _S_PER_FRAME * job.segment.frames)
                faults = isolated(
                    budget,
                    self._stopped,
                    write_frames,
                    *(job.timeline, job.number, job.source, threads, entry, pipe),
                )
            if not self._stopped.is_set() and not (faults and entry.ends_at_fault):
                self._process.finish()
        finally:
            self._process.kill()
            pipe.unlink(missing_ok=True)
        return faults

    def stop(self) -> None:
        """See ChunkMaker."""
        self._stopped.set()
        if self._process is not None:
            self._process.kill()

    @property
    def frames_done(self) -> int:
        """See ChunkMaker."""
        return self._process.frames if self._process else 0

    def _encode_args(self, pipe: Path) -> list[str]:
        timeline, encoding = self._job.timeline, self._job.encoding
        raw = ("-f", "rawvideo", "-pix_fmt", "rgb24")
        size = ("-video_size", f"{timeline.width}x{timeline.height}")
        rate = ("-framerate", f"{timeline.fps.num}/{timeline.fps.den}")
        filters = (
            _FROM_RGB,
            BT709_TAGS,
            *caption_filters(timeline, self._job.segment),
            *encoding.filters,
        )
        return [
            *encoding.setup,
            "-nostdin",
            *(*raw, *size, *rate, "-i", f"file:{pipe}"),
            *("-vf", ",".join(filters)),
            *("-fps_mode", "passthrough"),
            *encoding.output_args(timeline),
            *CONTAINER_ARGS,
        ]
