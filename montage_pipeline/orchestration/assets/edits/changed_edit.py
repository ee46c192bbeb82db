"""An edit that was changed: planned from its base, with the look of what stays."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.changing.parts import Parts
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.base_request import base_edit
from montage_pipeline.orchestration.assets.request_facts import clip_sources
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.requests.segment_changes.model import changed_music


class ChangedEdit(NamedTuple):
    """The edit, with its look, and the parts it was made of."""

    timeline: Timeline
    parts: Parts


def changed_edit(
    scope: StepScope, base: UUID, request: EditRequest, analysis: ClipAnalysis, music: MusicTrack
) -> ChangedEdit:
    """The base's edit with the request's changes.

    Raises PermanentError CHANGE_IMPOSSIBLE, SEGMENT_LOCKED or CHANGES_UNAVAILABLE.
    """
    from montage_pipeline.editing.changing.carrying_out import carried_out
    from montage_pipeline.editing.changing.changed_edit import changed_timeline

    edit, room = base_edit(scope, base)
    parts = carried_out(room, scope.request.changes)
    # With the base's seed the planner judges as it did then.
    request = request.model_copy(update={"seed": edit.seed, "left_out": edit.left_out})
    context = PlanContext.of(request, analysis, music)
    new_music = changed_music(scope.request.changes) is not None
    timeline = changed_timeline(context, edit, parts, new_music=new_music)
    return ChangedEdit(_with_look(scope, timeline, edit, parts, analysis), parts)


def _with_look(
    scope: StepScope, timeline: Timeline, base: Timeline, parts: Parts, analysis: ClipAnalysis
) -> Timeline:
    """New segments steadied and graded as those of the base were; the others stay as they are."""
    from montage_pipeline.editing.changing.changed_edit import is_taken_over
    from montage_pipeline.editing.grading.flat import flat_clips_retold
    from montage_pipeline.editing.grading.matching import matched_to_the_rest

    timeline = flat_clips_retold(timeline, base)
    new = [number for number in range(len(parts.parts)) if not is_taken_over(parts, number)]
    if base.colours is None or not new:
        return timeline
    shown = timeline.model_copy(
        update={"segments": tuple(timeline.segments[number] for number in new)}
    )
    sources = clip_sources(scope.services, shown)
    steady = _steadied(shown, analysis, sources)
    segments = list(timeline.segments)
    for number, segment in zip(new, steady, strict=True):
        segments[number] = segment
    timeline = timeline.model_copy(update={"segments": tuple(segments)})
    return matched_to_the_rest(timeline, new, sources)


def _steadied(
    shown: Timeline, analysis: ClipAnalysis, sources: Mapping[str, ClipSource]
) -> tuple[Segment, ...]:
    from montage_pipeline.editing.steadying.steadied import stability_of, steadied_timeline

    return steadied_timeline(shown, stability_of(analysis), sources).segments
