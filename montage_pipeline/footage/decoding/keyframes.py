"""Single keyframes of a clip, each decoded by itself.

Belongs here: finding and decoding them at a cost that does not depend on what lies between. Does
not belong here: which keyframes to look at (measuring.coarse, measuring.calm), spans (reading).
"""

from collections.abc import Iterator, Sequence

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage.container import (
    new_decoder,
    open_clip,
    packets_of,
    read_only,
    rewind,
    seek_before,
    video_stream,
)
from montage_pipeline.footage.decoding.packets import SAME_PACKET_S, IndexedClip
from montage_pipeline.footage.transparency import alpha_decoder
from montage_pipeline.media.opening import MAX_PIXELS_OPTION

_MAX_PACKETS = 400  # after a seek, before a keyframe is given up


def decode_keyframes(
    clip: IndexedClip, times_s: Sequence[float]
) -> Iterator[tuple[float, VideoFrame]]:
    """The keyframes at these times, each with its presentation time (s).

    `times_s` are ascending and from the clip's packet table. Damaged keyframes are left out.
    """
    facts = clip.facts
    with open_clip(clip.source) as container:
        stream = video_stream(container, facts)
        read_only(container, stream)
        if clip.packets.seekable:
            packets = _sought(container, stream, times_s, clip.packets.lead_s)
        else:
            packets = _read_through(container, stream, times_s)

        for frame in _decoded(_decoder(stream, clip), packets):
            if frame.pts is not None:
                yield frame.pts * float(stream.time_base or 0), frame


def _sought(
    container: InputContainer, stream: VideoStream, times_s: Sequence[float], lead_s: float
) -> Iterator["Packet[VideoStream]"]:
    """The keyframes' packets, where the index leads to them."""
    time_base = float(stream.time_base or 0)
    for time_s in times_s:
        seek_before(container, stream, time_s - lead_s)
        for number, packet in enumerate(packets_of(container, stream)):
            shown = packet.pts if packet.pts is not None else packet.dts
            reached = shown is not None and shown * time_base >= time_s - SAME_PACKET_S
            if packet.is_keyframe and reached:
                yield packet
                break
            if number > _MAX_PACKETS:
                break


def _read_through(
    container: InputContainer, stream: VideoStream, times_s: Sequence[float]
) -> Iterator["Packet[VideoStream]"]:
    """The keyframes' packets, from the whole file."""
    rewind(container)
    time_base = float(stream.time_base or 0)
    waiting = list(times_s)
    for packet in packets_of(container, stream):
        if not waiting or not packet.is_keyframe or packet.pts is None:
            continue
        time_s = packet.pts * time_base
        if time_s < waiting[0] - SAME_PACKET_S:
            continue
        while waiting and waiting[0] <= time_s + SAME_PACKET_S:
            waiting.pop(0)
        yield packet


def _decoder(stream: VideoStream, clip: IndexedClip) -> VideoCodecContext:
    """A decoder of the keyframes' own: seeking empties the stream's."""
    decoder = new_decoder(stream, alpha_decoder(clip.facts))
    decoder.thread_count = clip.decoder_threads
    decoder.skip_frame = "NONKEY"
    decoder.options = {**MAX_PIXELS_OPTION, "skip_loop_filter": "all"}
    return decoder


def _decoded(
    decoder: VideoCodecContext, packets: Iterator["Packet[VideoStream]"]
) -> Iterator[VideoFrame]:
    """The keyframes' frames."""
    for packet in packets:
        yield from _frames(decoder, packet)
    yield from _frames(decoder, None)


def _frames(decoder: VideoCodecContext, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
    try:
        frames = decoder.decode(packet)
    except av.FFmpegError:
        return []
    return [frame for frame in frames if isinstance(frame, VideoFrame) and not frame.is_corrupt]
