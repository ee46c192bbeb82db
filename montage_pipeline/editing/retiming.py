"""Last touches on a chosen edit: no take shown on and on, and every cut moved to a beat where the footage allows.

Belongs here: order and exact lengths of pieces already chosen. Does not belong here: choosing footage.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.beats import BeatRuler
from montage_pipeline.editing.candidates import Stretch
from montage_pipeline.editing.packing import CutRules, Piece

_MISS_COST = 100.0
_MOST_SLIDES = 200


def continuations(pieces: Sequence[Piece], rate: float) -> int:
    """How many cuts go on with the same take less than a second later, which looks like a fault instead of a cut."""
    return sum(_continues(before, after, rate) for before, after in itertools.pairwise(pieces))


def _continues(before: Piece, after: Piece, rate: float) -> bool:
    return before.stretch == after.stretch and 0 <= after.start - before.end < rate


def without_continuations(pieces: Sequence[Piece], stretches: Sequence[Stretch], rate: float) -> list[Piece]:
    """The pieces (the first one stays first) with as few continuations as swaps and moves of single pieces can bring."""
    best = list(pieces)

    def cost(order: Sequence[Piece]) -> tuple[int, int]:
        neighbours = itertools.pairwise(order)
        return continuations(order, rate), sum(stretches[a.stretch].clip == stretches[b.stretch].clip for a, b in neighbours)

    current = cost(best)
    while current[0]:
        options: list[tuple[tuple[int, int], list[Piece]]] = []
        for i in range(1, len(best)):
            for j in range(1, len(best)):
                if i == j:
                    continue
                moved = best[:i] + best[i + 1 :]
                moved.insert(j, best[i])
                options.append((cost(moved), moved))
                if i < j:
                    swapped = list(best)
                    swapped[i], swapped[j] = swapped[j], swapped[i]
                    options.append((cost(swapped), swapped))
        if not options:
            break
        least = min(range(len(options)), key=lambda index: options[index][0])
        if options[least][0] >= current:
            break
        current, best = options[least]
    return best


def off_beat_cuts(pieces: Sequence[Piece], ruler: BeatRuler) -> int:
    """How many cuts, the Reel's end apart, are not on a beat."""
    frame = missed = 0
    for piece in pieces[:-1]:
        frame += piece.frames
        missed += not ruler.on_beat(frame)
    return missed


def onto_beats(
    pieces: Sequence[Piece], stretches: Sequence[Stretch], ruler: BeatRuler, rules: CutRules, preferred: float, rate: float
) -> list[Piece]:
    """The same pieces in the same order with lengths that miss as few beats as their footage allows.

    The hook keeps its length. Each piece may grow into half of the free footage between it and its
    neighbours of the same stretch; within that the result is the best there is. Afterwards single cuts
    still off the beat slide as far as both sides really can.
    """
    slots = _slots(pieces, stretches, rate)
    lengths = _best_lengths(pieces, slots, ruler, rules, preferred)
    timed = [_resized(piece, frames, slot) for piece, frames, slot in zip(pieces, lengths, slots, strict=True)]
    for _ in range(_MOST_SLIDES):
        slid = _one_slide(timed, stretches, ruler, rules, rate)
        if slid is None:
            break
        timed = slid
    return timed


def _apart(pieces: Sequence[Piece], first: int, second: int, gap: int, rate: float) -> int:
    """Frames to leave between pieces `first` and `second` (in order of source): a gap, or a second where they
    follow each other in the Reel and have that much now, because less would look like one take going on."""
    if second != first + 1:
        return gap
    return max(gap, min(round(rate), pieces[second].start - pieces[first].end))


def _slots(pieces: Sequence[Piece], stretches: Sequence[Stretch], rate: float) -> list[tuple[int, int]]:
    """Per piece the frames [low, high) of its stretch it may spread over, the free footage between two shared in halves."""
    slots: list[tuple[int, int]] = [(0, 0)] * len(pieces)
    order = sorted(range(len(pieces)), key=lambda index: (pieces[index].stretch, pieces[index].start))
    for place, index in enumerate(order):
        piece = pieces[index]
        gap = stretches[piece.stretch].gap
        low, high = 0, stretches[piece.stretch].frames
        if place and pieces[order[place - 1]].stretch == piece.stretch:
            free = piece.start - pieces[order[place - 1]].end - _apart(pieces, order[place - 1], index, gap, rate)
            low = piece.start - _own_share(free, index, order[place - 1])
        if place + 1 < len(order) and pieces[order[place + 1]].stretch == piece.stretch:
            free = pieces[order[place + 1]].start - piece.end - _apart(pieces, index, order[place + 1], gap, rate)
            high = piece.end + _own_share(free, index, order[place + 1])
        slots[index] = (low, high)
    return slots


def _own_share(free: int, index: int, other: int) -> int:
    """The hook (index 0) does not grow, so its neighbour gets all."""
    if other == 0:
        return free
    if index == 0:
        return 0
    return (free + 1) // 2 if index < other else free // 2


def _resized(piece: Piece, frames: int, slot: tuple[int, int]) -> Piece:
    """The piece with another length, its middle kept where the slot allows."""
    start = piece.start + (piece.frames - frames) // 2
    return Piece(piece.stretch, max(slot[0], min(start, slot[1] - frames)), frames)


def _best_lengths(
    pieces: Sequence[Piece], slots: Sequence[tuple[int, int]], ruler: BeatRuler, rules: CutRules, preferred: float
) -> list[int]:
    """Dynamic programme over (piece, frame): least cost of ending piece i at frame t; lengths of the cheapest way."""
    total = ruler.total_frames
    cost: npt.NDArray[np.float64] = np.full(total + 1, np.inf)
    cost[pieces[0].frames] = 0.0
    missed = _MISS_COST * ruler.misses.astype(np.float64)
    missed += 0.02 * np.minimum(ruler.beat_distance, 5.0) - 0.2 * (ruler.downbeat_distance <= 1)
    choices: list[npt.NDArray[np.int32]] = []
    for piece, (low, high) in zip(pieces[1:], slots[1:], strict=True):
        ended = np.full(total + 1, np.inf)
        choice = np.zeros(total + 1, dtype=np.int32)
        for frames in range(rules.min_frames, min(rules.max_frames, high - low, total) + 1):
            dislike = 0.5 * ((frames - preferred) / preferred) ** 2 + 0.002 * abs(frames - piece.frames)
            arriving = cost[: total + 1 - frames] + dislike
            better = arriving < ended[frames:]
            ended[frames:][better] = arriving[better]
            choice[frames:][better] = frames
        cost = ended + missed
        choices.append(choice)
    lengths: list[int] = []
    frame = total
    for choice in reversed(choices):
        lengths.append(int(choice[frame]))
        frame -= lengths[-1]
    return [pieces[0].frames, *reversed(lengths)]


def _one_slide(pieces: Sequence[Piece], stretches: Sequence[Stretch], ruler: BeatRuler, rules: CutRules, rate: float) -> list[Piece] | None:
    """The pieces with one off-beat cut slid onto the nearest beat both its sides can reach; None when there is none."""
    room = [_own_room(index, pieces, stretches, rate) for index in range(len(pieces))]
    cut = pieces[0].frames
    for index in range(1, len(pieces) - 1):
        cut += pieces[index].frames
        if ruler.on_beat(cut):
            continue
        before, after = pieces[index], pieces[index + 1]
        least = max(rules.min_frames - before.frames, after.frames - min(rules.max_frames, room[index + 1][1] - room[index + 1][0]))
        most = min(min(rules.max_frames, room[index][1] - room[index][0]) - before.frames, after.frames - rules.min_frames)
        for by in sorted(range(least, most + 1), key=lambda step: (abs(step), step)):
            if ruler.on_beat(cut + by):
                changed = list(pieces)
                changed[index] = _resized(before, before.frames + by, room[index])
                changed[index + 1] = _resized(after, after.frames - by, room[index + 1])
                return changed
    return None


def _own_room(index: int, pieces: Sequence[Piece], stretches: Sequence[Stretch], rate: float) -> tuple[int, int]:
    """The frames [low, high) piece `index` could cover if every other piece stayed where it is."""
    piece, stretch = pieces[index], stretches[pieces[index].stretch]
    low, high = 0, stretch.frames
    for other, neighbour in enumerate(pieces):
        if other == index or neighbour.stretch != piece.stretch:
            continue
        if neighbour.end <= piece.start:
            low = max(low, neighbour.end + _apart(pieces, other, index, stretch.gap, rate))
        else:
            high = min(high, neighbour.start - _apart(pieces, index, other, stretch.gap, rate))
    return low, high
