"""The right times of a file's packets, as arithmetic on the times that they bear.

Belongs here: joining clocks that start again, and times from an order. Does not belong here:
reading packets (copying), the order in which frames are shown (order).
"""

from collections.abc import Sequence
from typing import NamedTuple

TICKS_HZ = 90_000
"""The clock of a rebuilt file: that of MPEG, on which every usual frame rate comes out even."""

_BACK_TICKS = TICKS_HZ // 2
"""A track that goes back by more than this has started again: no codec reorders so far."""

_AHEAD_TICKS = 10 * TICKS_HZ
"""A broadcast that jumps ahead by more has been joined; FFmpeg takes the same figure."""

_TOGETHER_TICKS = 5 * TICKS_HZ
"""Tracks of one recording begin within this of each other."""


class Row(NamedTuple):
    """One packet in the order of the file: its track, and its times in ticks."""

    track: int
    pts: int
    dts: int
    duration: int


def joined_offsets(rows: Sequence[Row]) -> list[int]:
    """What to add to the times of each packet so that recordings follow one another.

    The first keeps its times; each later one begins where all before it has ended.
    """
    pieces = _pieces(rows)
    rows_of: dict[int, list[Row]] = {}
    for row, piece in zip(rows, pieces, strict=True):
        rows_of.setdefault(piece, []).append(row)

    offsets: dict[int, int] = {}
    end = 0
    for piece, own in sorted(rows_of.items()):
        offsets[piece] = 0 if not offsets else end - min(row.pts for row in own)
        ends = (row.pts + max(row.duration, 1) + offsets[piece] for row in own)
        end = max(ends) if len(offsets) == 1 else max(end, *ends)
    return [offsets[piece] for piece in pieces]


def is_joined(rows: Sequence[Row]) -> bool:
    """Whether the file holds more than one recording."""
    return max(_pieces(rows), default=0) > 0


def _pieces(rows: Sequence[Row]) -> list[int]:
    """The number of the recording that each packet belongs to.

    Packets of the earlier one may still come after the first of the next.
    """
    pieces: list[int] = []
    piece, began = 0, 0
    last: dict[int, tuple[int, int]] = {}  # by track: the piece it is in, and its last time
    for row in rows:
        own_piece, before = last.get(row.track, (piece, row.dts))
        if not pieces:
            began = row.dts
        if not -_BACK_TICKS <= row.dts - before <= _AHEAD_TICKS:
            follows = own_piece < piece and abs(row.dts - began) <= _TOGETHER_TICKS
            if not follows:
                piece, began = piece + 1, row.dts
            own_piece = piece
        last[row.track] = (own_piece, row.dts)
        pieces.append(own_piece)
    return pieces


def times_in_order(times: Sequence[int], order: Sequence[int]) -> list[int]:
    """The times of packets given the order in which they are shown.

    `order` has the packet that is shown first, then the second …; the earliest time goes to it.
    """
    shown = [0] * len(times)
    for time, packet in zip(sorted(times), order, strict=True):
        shown[packet] = time
    return shown


def decoding_times(shown: Sequence[int]) -> list[int]:
    """Times of decoding for packets in the order of decoding: rising, and none after it is shown.

    They are as late as a constant lead allows.
    """
    rising: list[int] = []
    for time in sorted(shown):
        rising.append(max(time, rising[-1] + 1) if rising else time)
    lead = max((early - time for early, time in zip(rising, shown, strict=True)), default=0)
    return [time - max(0, lead) for time in rising]
