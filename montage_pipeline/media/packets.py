"""Reading packets of an opened file, tracks that appear on the way included.

Belongs here: what PyAV's own reading gets wrong. Does not belong here: opening (opening), decoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

StreamOf = TypeVar("StreamOf", bound="Stream")


def demuxed(container: InputContainer, *streams: StreamOf) -> Iterator[Packet[StreamOf]]:
    """The packets of these streams from here on, and an empty one of each at the end of the file.

    A broadcast may begin to have sound in the middle. PyAV knows the tracks that there were when
    the file was opened; at the end it looks for the others in a table that lacks them, and raises
    IndexError, or does not, as the memory behind it happens to be.

    Raises av.FFmpegError.
    """
    ended: set[int] = set()
    packet: Any  # PyAV's types do not tell the packets of one kind of stream from another's
    try:
        for packet in container.demux(*streams):
            if packet.size == 0:
                ended.add(packet.stream.index)
            yield packet
    except IndexError:
        from av.packet import Packet  # here: whoever imports this module may do without FFmpeg

        for stream in streams:
            if stream.index not in ended:
                packet = Packet()
                packet.stream = stream
                yield packet
