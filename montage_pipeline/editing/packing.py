"""Exact arithmetic of cutting footage into pieces: what total length is possible, and one way to
reach it.

Belongs here: counting frames. Does not belong here: which footage is good.

The footage is a set of rooms: uninterrupted runs of unused frames. A room of L frames gives k
pieces when
each has `min_frames..max_frames` and `gap` frames lie between neighbours. The most frames that k
pieces can
show is a concave function of k, so taking the largest gains first is optimal over all rooms
together and
"is there any way to fill this Reel?" has an exact answer without a search.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple


class CutRules(NamedTuple):
    """Lengths in frames of the timeline: the hook's, and the least and most of every other cut."""

    hook_frames: int
    min_frames: int
    max_frames: int


class Room(NamedTuple):
    """Unused frames `[start, end)` of a stretch, and the frames to leave between two pieces cut
    from it.
    """

    stretch: int
    start: int
    end: int
    gap: int

    @property
    def frames(self) -> int:
        """Length in frames."""
        return self.end - self.start


class Piece(NamedTuple):
    """Frames `[start, start + frames)` of a stretch."""

    stretch: int
    start: int
    frames: int

    @property
    def end(self) -> int:
        """First frame after the piece."""
        return self.start + self.frames


@lru_cache(maxsize=65536)
def gains(frames: int, gap: int, rules: CutRules) -> tuple[int, int | None, int]:
    """What each further piece of a room adds: `full` pieces add `max_frames`, then one adds
    `partial`
    (None: no such piece fits), then `extra` more pieces each cost `gap` frames."""
    most = (frames + gap) // (rules.min_frames + gap)
    full = min(most, (frames + gap) // (rules.max_frames + gap))
    if most == full:
        return full, None, 0
    return full, frames - full * (rules.max_frames + gap), most - full - 1


def longest_total(rooms: Sequence[tuple[int, int]], rules: CutRules, limit: int) -> int:
    """The largest number of frames <= `limit` that pieces cut from rooms `(frames, gap)` can sum
    to; 0 when none.
    """
    full_pieces = 0
    partials: list[int] = []
    costs: list[int] = []
    for frames, gap in rooms:
        if frames < rules.min_frames:
            continue
        full, partial, extra = gains(frames, gap, rules)
        full_pieces += full
        if partial is not None:
            partials.append(partial)
            if extra:
                costs.extend([-gap] * extra)
    further = sorted(partials + costs, reverse=True)
    best = 0
    shown = 0
    for count in range(1, limit // rules.min_frames + 1):
        if count <= full_pieces:
            shown = rules.max_frames * count
        elif count - full_pieces <= len(further):
            shown += further[count - full_pieces - 1]
        else:
            break
        best = max(best, min(limit, shown))
        if best == limit:
            break
    return best


def quickly_possible(full_pieces: int, remaining: int, rules: CutRules) -> bool:
    """True when `full_pieces` rooms for the longest cut surely fill `remaining` frames;

    False means: not known.
    """
    count = -(-remaining // rules.max_frames)
    return count <= full_pieces and count * rules.min_frames <= remaining


def fill_exactly(
    rooms: Sequence[Room], rules: CutRules, total: int, preferred_frames: int
) -> list[Piece]:
    """Pieces from `rooms` that sum to `total` frames, in order of room; empty when that is
    impossible.

    Of the possible numbers of pieces it takes the one whose mean length is nearest to
    `preferred_frames`.
    """
    offers: list[tuple[int, int]] = []
    for index, room in enumerate(rooms):
        if room.frames < rules.min_frames:
            continue
        full, partial, extra = gains(room.frames, room.gap, rules)
        offers.extend([(rules.max_frames, index)] * full)
        if partial is not None:
            offers.append((partial, index))
            offers.extend([(-room.gap, index)] * extra)
    offers.sort(key=lambda offer: (-offer[0], offer[1]))
    counts_possible: list[int] = []
    shown = 0
    for count, (gain, _) in enumerate(offers, start=1):
        shown += gain
        if count * rules.min_frames <= total <= shown:
            counts_possible.append(count)
    if not counts_possible:
        return []
    count = min(counts_possible, key=lambda n: (abs(total / n - preferred_frames), n))
    per_room: dict[int, int] = {}
    for _, index in offers[:count]:
        per_room[index] = per_room.get(index, 0) + 1
    # Everyone starts at the least; what is missing is handed out room by room in equal shares.
    shares = {index: pieces * rules.min_frames for index, pieces in per_room.items()}
    limits = {
        index: min(pieces * rules.max_frames, rooms[index].frames - (pieces - 1) * rooms[index].gap)
        for index, pieces in per_room.items()
    }
    missing = total - sum(shares.values())
    while missing:
        growing = [index for index in shares if shares[index] < limits[index]]
        step = max(1, missing // len(growing))
        for index in growing:
            grown = min(step, limits[index] - shares[index], missing)
            shares[index] += grown
            missing -= grown
    return [
        piece
        for index in sorted(shares)
        for piece in _spread(rooms[index], per_room[index], shares[index])
    ]


def _spread(room: Room, pieces: int, frames: int) -> list[Piece]:
    """`pieces` pieces of nearly equal length that sum to `frames`, with the spare frames of the
    room between them.
    """
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
    """The rooms that stay when `piece` (which must lie in one of them) is taken, with its gap on
    both sides.
    """
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
