"""How a file is sent in parts: their sizes, and an upload's id, which says how large the file is.

Nothing is remembered of an upload but what the store has: its id holds the size that was announced,
so that every part is signed for just its bytes, and nothing is completed that is not whole.
"""

import secrets
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

PART_BYTES = 16 * 1024 * 1024
"""What a phone sends in half a minute. S3 takes 5 MiB or more, and 10,000 parts: 160 GB."""

_SIZE_SHIFT = 80
_VERSION = 8 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = 62


class PartSize(NamedTuple):
    """One part, by its number from 1."""

    number: int
    bytes: int


def new_upload_id(size: int) -> UUID:
    """A random id of an upload of `size` bytes: a UUID of version 8, which starts with
    48 bits of ours.
    """
    random = secrets.randbits(12) << 64 | secrets.randbits(_RANDOM_BITS)
    return UUID(int=size << _SIZE_SHIFT | _VERSION | _VARIANT | random)


def size_of(upload_id: UUID) -> int:
    """The bytes of the file that an upload is of."""
    return upload_id.int >> _SIZE_SHIFT


def parts_of(size: int) -> Iterator[PartSize]:
    """The parts of a file, all of the same size but for the last."""
    for number, start in enumerate(range(0, size, PART_BYTES), start=1):
        yield PartSize(number, min(PART_BYTES, size - start))
