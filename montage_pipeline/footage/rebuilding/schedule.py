"""The right times of a file's packets, as arithmetic on the times that they bear.

Belongs here: joining clocks that start again or leap, times that are missing, and times from an
order. Does not belong here: reading packets (copying), the order in which frames are shown (order).
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low
from typing import NamedTuple

TICKS_HZ = 90_000
"""The clock of a rebuilt file: that of MPEG, on which every usual frame rate comes out even."""

_BACK_TICKS = TICKS_HZ // 2
"""A track that goes back by more than this has started again: no codec reorders so far."""

AHEAD_TICKS = 10 * TICKS_HZ
"""A broadcast that jumps ahead by more has been joined; FFmpeg takes the same figure."""

HELD_TICKS = 60 * TICKS_HZ
"""In files with an index a frame may be held for as long: a screen recorder writes none while
nothing changes. Nothing of what is held for longer could be shown.
"""

_MAX_PACES = 50
"""Packets of a time-lapse may be minutes apart; a leap is as long as so many of its own steps."""

_TOGETHER_TICKS = 5 * TICKS_HZ
"""Tracks of one recording begin within this of each other."""

_USUAL_TICKS = TICKS_HZ // 25
"""Between two packets of a track that tells no times at all."""


class Row(NamedTuple):
    """One packet in the order of the file: its track, and its times in ticks."""

    track: int
    pts: int
    dts: int
    duration: int


def joined_offsets(rows: Sequence[Row], ahead: int = AHEAD_TICKS) -> list[int]:
    """What to add to the times of each packet so that recordings follow one another.

    The first keeps its times; each later one begins where all before it has ended. `ahead`: from
    which a leap makes another recording.
    """
    pieces = _pieces(rows, ahead)
    paces = _paces(rows)
    rows_of: dict[int, list[Row]] = {}
    for row, piece in zip(rows, pieces, strict=True):
        rows_of.setdefault(piece, []).append(row)

    offsets: dict[int, int] = {}
    end = 0
    for piece, own in sorted(rows_of.items()):
        offsets[piece] = 0 if not offsets else end - min(row.pts for row in own)
        # What is before a leap claims to last until it is over.
        ends = (row.pts + _lasts(row, paces[row.track], ahead) + offsets[piece] for row in own)
        end = max(ends) if len(offsets) == 1 else max(end, *ends)
    return [offsets[piece] for piece in pieces]


def is_joined(rows: Sequence[Row], ahead: int = AHEAD_TICKS) -> bool:
    """Whether the file holds more than one recording."""
    return max(_pieces(rows, ahead), default=0) > 0


def _lasts(row: Row, pace: int, ahead: int) -> int:
    """How long a packet is shown or heard."""
    return max(1, row.duration if row.duration <= ahead else pace)


def _paces(rows: Sequence[Row]) -> dict[int, int]:
    """By track: the usual step from one packet to the next."""
    times: dict[int, list[int]] = {}
    for row in rows:
        times.setdefault(row.track, []).append(row.dts)
    return {track: _pace(own) for track, own in times.items()}


def _pace(times: Sequence[int]) -> int:
    steps = [late - early for early, late in pairwise(times) if late > early]
    return median_low(steps) if steps else _USUAL_TICKS


def _pieces(rows: Sequence[Row], ahead: int) -> list[int]:
    """The number of the recording that each packet belongs to.

    Packets of the earlier one may still come after the first of the next.
    """
    leaps = {track: max(ahead, _MAX_PACES * pace) for track, pace in _paces(rows).items()}
    pieces: list[int] = []
    began = [_clock(row) for row in rows[:1]]  # by piece: its first time
    latest = list(began)  # by piece: the last time of any of its tracks
    last: dict[int, tuple[int, int]] = {}  # by track: the piece it is in, and its last time
    for row in rows:
        now, piece = _clock(row), len(began) - 1
        own_piece, before = last.get(row.track, (piece, now))
        back = now - before < -_BACK_TICKS
        if back and own_piece == piece > 0 and _is_late(now, began, latest):
            pieces.append(piece - 1)
            continue

        # While one track pauses, the others go on.
        if back or now - max(before, latest[own_piece]) > leaps[row.track]:
            if own_piece == piece or abs(now - began[piece]) > _TOGETHER_TICKS:
                began.append(now)
                latest.append(now)
            own_piece = len(began) - 1
        last[row.track] = (own_piece, now)
        latest[own_piece] = max(now, latest[own_piece])
        pieces.append(own_piece)
    return pieces


def _clock(row: Row) -> int:
    """The time by which recordings are told apart: of decoding, which never goes back.

    Where that is made up, as for Matroska, a packet that is shown after a leap is decoded before.
    """
    return row.dts if abs(row.pts - row.dts) <= _TOGETHER_TICKS else row.pts


def _is_late(now: int, began: Sequence[int], latest: Sequence[int]) -> bool:
    """Whether a packet that goes back is one of the recording before, shown before its last."""
    return latest[-1] - began[-1] <= _BACK_TICKS and abs(now - latest[-2]) <= _BACK_TICKS


def with_missing(times: Sequence[int | None]) -> list[int]:
    """The times of a track's packets, in the order of the file, with those that are missing: spread
    evenly between the known ones, and before and after these at the track's pace.
    """
    known = [(place, time) for place, time in enumerate(times) if time is not None]
    if not known:
        return [place * _USUAL_TICKS for place in range(len(times))]
    pace = _pace([time for _, time in known])
    (first_place, first), (last_place, last) = known[0], known[-1]
    found = [first - pace * (first_place - place) for place in range(first_place)]
    for (place, time), (next_place, next_time) in pairwise(known):
        steps = next_place - place
        found += [time + (next_time - time) * step // steps for step in range(steps)]
    return found + [last + pace * step for step in range(len(times) - last_place)]


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
