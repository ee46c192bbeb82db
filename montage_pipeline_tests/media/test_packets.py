"""A file in which a track appears on the way is read to its end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from av.container import InputContainer
from av.packet import Packet

from montage_pipeline.media.opening import open_media
from montage_pipeline.media.packets import demuxed
from montage_pipeline_tests.footage.media import H264, make_clip


class _LosesCount:
    """A container as PyAV's is at the end of a file that has got another track: it raises instead
    of handing over the empty packet. Whether the real one does depends on what is in memory.
    """

    def __init__(self, container: InputContainer) -> None:
        self._container = container

    def demux(self, *streams: Any) -> "Iterator[Packet[Any]]":
        for packet in self._container.demux(*streams):
            if packet.size:
                yield packet
        raise IndexError("list index out of range")


def test_the_last_frames_come_out_of_the_decoder(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", duration_s=1, output=(*H264, "-bf", "3", "-g", "30"))
    counts = []
    for wrong in (False, True):
        with open_media(clip) as container:
            stream = container.streams.video[0]
            read = cast(InputContainer, _LosesCount(container)) if wrong else container
            packets = list(demuxed(read, stream))
            assert packets[-1].size == 0
            counts.append(sum(len(packet.decode()) for packet in packets))
    assert counts == [30, 30]
