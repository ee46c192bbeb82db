"""The size of a clip whose frames change theirs on the way, as video calls and broadcasts do."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage.container import (
    decoded_frames,
    packets_of,
    rewind,
    seek_before,
)
from montage_pipeline.footage.probing.geometry import OwnAspects, frames_tell_aspect
from montage_pipeline.media.units import length_bytes_of, sequence_sets

_CHANGING = {"matroska,webm", "mpegts", "mpeg", "flv"}
"""Formats of calls and broadcasts."""

_CHANGING_CODECS = {"vp8", "vp9", "av1", "mpeg1video", "mpeg2video"}
"""Each keyframe says its own size, in whatever container. Cameras, which keep to one, use others:
of these, packets tell whether more than one size is coded.
"""

_SHAPE_DIGITS = 1  # of width over height: sizes are rounded to whole blocks
_LOOKS = 6  # spread over the clip; a size that is kept for long is met by one of them


class Typical(NamedTuple):
    """A frame, and the width of its pixels over their height."""

    frame: VideoFrame
    sample_aspect: Fraction

    @property
    def shape(self) -> float:
        """Width over height as shown."""
        return round(
            self.frame.width * float(self.sample_aspect) / self.frame.height, _SHAPE_DIGITS
        )


def typical_frame(
    container: InputContainer,
    stream: VideoStream,
    first: VideoFrame,
    span_s: tuple[float, float] | None,
    *,
    rebuilt: bool,
) -> Typical:
    """Of some frames of a clip the largest of the commonest shape. `first` is the first one,
    `span_s` the clip's start and end, or None to look at no other; `rebuilt` says that the file is
    a copy of the clip's packets.

    A clip is shown at this size: smaller frames are enlarged, so that no detail is lost.
    """
    told = frames_tell_aspect(container.format.name, rebuilt=rebuilt)
    aspects = OwnAspects(stream, stream.codec_context, told=told)
    found = [Typical(first, aspects.now())]
    if span_s is None or not _may_change(container, stream, span_s):
        return found[0]
    found += [Typical(frame, aspects.now()) for frame in _spread(container, stream, span_s, _LOOKS)]
    commonest, _ = Counter(typical.shape for typical in found).most_common(1)[0]
    shown = (typical for typical in found if typical.shape == commonest)
    return max(shown, key=lambda typical: typical.frame.width * typical.frame.height)


def _may_change(
    container: InputContainer, stream: VideoStream, span_s: tuple[float, float]
) -> bool:
    """Whether frames may change their size, as far as that shows without decoding."""
    codec, setup = stream.codec_context.name, stream.codec_context.extradata
    if container.format.name in _CHANGING or codec in _CHANGING_CODECS:
        return True
    if codec not in ("h264", "hevc"):
        return False
    length_bytes = length_bytes_of(codec, setup)
    told: set[bytes] = set()
    for time_s in _spread_times(span_s, _LOOKS):
        with suppress(av.FFmpegError):
            seek_before(container, stream, time_s)
            packet = next(packets_of(container, stream), None)
            told |= sequence_sets(bytes(packet), codec, length_bytes) if packet else set()
    rewind(container)
    # Those that the container tells, and no other, may stand in packets too.
    return any(len(told) > 1 or sps not in (setup or b"") for sps in told)


def _spread_times(span_s: tuple[float, float], count: int) -> list[float]:
    start_s, end_s = span_s
    return [start_s + (end_s - start_s) * (look + 0.5) / count for look in range(count)]


def spread_frames(
    container: InputContainer, stream: VideoStream, span_s: tuple[float, float], count: int
) -> list[VideoFrame]:
    """Up to so many frames, spread evenly over a clip; afterwards the container is at its start."""
    return list(_spread(container, stream, span_s, count))


def _spread(
    container: InputContainer, stream: VideoStream, span_s: tuple[float, float], count: int
) -> Iterator[VideoFrame]:
    for time_s in _spread_times(span_s, count):
        with suppress(av.FFmpegError):
            seek_before(container, stream, time_s)
            timed = next(decoded_frames(container, stream), None)
            if timed is not None:
                yield timed[1]
    rewind(container)
