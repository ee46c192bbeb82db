"""The frames of a segment as MoviePy makes them, written into a pipe.

Belongs here: what happens in the worker that reads a person's clip for MoviePy. Does not belong
here: encoding (chunks.moviepy_chunk), what a segment is to MoviePy (moviepy_clip).
"""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.footage.names import clip_name
from montage_pipeline.rendering.video.moviepy_clip import segment_clip
from montage_pipeline.rendering.video.seeking import Entry
from montage_pipeline.rendering.video.segment_reader import SegmentReader

_READER_WAIT_S = 60.0
"""For the encoder to open the pipe: it has ended if it has not by then."""

_READER_POLL_S = 0.02


def write_frames(
    timeline: Timeline, number: int, source: ClipSource, threads: int, entry: Entry, pipe: Path
) -> list[str]:
    """Write a segment's frames into a named pipe: RGB, rows of the output's size, one after the
    other, or as far as the entry lets them be read.

    Returns what the decoder found wrong. Raises PermanentError(BAD_EFFECT), RenderError where the
    clip lacks a frame, BrokenPipeError when nobody reads.
    """
    reader = SegmentReader(timeline, number, source, threads, earlier_s=entry.earlier_s)
    clip = segment_clip(timeline, timeline.segments[number], reader)
    descriptor = _opened(pipe)
    try:
        for frame in _frames(timeline, number, clip):
            if reader.faults and entry.ends_at_fault:
                break
            rest = frame
            while rest:
                rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)
        reader.close()
    return reader.faults


def _opened(pipe: Path) -> int:
    """The pipe's end for writing. An encoder that never opens the other one is not waited for."""
    deadline_s = time.monotonic() + _READER_WAIT_S
    while True:
        try:
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > deadline_s:
                raise BrokenPipeError(errno.EPIPE, "nobody reads the frames") from None
            time.sleep(_READER_POLL_S)
            continue
        os.set_blocking(descriptor, True)
        return descriptor


def _frames(timeline: Timeline, number: int, clip: Any) -> Iterator[memoryview]:
    """The clip's frames as bytes of RGB, at the rate of the Reel."""
    fps, segment = float(timeline.fps.fraction), timeline.segments[number]
    for frame_number in range(segment.frames):
        try:
            # The middle of a frame is the same frame whichever way times are rounded.
            shown = np.clip(clip.get_frame((frame_number + 0.5) / fps), 0, 255)
            frame = np.ascontiguousarray(shown, dtype=np.uint8)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            if segment.effect is None:
                raise
            raise PermanentError(
                ErrorCode.BAD_EFFECT,
                f"{segment.effect.name} fails at frame {frame_number} of segment {number} "
                f"({clip_name(segment.clip_url)}): {error}",
            ) from error
        yield frame.reshape(-1).data
