"""The size of a clip whose frames change theirs on the way, as video calls and broadcasts do."""

from collections import Counter
from contextlib import suppress

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage.container import decoded_frames, rewind, seek_before

_CHANGING = {"matroska,webm", "mpegts", "mpeg", "flv"}
"""Formats of calls and broadcasts. Files of cameras name one size, and keep to it."""

_SHAPE_DIGITS = 1  # of width over height: sizes are rounded to whole blocks
_LOOKS = 6  # spread over the clip; a size that is kept for long is met by one of them


def typical_frame(
    container: InputContainer, stream: VideoStream, first: VideoFrame, span_s: tuple[float, float]
) -> VideoFrame:
    """Of some frames of a clip (`span_s`: its start and end) the largest of the commonest shape.

    A clip is shown at this size: smaller frames are enlarged, so that no detail is lost.
    """
    if container.format.name not in _CHANGING:
        return first
    found = [first, *spread_frames(container, stream, span_s, _LOOKS)]
    shapes = [round(frame.width / frame.height, _SHAPE_DIGITS) for frame in found]
    commonest, _ = Counter(shapes).most_common(1)[0]
    shown = (frame for frame, shape in zip(found, shapes, strict=True) if shape == commonest)
    return max(shown, key=lambda frame: frame.width * frame.height)


def spread_frames(
    container: InputContainer, stream: VideoStream, span_s: tuple[float, float], count: int
) -> list[VideoFrame]:
    """Up to so many frames, spread evenly over a clip; afterwards the container is at its start."""
    start_s, end_s = span_s
    found = []
    for look in range(count):
        time_s = start_s + (end_s - start_s) * (look + 0.5) / count
        with suppress(av.FFmpegError):
            seek_before(container, stream, time_s)
            timed = next(decoded_frames(container, stream), None)
            if timed is not None:
                found.append(timed[1])
    rewind(container)
    return found
