"""The edit that is made: the best one over the starts of the music.

Belongs here: setting the optimiser its task, and choosing among its results. Does not belong here:
how an edit is judged and found (`optimizer`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from montage_pipeline.editing.beats import BeatRuler, rulers
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.footage_line import FootageLine
from montage_pipeline.editing.optimizer.objective import Objective, Opening
from montage_pipeline.editing.optimizer.optimum import (
    MISSES_OF_NO_MATTER,
    Optimum,
    best_edit,
    misses,
    unavoidable_misses,
)
from montage_pipeline.editing.optimizer.space import HookPlace
from montage_pipeline.editing.optimizer.starting_edit import NoRoom
from montage_pipeline.editing.packing import Piece
from montage_pipeline.editing.stages.hook import HookChoice
from montage_pipeline.editing.stages.length import LengthPlan
from montage_pipeline.editing.stages.wishes import Wishes, unusable
from montage_pipeline.errors import ErrorCode

_MAX_RULERS = 3
"""Starts of the music that are tried: each takes a whole search, and they are in order of what
timing alone can reach.
"""

_TIGHT_SHARE = 0.5
"""Share of the usable footage the Reel needs from which every frame of it is looked at: with less,
there is always another place.
"""


@dataclass(frozen=True)
class ChosenEdit:
    """An edit, the objective it is the optimum of, and the moment its hook was chosen for."""

    hook: HookChoice
    objective: Objective
    optimum: Optimum

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The pieces of footage, the hook first."""
        return self.optimum.edit.pieces

    @property
    def ruler(self) -> BeatRuler:
        """The beats, for the start of the music that was chosen."""
        return self.objective.ruler


def chosen_edit(
    context: PlanContext, footage: FootageLine, wishes: Wishes, length: LengthPlan
) -> ChosenEdit:
    """The best edit; another start of the music is tried only where the first one leaves cuts off
    the beat.

    Raises PermanentError MUST_USE_UNUSABLE when the clips that must appear cannot fill the Reel.
    """
    starts = rulers(context.music, length.total_frames, length.rules, context.fps)
    usable = footage.stretch_frames[footage.stretch_frames >= length.rules.min_frames]
    tight = length.total_frames > _TIGHT_SHARE * int(usable.sum())

    best: ChosenEdit | None = None
    for ruler in _different(starts)[:_MAX_RULERS]:
        objective = Objective(footage, ruler, length.rules, wishes.must_use)
        found = _best_from(context, objective, length.hooks, tight)
        if best is None or _comparable(found) > _comparable(best):
            best = found
        edit = found.optimum.edit
        avoidable = misses(objective, edit) - unavoidable_misses(objective)
        if avoidable <= MISSES_OF_NO_MATTER:
            break
    assert best is not None
    return best


def opening(context: PlanContext, hook: HookChoice) -> Opening:
    """A hook as the objective judges it."""
    named = hook.moment.id == context.analysis.hook_moment and context.is_judged
    return Opening(hook.piece, hook.strength, named)


def _best_from(
    context: PlanContext, objective: Objective, hooks: Sequence[HookChoice], tight: bool
) -> ChosenEdit:
    points = objective.hook_points([opening(context, hook) for hook in hooks])
    places = [HookPlace(hook.piece, int(units)) for hook, units in zip(hooks, points, strict=True)]
    try:
        found = best_edit(objective, places, tight)
    except NoRoom:
        why = "with the other clips that must appear, its footage does not fill the Reel exactly"
        url = context.request.must_use[-1]
        raise unusable(ErrorCode.MUST_USE_UNUSABLE, url, why) from None
    hook = next(hook for hook in hooks if hook.piece == found.hook.piece)
    return ChosenEdit(hook, objective, found)


def _comparable(chosen: ChosenEdit) -> int:
    """Units without what is given back for unavoidable misses, which differs between starts of the
    music.
    """
    return chosen.optimum.edit.units - chosen.objective.unavoidable


def _different(starts: Sequence[BeatRuler]) -> list[BeatRuler]:
    """The starts of the music that put beats on other frames, best first."""
    patterns: dict[bytes, BeatRuler] = {}
    for ruler in starts:
        pattern = ruler.beat_distance.round(3).tobytes() + ruler.accent.tobytes()
        patterns.setdefault(pattern, ruler)
    return list(patterns.values())
