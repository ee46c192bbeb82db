"""The units that a packet of H.264 or HEVC consists of (NAL units).

Belongs here: parting them, and which of them say how frames are coded. Does not belong here: what
messages among them mean (footage.rebuilding).
"""

from collections.abc import Iterator

_START_CODE = b"\0\0\1"
_MAX_BYTES = 1 << 16  # at the start of a packet, in which messages and parameter sets stand

_H264_SPS, _HEVC_SPS = 7, 33  # types of units (H.264, table 7-1; HEVC, table 7-1)
_AVCC_LENGTH_AT, _HVCC_LENGTH_AT = 4, 21  # in a decoder's setup of version 1


def length_bytes_of(codec: str, extradata: bytes | None) -> int:
    """Bytes of the length before each unit, by the decoder's setup; 0 for start codes.

    `codec` is FFmpeg's name: h264 or hevc.
    """
    place = _HVCC_LENGTH_AT if codec == "hevc" else _AVCC_LENGTH_AT
    if extradata and len(extradata) > place and extradata[0] == 1:
        return (extradata[place] & 3) + 1
    return 0


def units_of(packet: bytes, length_bytes: int) -> Iterator[tuple[bytes, bytes]]:
    """Each unit with and without what parts it from others.

    `length_bytes`: of the length before each unit; 0 where start codes part them.
    """
    if length_bytes:
        place = 0
        while place + length_bytes < min(len(packet), _MAX_BYTES):
            begin = place + length_bytes
            end = begin + int.from_bytes(packet[place:begin], "big")
            yield packet[place:end], packet[begin:end]
            place = end
        return

    for unit in packet[:_MAX_BYTES].split(_START_CODE)[1:]:
        yield _START_CODE + unit, unit


def sequence_sets(packet: bytes, codec: str, length_bytes: int) -> frozenset[bytes]:
    """The sequence parameter sets in a packet, which say the size of frames; `codec` as above."""
    found = set()
    for _, unit in units_of(packet, length_bytes):
        kind = (unit[0] >> 1 & 0x3F if codec == "hevc" else unit[0] & 0x1F) if unit else -1
        if kind == (_HEVC_SPS if codec == "hevc" else _H264_SPS):
            found.add(unit.rstrip(b"\0"))  # a start code may have a zero more
    return frozenset(found)
