"""An edit that was changed: planned from its base, with the look of what stays."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.changing.parts import Parts
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.edits.look import with_look_of
from montage_pipeline.orchestration.assets.taken_over import Origin, base_edit
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.requests.segment_changes.model import changed_music

if TYPE_CHECKING:
    from PIL import Image


class ChangedEdit(NamedTuple):
    """The edit, with its look, a frame of each segment, and the parts it was made of."""

    timeline: Timeline
    frames: "Mapping[int, Image.Image]"
    parts: Parts


def changed_edit(
    scope: StepScope, base: Origin, request: EditRequest, analysis: ClipAnalysis, music: MusicTrack
) -> ChangedEdit:
    """The base's edit with the request's changes.

    Raises PermanentError CHANGE_IMPOSSIBLE, SEGMENT_LOCKED or CHANGES_UNAVAILABLE.
    """
    from montage_pipeline.editing.changing.carrying_out import carried_out
    from montage_pipeline.editing.changing.changed_edit import changed_timeline, is_taken_over

    edit, room = base_edit(scope, base)
    parts = carried_out(room, scope.request.changes)
    # With the base's seed the planner judges as it did then.
    request = request.model_copy(update={"seed": edit.seed, "left_out": edit.left_out})
    context = PlanContext.of(request, analysis, music)
    new_music = changed_music(scope.request.changes) is not None
    timeline = changed_timeline(context, edit, parts, new_music=new_music)
    new = [number for number in range(len(parts.parts)) if not is_taken_over(parts, number)]
    looked = with_look_of(scope, timeline, edit, new, analysis)
    return ChangedEdit(looked.timeline, looked.frames, parts)
