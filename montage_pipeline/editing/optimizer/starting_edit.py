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
    wanted = objective.must_use | {*short[: objective.short_allowed]}
    return _pieces_with(objective, hook, wanted) or (
        _pieces_with(objective, hook, objective.must_use) if wanted != objective.must_use else []
    )


def _pieces_with(objective: Objective, hook: HookPlace, clips: frozenset[int]) -> list[Piece]:
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
        rest = body - sum(piece.frames for piece in pieces)
        if len(pieces) == len(missing) and rest >= 0:
            others = fill_exactly(left, rules, rest, preferred) if rest else []
            if others or not rest:
                return pieces + others
    return []


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
