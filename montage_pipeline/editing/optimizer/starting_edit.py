"""An edit to start from where cuts leave hardly any choice: made by counting alone.

Belongs here: filling the Reel exactly, whatever it shows. Does not belong here: the arithmetic of
it (`packing`), or making the edit good (`search`, `improvement`).
"""

from collections.abc import Sequence

import numpy as np

from montage_pipeline.editing.optimizer.improvement import Improvement
from montage_pipeline.editing.optimizer.objective import Objective
from montage_pipeline.editing.optimizer.relaxation import Prices, Solved
from montage_pipeline.editing.optimizer.search import BranchAndBound
from montage_pipeline.editing.optimizer.space import Edit, HookPlace, Space
from montage_pipeline.editing.packing import Piece, Room, fill_exactly, rooms_after

_WIDTH = 5
"""Unfinished edits kept while the pieces are put in order: places and lengths are given, so that
little is left to choose.
"""


class NoRoom(Exception):
    """The clips that must appear do not fit beside each other into the Reel."""


def any_edit(objective: Objective, hooks: Sequence[HookPlace]) -> Edit:
    """An edit made by counting alone, its pieces in the best order.

    Raises NoRoom when no hook leaves room for the clips that must appear.
    """
    found = (_edit_after(objective, hook) for hook in hooks)
    edit = next((edit for edit in found if edit is not None), None)
    if edit is None:
        raise NoRoom
    return edit


def edits_by_opening(objective: Objective, hooks: Sequence[HookPlace]) -> list[Edit]:
    """Such edits, one for each clip that may open."""
    openings: dict[int, HookPlace] = {}
    for hook in hooks:
        openings.setdefault(int(objective.footage.stretch_clip[hook.piece.stretch]), hook)
    found = (_edit_after(objective, hook) for hook in openings.values())
    return [edit for edit in found if edit is not None]


def _edit_after(objective: Objective, hook: HookPlace) -> Edit | None:
    pieces = _any_pieces(objective, hook)
    if not pieces:
        return None
    space = _space_of(objective, hook, sorted(pieces))
    prices = Prices.first(objective)
    found = BranchAndBound(Solved(space, prices), prices, _WIDTH, tight=False).best(None)
    return None if found is None else Improvement(space, found).best()


def _space_of(objective: Objective, hook: HookPlace, pieces: Sequence[Piece]) -> Space:
    """The space of all orders of these pieces."""
    sums = 1
    for piece in pieces:
        sums |= sums << piece.frames
    reachable = np.flatnonzero(np.asarray([int(bit) for bit in bin(sums)[:1:-1]]))
    space = Space(
        objective,
        objective.footage.starts_of(pieces),
        objective.rules.hook_frames + reachable,
        [hook],
    )
    space.only_lengths(np.asarray([piece.frames for piece in pieces], dtype=np.int64))
    return space


def _any_pieces(objective: Objective, hook: HookPlace) -> list[Piece]:
    """Pieces after the hook that fill the Reel exactly and show every clip that must appear, and as
    many short cuts as are allowed where there is room for them; empty when there are none.
    """
    opens = int(objective.footage.stretch_clip[hook.piece.stretch])
    short = sorted(
        objective.short_clips - {opens}, key=lambda clip: (clip not in objective.must_use, clip)
    )
    most = min(len(short), objective.short_allowed)
    tried = (objective.must_use | {*short[:count]} for count in range(most, -1, -1))
    found = (_pieces_with(objective, hook, clips) for clips in dict.fromkeys(tried))
    return next((pieces for pieces in found if pieces), [])


def _pieces_with(objective: Objective, hook: HookPlace, clips: frozenset[int]) -> list[Piece]:
    """Pieces that fill the Reel exactly, one of each of these clips among them."""
    rules, footage = objective.rules, objective.footage
    body = objective.ruler.total_frames - rules.hook_frames
    rooms = footage.rooms_beside(hook.piece)
    missing = sorted(clips - {int(footage.stretch_clip[hook.piece.stretch])})
    preferred = round(objective.preferred)
    if not missing:
        return fill_exactly(rooms, rules, body, preferred)

    lengths = range(rules.min_frames, rules.max_frames + 1)
    for length in sorted(lengths, key=lambda frames: (abs(frames - preferred), frames)):
        pieces, left = _one_of_each(objective, rooms, missing, length)
        if len(pieces) == len(missing) and (filled := _filled(objective, pieces, left, body)):
            return filled
    return []


def _filled(
    objective: Objective, pieces: Sequence[Piece], left: Sequence[Room], body: int
) -> list[Piece]:
    """The pieces with others from the rooms left, `body` frames in all, short cuts as long as that
    allows; empty when there are none.
    """
    rest = body - sum(piece.frames for piece in pieces)
    spare = [_spare(objective, piece) for piece in pieces]
    for less in range(sum(spare) + 1):
        if rest + less == 0:
            return _shortened(pieces, spare, less)
        others = fill_exactly(
            left, objective.rules, max(0, rest + less), round(objective.preferred)
        )
        if others:
            return _shortened(pieces, spare, less) + others
    return []


def _spare(objective: Objective, piece: Piece) -> int:
    """Frames by which a short cut could be shorter; 0 for others, whose lengths are all tried."""
    if piece.frames >= objective.rules.min_frames:
        return 0
    return piece.frames - int(objective.least[piece.stretch])


def _shortened(pieces: Sequence[Piece], spare: Sequence[int], less: int) -> list[Piece]:
    """The pieces, those with frames to spare shorter by `less` frames in all."""
    shortened = []
    for piece, own in zip(pieces, spare, strict=True):
        taken = min(own, less)
        less -= taken
        shortened.append(piece._replace(frames=piece.frames - taken))
    return shortened


def _one_of_each(
    objective: Objective, rooms: Sequence[Room], clips: Sequence[int], length: int
) -> tuple[list[Piece], list[Room]]:
    """A piece of each clip, `length` frames long where its largest room has so many, and the rooms
    left; fewer pieces where a clip has no room for a cut.
    """
    left, pieces = list(rooms), list[Piece]()
    for clip in clips:
        own = [
            room
            for room in left
            if objective.footage.stretch_clip[room.stretch] == clip
            and room.frames >= objective.least[room.stretch]
        ]
        largest = max(own, key=lambda room: room.frames, default=None)
        if largest is None:
            break
        pieces.append(Piece(largest.stretch, largest.start, min(length, largest.frames)))
        left = rooms_after(left, pieces[-1])
    return pieces, left
