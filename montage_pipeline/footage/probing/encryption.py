"""Which of a file's tracks are encrypted, by what its container says of itself.

A decoder only finds such tracks damaged, some of them (those with a clear beginning) not even that.

Belongs here: CENC and FairPlay in MP4 and QuickTime, the encryption of Matroska and WebM, the DRM
of ASF, scrambled transport streams and DVDs. Does not belong here: decrypting, which needs the
shop's key.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.probing.boxes import (
    DESCRIPTIONS,
    MAX_BOXES,
    boxes_at,
    entries_of,
)

TrackKind = Literal["video", "audio"]

_ENCRYPTED_ENTRIES: dict[bytes, TrackKind] = {
    b"encv": "video",  # Common Encryption (ISO/IEC 23001-7)
    b"enca": "audio",
    b"drmi": "video",  # FairPlay
    b"drms": "audio",
}

_EBML, _SEGMENT, _TRACKS, _TRACK_ENTRY, _TRACK_TYPE = (
    *(0x1A45DFA3, 0x18538067, 0x1654AE6B),
    *(0xAE, 0x83),
)
_TO_ENCRYPTION = (0x6D80, 0x6240, 0x5035)  # ContentEncodings, ContentEncoding, ContentEncryption
_CLUSTER = 0x1F43B675
_TRACK_TYPES: dict[int, TrackKind] = {1: "video", 2: "audio"}

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_HEADER_HEAD, _ASF_OBJECT_HEAD = 30, 24  # bytes
_ASF_ENCRYPTION = {
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
    bytes.fromhex("335805438169e6499b74ad12cb86d58c"),
}
"""The Content Encryption objects: plain, extended and advanced."""

_TS_SYNC, _TS_PACKET = 0x47, 188
_TS_LEAD = 4  # bytes of time before each packet, as recorders write them
_TS_PACKETS = 4000  # looked at: well under a second of any broadcast
_TS_TABLES = 0x20  # PIDs below it, and the null packets, are never scrambled
_TS_NULL = 0x1FFF
_SCRAMBLED_SHARE = 0.5  # of the packets that carry something

# Of MPEG program streams (ISO/IEC 13818-1, 2.5.3 and 2.4.3.6).
_START_CODE, _PACK = b"\x00\x00\x01", 0xBA
_PACK_BYTES, _OLD_PACK_BYTES = 14, 12  # of MPEG-2, which adds stuffing, and of MPEG-1
_PES_HEAD, _PRIVATE = 6, 0xBD  # sound of DVDs that is not MPEG's
_PS_BYTES = 8 << 20  # looked at: some seconds of a DVD
_DISC_SHARE = 0.05  # of a kind's packets: discs scramble half of them, and no clear file any


def refuse_encrypted(path: Path) -> None:
    """Raise PermanentError(CLIP_ENCRYPTED) for a clip whose video is encrypted."""
    if "video" in encrypted_tracks(path):
        raise PermanentError(
            ErrorCode.CLIP_ENCRYPTED,
            "it is encrypted (copy-protected): only the app or shop it comes from can play it. "
            "Use a copy without protection",
        )


def encrypted_tracks(path: Path) -> frozenset[TrackKind]:
    """The kinds of tracks that a file says are encrypted; none for a file of another format."""
    with suppress(OSError, struct.error), path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(16)
        if head == _ASF_HEADER:
            return frozenset(_of_asf(file))
        if head[:4] == _EBML.to_bytes(4, "big"):
            return frozenset(_of_matroska(file, size))
        if head[:4] == _START_CODE + bytes([_PACK]):
            return frozenset(_of_program_stream(file))
        for lead in (0, _TS_LEAD):
            if head[lead : lead + 1] == bytes([_TS_SYNC]):
                return frozenset(_of_transport_stream(file, lead))
        return frozenset(_of_mp4(file))
    return frozenset()


def _of_mp4(file: BinaryIO) -> Iterator[TrackKind]:
    """What the sample entries of its tracks say."""
    for description in boxes_at(file, DESCRIPTIONS):
        entries = (_ENCRYPTED_ENTRIES.get(box.name) for box in entries_of(file, description))
        yield from (kind for kind in entries if kind)


def _of_matroska(file: BinaryIO, size: int) -> Iterator[TrackKind]:
    for segment in _elements(file, 0, size):
        if segment[0] != _SEGMENT:
            continue
        for tracks in _elements(file, *segment[1:]):
            if tracks[0] == _CLUSTER:
                return  # tracks stand before what they hold
            if tracks[0] == _TRACKS:
                yield from _of_tracks(file, tracks[1], tracks[2])


def _of_tracks(file: BinaryIO, start: int, end: int) -> Iterator[TrackKind]:
    for name, entry_start, entry_end in _elements(file, start, end):
        if name != _TRACK_ENTRY:
            continue
        kind = None
        encrypted = _leads_to(file, entry_start, entry_end, _TO_ENCRYPTION)
        for child, child_start, child_end in _elements(file, entry_start, entry_end):
            if child == _TRACK_TYPE:
                file.seek(child_start)
                kind = _TRACK_TYPES.get(int.from_bytes(file.read(child_end - child_start), "big"))
        if kind and encrypted:
            yield kind


def _leads_to(file: BinaryIO, start: int, end: int, way: tuple[int, ...]) -> bool:
    """Whether elements of these names lie one in the other."""
    return not way or any(
        name == way[0] and _leads_to(file, child_start, child_end, way[1:])
        for name, child_start, child_end in list(_elements(file, start, end))
    )


def _elements(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """EBML elements: name, and where the content begins and ends."""
    place = start
    for _ in range(MAX_BOXES):
        file.seek(place)
        name = _number(file, marked=True)
        size = _number(file, marked=False)
        if place >= end or name is None or size is None:
            return
        content = file.tell()
        last = min(end, content + size)
        yield name, content, last
        place = last


def _number(file: BinaryIO, *, marked: bool) -> int | None:
    """A number of variable length; with its mark for a name. None where there is none."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(first + file.read(more), "big")
    return value if marked else value & ((1 << 7 * (more + 1)) - 1)


def _of_asf(file: BinaryIO) -> Iterator[TrackKind]:
    """All of an ASF file is protected, or nothing."""
    (size,) = struct.unpack("<Q", file.read(8))
    place = _ASF_HEADER_HEAD
    for _ in range(MAX_BOXES):
        file.seek(place)
        head = file.read(_ASF_OBJECT_HEAD)
        if place >= size or len(head) < _ASF_OBJECT_HEAD:
            return
        if head[:16] in _ASF_ENCRYPTION:
            yield from ("video", "audio")
            return
        place += max(_ASF_OBJECT_HEAD, struct.unpack("<Q", head[16:])[0])


def _of_transport_stream(file: BinaryIO, lead: int) -> Iterator[TrackKind]:
    """`lead`: bytes before each packet."""
    size = lead + _TS_PACKET
    file.seek(0)
    content = file.read(_TS_PACKETS * size)
    carrying, scrambled = 0, 0
    for place in range(lead, len(content) - _TS_PACKET + 1, size):
        packet = content[place : place + 4]
        pid = int.from_bytes(packet[1:3], "big") & 0x1FFF
        if packet[0] == _TS_SYNC and pid >= _TS_TABLES and pid != _TS_NULL:
            carrying += 1
            scrambled += packet[3] >> 6 != 0
    if scrambled > _SCRAMBLED_SHARE * carrying:
        yield from ("video", "audio")


def _of_program_stream(file: BinaryIO) -> Iterator[TrackKind]:
    """What the packets of a DVD's file say: only some are scrambled, in each of them two bits tell
    so.
    """
    file.seek(0)
    carrying: Counter[TrackKind] = Counter()
    scrambled: Counter[TrackKind] = Counter()
    for stream_id, flags in _pes_packets(file.read(_PS_BYTES)):
        kind = _kind_of_pes(stream_id)
        if kind is not None and flags >> 6 == 0b10:  # MPEG-1 has no such flags
            carrying[kind] += 1
            scrambled[kind] += bool(flags >> 4 & 0b11)
    yield from (kind for kind in carrying if scrambled[kind] > _DISC_SHARE * carrying[kind])


def _kind_of_pes(stream_id: int) -> TrackKind | None:
    if 0xE0 <= stream_id <= 0xEF:
        return "video"
    return "audio" if 0xC0 <= stream_id <= 0xDF or stream_id == _PRIVATE else None


def _pes_packets(content: bytes) -> Iterator[tuple[int, int]]:
    """The packets of a program stream: the id of each, and the first byte of its flags."""
    place = content.find(_START_CODE)
    while 0 <= place < len(content) - _PACK_BYTES:
        stream_id = content[place + 3]
        if stream_id == _PACK:
            is_old = content[place + 4] >> 6 != 0b01
            stuffing = 0 if is_old else content[place + _PACK_BYTES - 1] & 7
            place += (_OLD_PACK_BYTES if is_old else _PACK_BYTES) + stuffing
        elif stream_id > _PACK:
            yield stream_id, content[place + _PES_HEAD]
            place += _PES_HEAD + int.from_bytes(content[place + 4 : place + 6], "big")
        else:
            place += 1  # the end of a programme, or something lost: on to the next code
        place = content.find(_START_CODE, place)
