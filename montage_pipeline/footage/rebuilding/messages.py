"""Messages that x264 leaves in the first packet, and that later packets are decoded by.

x264 before build 151 coded 4:4:4 otherwise than the standard says. FFmpeg's decoder knows by the
build number, which x264 writes into one message at the start of the stream; after a seek the
decoder has forgotten it, and what it decodes is green and purple blocks.

Belongs here: finding such messages and putting them in front of other packets.
"""

from montage_pipeline.media.units import units_of

X264_MARK = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")
"""The UUID of the messages in which x264 says its version."""

_SEI = 6  # type of a NAL unit that holds messages (H.264, table 7-1)


def x264_messages(packet: bytes, length_bytes: int) -> bytes:
    """The units of an H.264 packet with x264's version, as they are stored; empty where none is.

    `length_bytes`: of the length before each unit; 0 where start codes part them.
    """
    found = b""
    for stored, unit in units_of(packet, length_bytes):
        if unit and unit[0] & 0x1F == _SEI and X264_MARK in unit:
            found += stored
    return found
