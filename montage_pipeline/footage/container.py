"""Opening a clip's file for reading, with nothing in the file able to make us open another.

Belongs here: what may be opened, how, and which error a decoder's trouble becomes.
Does not belong here: facts about the clip (probe), what frames look like (decoding).
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.transparency import alpha_decoder
from montage_pipeline.media.opening import MAX_PIXELS_OPTION, open_media, reason_of
from montage_pipeline.media.packets import demuxed
from montage_pipeline.media.plausible import MAX_TRACKS

StreamOf = TypeVar("StreamOf", VideoStream, AudioStream)


@contextmanager
def open_clip(source: ClipSource, *, undecoded: bool = False) -> Iterator[InputContainer]:
    """The clip's container, open for reading; `undecoded` as for `open_media`.

    Raises PermanentError(CLIP_UNREADABLE) when FFmpeg cannot make sense of the file; also later,
    while it is read inside the `with` block.
    """
    try:
        with open_media(source, undecoded=undecoded) as container:
            yield container
    except av.FFmpegError as error:
        reason = reason_of(error)
        if error.errno == errno.ENOMEM:
            # What the demuxer says where a file holds more than it is allowed to make of it.
            reason = f"it holds more than {MAX_TRACKS} tracks, or needs more memory than is allowed"
        raise PermanentError(
            ErrorCode.CLIP_UNREADABLE, f"FFmpeg cannot read it: {reason}"
        ) from error


def video_stream(container: InputContainer, facts: ClipFacts, *, threads: int = 0) -> VideoStream:
    """The stream that the probe chose, set up for decoding.

    `threads`: of the decoder; 0 leaves their number to it.
    """
    stream = container.streams[facts.video_stream]
    if not isinstance(stream, VideoStream):
        raise PermanentError(
            ErrorCode.CLIP_UNREADABLE,
            f"stream {facts.video_stream} is {stream.type}, not video as probed",
        )
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = threads
    stream.codec_context.options = MAX_PIXELS_OPTION
    return stream


def decoder_of(stream: VideoStream, facts: ClipFacts) -> VideoCodecContext:
    """What decodes the packets of a stream that is set up: its own decoder, or one that gives the
    clip's transparency, too. Whoever seeks flushes it.
    """
    name = alpha_decoder(facts)
    return stream.codec_context if name is None else new_decoder(stream, name)


def new_decoder(stream: VideoStream, name: str | None = None) -> VideoCodecContext:
    """A decoder of the stream's packets, set up as the stream's own.

    `name`: FFmpeg's, where it is not to be the usual one.
    """
    usual = stream.codec_context
    decoder = CodecContext.create(name or usual.codec.name, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = usual.extradata
    # Containers may crop what is coded; a decoder crops likewise when it is told their size.
    decoder.width, decoder.height = usual.width, usual.height
    decoder.thread_type = "AUTO"
    decoder.thread_count = usual.thread_count
    decoder.options = MAX_PIXELS_OPTION
    return decoder


def packets_of(container: InputContainer, stream: StreamOf) -> Iterator["Packet[StreamOf]"]:
    """The stream's packets from here on, and an empty one at the end of the file.

    A file that is cut short ends early, without the empty one.
    """
    packets = demuxed(container, stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.InvalidDataError, av.EOFError, av.OSError):
            return
        if packet is None:
            return
        yield packet


def read_only(container: InputContainer, *wanted: Stream) -> None:
    """Have the container skip the packets of all other streams.

    Where there is an index it does not even read them.
    """
    indices = {stream.index for stream in wanted}
    for stream in container.streams:
        stream.discard = Discard.default if stream.index in indices else Discard.all


def decoded_frames(
    container: InputContainer, stream: VideoStream, decoder: VideoCodecContext | None = None
) -> Iterator[tuple[float, VideoFrame]]:
    """Frames with their presentation times (s), in order; damaged packets are skipped.

    `decoder`: where it is not the stream's own (`decoder_of`). Raises av.FFmpegError only when the
    container itself cannot be read any further.
    """
    time_base = float(stream.time_base or 0)
    decoder = decoder or stream.codec_context
    for packet in packets_of(container, stream):
        yield from frames_of(packet, decoder, time_base)


def frames_of(
    packet: "Packet[VideoStream]", decoder: VideoCodecContext, time_base: float
) -> Iterator[tuple[float, VideoFrame]]:
    """The frames that a decoder gives for a packet, with their presentation times (s); none for a
    damaged one.
    """
    try:
        frames = decoder.decode(packet)
    except av.InvalidDataError:
        return
    for frame in frames:
        if isinstance(frame, VideoFrame) and frame.pts is not None:
            yield frame.pts * time_base, frame


def seek_before(container: InputContainer, stream: VideoStream, time_s: float) -> None:
    """Seek to the keyframe at or before `time_s` (presentation time).

    Seeks to the start when the file has no index.
    """
    try:
        container.seek(round(time_s / float(stream.time_base or 1)), stream=stream, backward=True)
    except av.FFmpegError:
        rewind(container)


def rewind(container: InputContainer) -> None:
    """Seek to the start of the file."""
    # The clock of a broadcast wraps, and its first times are then below zero.
    start = min(0, container.start_time or 0)
    try:
        container.seek(start)
    except av.FFmpegError:
        # FLV and others find no keyframe at or before 0 when the first is a little later.
        container.seek(start, backward=False)
