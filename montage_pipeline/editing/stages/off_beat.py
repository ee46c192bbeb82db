"""Why a cut is not on a beat, in plain words.

Belongs here: finding out what kept a cut off the beat, in the order of what nobody could change.
Does not belong here: whether a cut is on a beat (`beats`), or what missing it costs
(`optimizer.terms`).
"""

from collections.abc import Sequence

import numpy as np

from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.packing import rooms_after
from montage_pipeline.editing.stages.chosen_edit import ChosenEdit

_NEARLY_ALL = 0.85
"""Share of the usable footage that a Reel takes from which its cuts have hardly a choice."""


def why_off_beat(context: PlanContext, chosen: ChosenEdit, index: int) -> str:
    """The reason that the segment `index` ends off the beat, as the rest of a sentence."""
    rules, ruler = chosen.objective.rules, chosen.ruler
    if index == 0:
        return (
            f"the opening always lasts {context.seconds(rules.hook_frames):.1f} s, and no start of "
            "the music puts a beat there"
        )

    began = sum(piece.frames for piece in chosen.pieces[:index])
    shortest = int(chosen.objective.least[chosen.pieces[index].stretch])
    first = began + shortest
    last = min(began + rules.max_frames, ruler.total_frames)
    beats = [frame for frame in range(first, last + 1) if ruler.on_beat(frame)]
    if not beats:
        shortest_s, longest_s = map(context.seconds, (shortest, rules.max_frames))
        return f"no beat lies {shortest_s:.3g} to {longest_s:.3g} s after the cut before"

    beat_s = context.seconds(beats[0])
    if beats[0] - began > _room(chosen, index):
        return f"its footage ends before the next beat, at {beat_s:.2f} s"
    if _later_cuts_miss(chosen, began, index, beats):
        return f"on the beat at {beat_s:.2f} s it would put a later cut off the beat instead"
    used = ruler.total_frames / chosen.objective.footage.total_frames
    if used >= _NEARLY_ALL:
        return (
            f"the Reel takes {used:.0%} of all usable footage, which leaves hardly any choice of "
            "where to cut"
        )
    return "no better edit with a beat here was found"


def _later_cuts_miss(chosen: ChosenEdit, began: int, index: int, beats: Sequence[int]) -> bool:
    """Whether every way that has this cut on a beat misses as much after it as this one at its
    best.
    """
    ruler, length = chosen.ruler, chosen.pieces[index].frames
    end = began + length
    missed = ruler.miss_frames(np.asarray([end]), np.asarray([length]))[0]
    missed += ruler.off_beat_ahead[end]
    return bool((ruler.off_beat_ahead[list(beats)] >= missed).all())


def _room(chosen: ChosenEdit, index: int) -> int:
    """The most frames the piece could have if every other one stayed where it is."""
    piece = chosen.pieces[index]
    rooms = [room for room in chosen.objective.footage.rooms() if room.stretch == piece.stretch]
    for number, neighbour in enumerate(chosen.pieces):
        if number != index:
            rooms = rooms_after(rooms, neighbour)
    return max((room.frames for room in rooms if room.holds(piece)), default=piece.frames)
