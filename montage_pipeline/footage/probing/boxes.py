"""The boxes of an MP4 or QuickTime file, found without reading what they hold.

Does not belong here: what a box means (encryption, log_profile).
"""

import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

MAX_BOXES = 10_000
"""In one box: more are no real file's."""

DESCRIPTIONS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
"""The way to how a track is coded."""

_STSD_HEAD = 8  # bytes before its entries


class Box(NamedTuple):
    """A part of a file: its name, and where its content begins and ends."""

    name: bytes
    start: int
    end: int


def boxes_at(file: BinaryIO, way: Sequence[bytes], within: Box | None = None) -> Iterator[Box]:
    """The boxes that lie at the end of a way of names through the file. Ends where it is cut off.

    Raises OSError, and struct.error where a box's head is cut off.
    """
    if within is None:
        within = Box(b"", 0, file.seek(0, 2))
    for box in _children(file, within):
        if box.name != way[0]:
            continue
        if len(way) == 1:
            yield box
        else:
            yield from boxes_at(file, way[1:], box)


def entries_of(file: BinaryIO, description: Box) -> Iterator[Box]:
    """The sample entries of an `stsd` box."""
    return _children(file, description._replace(start=description.start + _STSD_HEAD))


def _children(file: BinaryIO, within: Box) -> Iterator[Box]:
    place = within.start
    for _ in range(MAX_BOXES):
        file.seek(place)
        head = file.read(8)
        if place + 8 > within.end or len(head) < 8:
            return
        size, name = struct.unpack(">I4s", head)
        start = place + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            start += 8
        end = within.end if size == 0 else place + size
        if not start <= end <= within.end:
            return
        yield Box(name, start, end)
        place = end
