"""Messages that x264 leaves in the first packet, and that later packets are decoded by.

x264 before build 151 coded 4:4:4 otherwise than the standard says. FFmpeg's decoder knows by the
build number, which x264 writes into one message at the start of the stream; after a seek the
decoder has forgotten it, and what it decodes is green and purple blocks.

Belongs here: finding such messages and putting them in front of other packets.
"""

from collections.abc import Iterator

X264_MARK = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")
"""The UUID of the messages in which x264 says its version."""

_SEI = 6  # type of a NAL unit that holds messages (H.264, table 7-1)
_START_CODE = b"\0\0\1"
_MAX_UNITS_BYTES = 1 << 16  # at the start of a packet, in which messages stand


def x264_messages(packet: bytes, length_bytes: int) -> bytes:
    """The units of an H.264 packet with x264's version, as they are stored; empty where none is.

    `length_bytes`: of the length before each unit; 0 where start codes part them.
    """
    found = b""
    for stored, unit in _units(packet, length_bytes):
        if unit and unit[0] & 0x1F == _SEI and X264_MARK in unit:
            found += stored
    return found


def nal_length_bytes(extradata: bytes | None) -> int:
    """Bytes of the length before each unit, by the decoder's setup; 0 for start codes."""
    if extradata and len(extradata) > 4 and extradata[0] == 1:
        return (extradata[4] & 3) + 1
    return 0


def _units(packet: bytes, length_bytes: int) -> Iterator[tuple[bytes, bytes]]:
    """Each unit with and without what parts it from others."""
    if length_bytes:
        place = 0
        while place + length_bytes < min(len(packet), _MAX_UNITS_BYTES):
            begin = place + length_bytes
            end = begin + int.from_bytes(packet[place:begin], "big")
            yield packet[place:end], packet[begin:end]
            place = end
        return

    for unit in packet[:_MAX_UNITS_BYTES].split(_START_CODE)[1:]:
        yield _START_CODE + unit, unit
