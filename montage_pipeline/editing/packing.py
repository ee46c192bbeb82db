"""Exact arithmetic of cutting footage into pieces: which total length is possible, and one way to
reach it.

Belongs here: counting frames. Does not belong here: which footage is good.

The footage is a set of rooms: uninterrupted runs of unused frames. A room of L frames gives k
pieces when each has `min_frames..max_frames` and `gap` frames lie between neighbours. The most
frames that k pieces can show is a concave function of k, so taking the largest gains first is
optimal over all rooms together, and "is there any way to fill this Reel?" has an exact answer
without a search.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import NamedTuple

from montage_pipeline.rules import HOOK_S, MAX_CUT_S, MIN_CUT_S


class CutRules(NamedTuple):
    """Lengths in frames of the timeline: the hook's, and the shortest and longest other cut's."""

    hook_frames: int
    min_frames: int
    max_frames: int

    @classmethod
    def at_rate(cls, fps: Fraction) -> "CutRules":
        """The lengths that every Reel keeps to, at a frame rate."""
        return cls(round(HOOK_S * float(fps)), ceil(MIN_CUT_S * fps), floor(MAX_CUT_S * fps))


class Piece(NamedTuple):
    """Frames `[start, start + frames)` of a stretch."""

    stretch: int
    start: int
    frames: int

    @property
    def end(self) -> int:
        """First frame after the piece."""
        return self.start + self.frames


class Room(NamedTuple):
    """Unused frames `[start, end)` of a stretch; two pieces cut from it keep `gap` frames apart."""

    stretch: int
    start: int
    end: int
    gap: int

    @property
    def frames(self) -> int:
        """Length in frames."""
        return self.end - self.start

    def holds(self, piece: Piece) -> bool:
        """Whether a piece lies in this room."""
        return self.stretch == piece.stretch and self.start <= piece.start and piece.end <= self.end


class ShortRoom(NamedTuple):
    """Footage that gives a single cut of `least..frames` frames, shorter than the rules have it."""

    least: int
    frames: int


class Gains(NamedTuple):
    """What each further piece of a room adds to the frames shown.

    `full` pieces add `max_frames` each, then one adds `partial` (None: no such piece fits), then
    `extra` more pieces each cost a gap.
    """

    full: int
    partial: int | None
    extra: int


@lru_cache(maxsize=65536)
def gains(frames: int, gap: int, rules: CutRules) -> Gains:
    """What the pieces of a room of `frames` frames add, one after the other."""
    most_pieces = (frames + gap) // (rules.min_frames + gap)
    full = min(most_pieces, (frames + gap) // (rules.max_frames + gap))
    if most_pieces == full:
        return Gains(full, None, 0)
    return Gains(full, frames - full * (rules.max_frames + gap), most_pieces - full - 1)


def longest_total(
    rooms: Sequence[tuple[int, int]], rules: CutRules, limit: int, short_sums: int = 1
) -> int:
    """The largest number of frames up to `limit` that pieces cut from rooms `(frames, gap)` can
    sum to; 0 when there is none. `short_sums` are the sums of the short cuts that may be among them
    (as `sums_of_short` has them).
    """
    full_pieces = 0
    further_gains: list[int] = []
    for frames, gap in rooms:
        if frames < rules.min_frames:
            continue
        full, partial, extra = gains(frames, gap, rules)
        full_pieces += full
        if partial is not None:
            further_gains.append(partial)
            further_gains.extend([-gap] * extra)
    further_gains.sort(reverse=True)

    longest, shown = _largest(short_sums, limit), 0
    for count in range(1, limit // rules.min_frames + 1):
        if longest == limit:
            break
        if count <= full_pieces:
            shown = rules.max_frames * count
        elif count - full_pieces <= len(further_gains):
            shown += further_gains[count - full_pieces - 1]
        else:
            break
        # So many pieces can show any number of frames from their least to their most.
        short = _largest(short_sums, limit - count * rules.min_frames)
        longest = max(longest, min(limit, shown + short))
    return longest


@lru_cache(maxsize=4096)
def sums_of_short(short: tuple[ShortRoom, ...], allowed: int) -> int:
    """The frames that at most `allowed` short cuts can sum to: bit n is set where n frames can."""
    by_count = [1] + [0] * allowed
    for least, frames in short:
        for count in range(allowed, 0, -1):
            for length in range(least, frames + 1):
                by_count[count] |= by_count[count - 1] << length
    sums = 0
    for found in by_count:
        sums |= found
    return sums


def _largest(sums: int, limit: int) -> int:
    """The largest of some sums up to a limit."""
    return (sums & ((1 << (limit + 1)) - 1)).bit_length() - 1


def quickly_possible(full_pieces: int, remaining: int, rules: CutRules) -> bool:
    """Whether `full_pieces` pieces of the longest length surely fill `remaining` frames.

    False means: not known.
    """
    count = -(-remaining // rules.max_frames)
    return count <= full_pieces and count * rules.min_frames <= remaining


def fill_exactly(
    rooms: Sequence[Room], rules: CutRules, total: int, preferred_frames: int
) -> list[Piece]:
    """Pieces from `rooms` that sum to `total` frames, in order of room; empty when impossible.

    Of the possible numbers of pieces it takes the one whose mean length is nearest to
    `preferred_frames`.
    """
    offers = _offers(rooms, rules)
    possible_counts: list[int] = []
    shown = 0
    for count, (gain, _) in enumerate(offers, start=1):
        shown += gain
        if count * rules.min_frames <= total <= shown:
            possible_counts.append(count)
    if not possible_counts:
        return []

    count = min(possible_counts, key=lambda n: (abs(total / n - preferred_frames), n))
    pieces_in: dict[int, int] = {}
    for _, room in offers[:count]:
        pieces_in[room] = pieces_in.get(room, 0) + 1
    frames_in = _shares(rooms, rules, pieces_in, total)
    return [
        piece
        for room in sorted(frames_in)
        for piece in _spread(rooms[room], pieces_in[room], frames_in[room])
    ]


def _offers(rooms: Sequence[Room], rules: CutRules) -> list[tuple[int, int]]:
    """What each further piece adds, and the number of the room it comes from; largest first."""
    offers: list[tuple[int, int]] = []
    for number, room in enumerate(rooms):
        if room.frames < rules.min_frames:
            continue
        full, partial, extra = gains(room.frames, room.gap, rules)
        offers.extend([(rules.max_frames, number)] * full)
        if partial is not None:
            offers.append((partial, number))
            offers.extend([(-room.gap, number)] * extra)
    return sorted(offers, key=lambda offer: (-offer[0], offer[1]))


def _shares(
    rooms: Sequence[Room], rules: CutRules, pieces_in: dict[int, int], total: int
) -> dict[int, int]:
    """How many of `total` frames each room shows, given its number of pieces.

    Every piece begins at the shortest length; what is missing is handed out in equal shares.
    """
    shares = {room: pieces * rules.min_frames for room, pieces in pieces_in.items()}
    limits = {
        room: min(pieces * rules.max_frames, rooms[room].frames - (pieces - 1) * rooms[room].gap)
        for room, pieces in pieces_in.items()
    }
    missing = total - sum(shares.values())
    while missing:
        growing = [room for room in shares if shares[room] < limits[room]]
        step = max(1, missing // len(growing))
        for room in growing:
            grown = min(step, limits[room] - shares[room], missing)
            shares[room] += grown
            missing -= grown
    return shares


def _spread(room: Room, pieces: int, frames: int) -> list[Piece]:
    """Pieces of nearly equal length that sum to `frames`, the room's spare frames between them."""
    spare = room.frames - frames - (pieces - 1) * room.gap
    between = spare // (pieces - 1) if pieces > 1 else 0
    at = room.start if pieces > 1 else room.start + spare // 2
    placed: list[Piece] = []
    for number in range(pieces):
        length = frames // pieces + (1 if number < frames % pieces else 0)
        placed.append(Piece(room.stretch, at, length))
        at += length + room.gap + between
    return placed


def rooms_after(rooms: Sequence[Room], piece: Piece) -> list[Room]:
    """The rooms left when `piece`, which lies in one of them, is taken with a gap on both sides."""
    left: list[Room] = []
    for room in rooms:
        if room.stretch != piece.stretch or piece.end <= room.start or piece.start >= room.end:
            left.append(room)
            continue
        if piece.start - room.gap > room.start:
            left.append(Room(room.stretch, room.start, piece.start - room.gap, room.gap))
        if piece.end + room.gap < room.end:
            left.append(Room(room.stretch, piece.end + room.gap, room.end, room.gap))
    return left
