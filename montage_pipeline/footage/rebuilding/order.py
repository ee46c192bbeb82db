"""The order in which a track's packets are shown, where its times do not tell.

Belongs here: finding that out with a decoder. Does not belong here: what times follow (schedule).
"""

from collections.abc import Iterable, Iterator
from typing import cast

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage.container import new_decoder
from montage_pipeline.media.opening import MAX_PIXELS_OPTION


def shown_order(stream: VideoStream, packets: Iterable[bytes]) -> list[int]:
    """The places of packets (in the order of the file) in the order in which they are shown.

    A packet that gives no frame stands behind the one before it.
    """
    count = 0

    def numbered() -> Iterator["Packet[VideoStream]"]:
        nonlocal count
        for content in packets:
            packet = cast("Packet[VideoStream]", Packet(content))
            packet.pts = packet.dts = count
            count += 1
            yield packet

    ranks: dict[int, int] = {}
    for place in _places(_decoder_of(stream), numbered()):
        ranks.setdefault(place, len(ranks))

    keys: list[tuple[int, int]] = []
    for place in range(count):
        before = keys[-1][0] if keys else -1
        keys.append((ranks.get(place, before), place))
    return sorted(range(count), key=keys.__getitem__)


def _places(decoder: VideoCodecContext, packets: Iterable["Packet[VideoStream]"]) -> Iterator[int]:
    """The numbers of the packets whose frames come out, in order."""
    for packet in _with_end(packets):
        try:
            frames = decoder.decode(packet)
        except av.FFmpegError:
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame) and frame.pts is not None:
                yield frame.pts


def _with_end(
    packets: Iterable["Packet[VideoStream]"],
) -> "Iterator[Packet[VideoStream] | None]":
    yield from packets
    yield None


def _decoder_of(stream: VideoStream) -> VideoCodecContext:
    """A decoder that waits as long as the codec may reorder, and does no more than it must."""
    decoder = new_decoder(stream)
    decoder.thread_count = 0
    # Else H.264 without a word on its reordering comes out of order at first.
    decoder.options = {**MAX_PIXELS_OPTION, "strict": "1", "skip_loop_filter": "all"}
    return decoder
