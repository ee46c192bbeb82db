"""A chunk whose frames MoviePy makes and FFmpeg encodes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import moviepy
import numpy as np

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.rendering.video.caption_filter import caption_filters
from montage_pipeline.rendering.video.chunks.file import (
    CONTAINER_ARGS,
    check_chunk,
    content_address,
    ffmpeg_version,
)
from montage_pipeline.rendering.video.chunks.model import ChunkJob
from montage_pipeline.rendering.video.encoding import BT709_TAGS
from montage_pipeline.rendering.video.moviepy_clip import effect_of, segment_clip
from montage_pipeline.rendering.video.processes import EncodingProcess
from montage_pipeline.rendering.video.segment_reader import SegmentReader

_RECIPE = 2
"""Counts up when the same segment becomes other frames, so that kept chunks are made anew."""

_FROM_RGB = (
    "scale=flags=bicubic+accurate_rnd:in_range=pc:out_color_matrix=bt709:out_range=tv"
    ",format=yuv420p"
)

_BYTES_PER_PIXEL = 30
"""Of the clip, on top of the encoder's: whole RGB frames, about ten at a time."""

_COST_BESIDE_FFMPEG = 4
"""How many times as long as FfmpegChunk it takes for the same segment."""


class MoviePyChunk:
    """See ChunkMaker. Raises PermanentError("bad_effect") at once when there is no such effect."""

    def __init__(self, job: ChunkJob) -> None:
        self._job = job
        self._process: EncodingProcess | None = None
        self._stopped = False
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
        way = ("from start",) if job.from_start else ()
        return content_address(*programs, *way, segment, facts, timeline, self._encode_args())

    def make(self, output: Path, threads: int) -> None:
        """See ChunkMaker."""
        job = self._job
        reader = SegmentReader(
            job.timeline, job.number, job.source, threads, from_start=job.from_start
        )
        self._process = EncodingProcess(
            self._encode_args(), output, f"encoded {job.name}", job.folder, fed=True
        )
        try:
            clip = segment_clip(job.timeline, job.segment, reader)
            for frame in _frames(job, clip):
                if self._stopped:
                    return
                self._process.write(frame)
            self._process.finish()
        finally:
            self._process.kill()
            reader.close()
        check_chunk(output, job)

    def stop(self) -> None:
        """End `make` at the next frame, and its encoder at once."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()

    @property
    def frames_done(self) -> int:
        """See ChunkMaker."""
        return self._process.frames if self._process else 0

    def _encode_args(self) -> list[str]:
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
            *(*raw, *size, *rate, "-i", "pipe:0"),
            *("-vf", ",".join(filters)),
            *("-fps_mode", "passthrough"),
            *encoding.output_args(timeline),
            *CONTAINER_ARGS,
        ]


def _frames(job: ChunkJob, clip: Any) -> Iterator[memoryview]:
    """The clip's frames as bytes of RGB, at the rate of the Reel."""
    fps = float(job.timeline.fps.fraction)
    for number in range(job.segment.frames):
        try:
            # The middle of a frame is the same frame whichever way times are rounded.
            shown = np.clip(clip.get_frame((number + 0.5) / fps), 0, 255)
            frame = np.ascontiguousarray(shown, dtype=np.uint8)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            if job.segment.effect is None:
                raise
            raise PermanentError(
                ErrorCode.BAD_EFFECT,
                f"{job.segment.effect.name} fails at frame {number} of {job.name}: {error}",
            ) from error
        yield frame.reshape(-1).data
