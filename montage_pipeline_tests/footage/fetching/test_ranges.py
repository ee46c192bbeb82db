"""Reading a stored clip in ranges gives what reading its file gives."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from montage_pipeline.footage.container import open_clip
from montage_pipeline.footage.fetching.ranges import BLOCK_BYTES, RangeServer
from montage_pipeline.footage.model import ClipSource
from montage_pipeline_tests.footage.media import H264, make_clip


class FileStore:
    """A store whose one object is a file."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()

    def get_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        return self._content[start : start + length]


def packets(source: ClipSource) -> list[tuple[int | None, int | None, bytes]]:
    """Every packet of the first video track: place, time and content."""
    with open_clip(source) as container:
        demuxed = container.demux(container.streams.video[0])
        return [(packet.pos, packet.pts, bytes(packet)) for packet in demuxed]


@pytest.mark.parametrize("options", [(), ("-movflags", "+faststart")], ids=["last", "first"])
@pytest.mark.parametrize("duration_s", [1, 12], ids=["one block", "several blocks"])
def test_no_packet_is_lost_wherever_the_index_lies(
    tmp_path: Path, options: Sequence[str], duration_s: float
) -> None:
    """Cameras write the index at the end: readers then go back to the beginning."""
    output = (*H264, "-crf", "18", *options)
    clip = make_clip(tmp_path / "clip.mp4", size="640x360", duration_s=duration_s, output=output)
    size = clip.stat().st_size
    assert (size > BLOCK_BYTES) == (duration_s > 1)
    with RangeServer(FileStore(clip), tmp_path) as ranges:
        read = packets(ranges.address_of("clip.mp4", size, "etag"))
    assert read == packets(clip)
