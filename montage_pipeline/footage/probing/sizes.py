"""The size of a clip whose frames change theirs on the way, as video calls and broadcasts do."""

from collections import Counter

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
    start_s, end_s = span_s
    found = [first]
    for look in range(_LOOKS):
        time_s = start_s + (end_s - start_s) * (look + 0.5) / _LOOKS
        try:
            seek_before(container, stream, time_s)
            _, frame = next(decoded_frames(container, stream), (0.0, first))
        except av.FFmpegError:
            continue
        found.append(frame)
    rewind(container)
    shapes = [round(frame.width / frame.height, _SHAPE_DIGITS) for frame in found]
    commonest, _ = Counter(shapes).most_common(1)[0]
    shown = (frame for frame, shape in zip(found, shapes, strict=True) if shape == commonest)
    return max(shown, key=lambda frame: frame.width * frame.height)
