"""The best edit, and the proof of how good it is.

Belongs here: which spaces are searched, and when that is enough. Does not belong here: the search
of one (`space_search`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from montage_pipeline.editing.optimizer.choices import (
    candidate_cuts,
    candidate_places,
    places_around,
)
from montage_pipeline.editing.optimizer.objective import Objective
from montage_pipeline.editing.optimizer.space import Edit, HookPlace, Space
from montage_pipeline.editing.optimizer.space_search import GOOD_ENOUGH, SpaceSearch
from montage_pipeline.editing.optimizer.starting_edit import any_edit, edits_by_opening
from montage_pipeline.editing.packing import Piece

_MAX_ENLARGED = 2
"""Times a space is enlarged about the edit found in it, since each may cost a round more than the
budget; chosen by eye.
"""

_MAX_OPENINGS = 4
"""Clips that a search begins to open with where there are short cuts: each costs a search."""

MISSES_OF_NO_MATTER = 0.5
"""Missed beats that make no difference: where beats are near, every miss counts 1; where none
sound, by its length.
"""


class Optimum(NamedTuple):
    """The best edit found, and the units that no edit of the space it was found in can exceed."""

    edit: Edit
    bound: int
    hook: HookPlace


def best_edit(objective: Objective, hooks: Sequence[HookPlace], tight: bool) -> Optimum:
    """The best edit that opens with one of `hooks`, after each of which the Reel must be possible.

    `tight` says that most of the usable footage is needed. Raises NoRoom when `must_use` cannot be
    kept.
    """
    # Edits may be so few that only counting finds one: begin with that.
    start = any_edit(objective, hooks).pieces if tight else None
    found = _best_from(objective, hooks, tight, start)
    if not objective.short_clips:
        return found
    # Which clip opens decides which short cuts find room, and a search seldom leaves the opening it
    # began with.
    counted = edits_by_opening(objective, hooks)[:_MAX_OPENINGS]
    others = [_best_from(objective, hooks, tight, edit.pieces) for edit in counted]
    return max([found, *others], key=lambda optimum: optimum.edit.units)


def _best_from(
    objective: Objective, hooks: Sequence[HookPlace], tight: bool, start: Sequence[Piece] | None
) -> Optimum:
    """The best edit that is found from a first one, if there is one."""
    work = SpaceSearch(objective, tight)
    unavoidable = unavoidable_misses(objective)
    places = candidate_places(objective, hooks, tight)
    off_beat = unavoidable > 0
    cuts = candidate_cuts(objective, len(places), tight=tight, off_beat=off_beat)

    for _ in range(_MAX_ENLARGED + 1):
        if start is not None:
            places = np.union1d(places, places_around(objective, start))
            cuts = np.union1d(cuts, np.cumsum([piece.frames for piece in start]))
        space = Space(objective, places, cuts, hooks)
        before = work.begin(space, start)
        work.search(space)
        if work.edit is None:
            start = any_edit(objective, hooks).pieces
            continue

        missed = misses(objective, work.edit) - unavoidable > MISSES_OF_NO_MATTER
        stuck = work.edit.units == before
        proved = work.edit.gap(work.bound) <= 2 * GOOD_ENOUGH
        if not missed and (not tight or stuck or proved):
            break
        if missed and off_beat and stuck:
            break
        # The cuts found so far leave hardly a choice, or not the right one: look about them more
        # closely.
        start = work.edit.pieces
        if missed and not off_beat:
            off_beat = True
            cuts = candidate_cuts(objective, len(places), tight=tight, off_beat=True)
    assert work.edit is not None
    return Optimum(work.edit, work.bound, hooks[work.edit.hook])


def misses(objective: Objective, edit: Edit) -> float:
    """What an edit's cuts cost for missing the beat, in missed cuts."""
    length = np.asarray([piece.frames for piece in edit.pieces], dtype=np.int64)
    missed = objective.ruler.miss_frames(np.cumsum(length), length)[1:]
    return float(missed.sum()) / objective.ruler.reference_frames


def unavoidable_misses(objective: Objective) -> float:
    """The same for the best timing that there is, if footage were no matter."""
    ruler = objective.ruler
    return float(ruler.off_beat_ahead[objective.rules.hook_frames]) / ruler.reference_frames
