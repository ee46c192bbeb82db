"""What `edit_timeline` does: plan the edit, match its segments' colours, draw its storyboard, and
write it for other editing programs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg
from dagster import MaterializeResult, MetadataValue

from montage_pipeline.analysis.model import ClipAnalysis, RejectedSpan
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.clip_reports import clip_reports, telling
from montage_pipeline.orchestration.assets.edits.edit_room import store_edit_room
from montage_pipeline.orchestration.assets.edits.edit_view import (
    edit_view,
    store_edit_view,
    store_view,
    with_choices,
)
from montage_pipeline.orchestration.assets.edits.look import with_look
from montage_pipeline.orchestration.assets.edits.variants import (
    end_with_plan,
    shown_beside,
    store_variants,
    take_plan,
)
from montage_pipeline.orchestration.assets.request_facts import (
    bullets,
    seed_of,
)
from montage_pipeline.orchestration.assets.taken_over import Origin, origin_of
from montage_pipeline.orchestration.documents import store_document
from montage_pipeline.orchestration.scratch import scratch_folder
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.orchestration.ui.storyboards import storyboard_metadata
from montage_pipeline.storage.keys import edit_key, storyboard_key, variant_place
from montage_pipeline.vocabulary import Step

if TYPE_CHECKING:
    from PIL import Image

    from montage_pipeline.editing.changing.parts import Parts
    from montage_pipeline.editing.request import EditRequest
    from montage_pipeline.editing.variants.alternatives import Variants
    from montage_pipeline.requests.edit_view import EditView
    from montage_pipeline.requests.seen import SeenSegment
    from montage_pipeline.requests.variants.model import ChosenPlan

_PLANNED = 0.4
"""Share of the step that is done when the edit is decided; drawing it decodes footage again."""


class EditInputs(NamedTuple):
    """What is rendered, and what it would be planned again from."""

    analysis: ClipAnalysis
    music: MusicTrack
    timeline: Timeline


class PlannedEdit(NamedTuple):
    """An edit, and what Dagster's UI shows of it."""

    timeline: Timeline
    metadata: dict[str, Any]


def plan_edit(
    scope: StepScope, analysis: ClipAnalysis, music: MusicTrack
) -> MaterializeResult[Timeline]:
    """The edit, with its storyboard and its OpenTimelineIO file in the object store; and, where
    more are asked for, further edits beside it. Where only the plan is, the request ends here.
    """
    origin = origin_of(scope.request)
    if origin is None:
        planned = _planned(scope, analysis, music)
    elif scope.request.chosen is not None:
        planned = _taken(scope, origin, scope.request.chosen, analysis, music)
    else:
        planned = _changed(scope, origin, analysis, music)
    if not scope.delivers and scope.request.options.plan_only:
        end_with_plan(scope, planned.timeline, analysis, music)
    return dg.MaterializeResult(value=planned.timeline, metadata=planned.metadata)


def plan_without(
    scope: StepScope, edit: EditInputs, left_out: tuple[RejectedSpan, ...]
) -> PlannedEdit:
    """The edit once more, without these spans, stored in the place of the one that showed them."""
    changes = {
        "left_out": left_out,
        "seed": edit.timeline.seed,
        "beside": shown_beside(scope, edit.analysis),
    }
    request = edit_request(scope, edit.analysis).model_copy(update=changes)
    [timeline] = _variants(scope, request, edit.analysis, edit.music, 1).timelines
    looked = with_look(scope, timeline, edit.analysis)
    decided = edit._replace(timeline=looked.timeline)
    planned = _finished(scope, decided, looked.frames, str(scope.request.id))
    store_document(scope.services, str(scope.request.id), Step.EDIT_TIMELINE, planned.timeline)
    return planned


def _planned(scope: StepScope, analysis: ClipAnalysis, music: MusicTrack) -> PlannedEdit:
    """The first edit; with it, the others are stored, and what is known of all."""
    count, request_id = scope.request.options.variants, scope.request.id
    found = _variants(scope, edit_request(scope, analysis), analysis, music, count)
    scope.progress(_PLANNED)
    planned = []
    for variant, timeline in enumerate(found.timelines, start=1):
        place = variant_place(request_id, variant)
        looked = with_look(scope, timeline, analysis)
        decided = EditInputs(analysis, music, looked.timeline)
        edit = _finished(scope, decided, looked.frames, place)
        if variant > 1:
            store_document(scope.services, place, Step.EDIT_TIMELINE, edit.timeline)
        planned.append(edit)
        done = variant / len(found.timelines)
        scope.progress(_PLANNED + (1 - _PLANNED) * done)
    first, *others = planned
    edits = [edit.timeline for edit in planned]
    store_variants(scope, edits, found.shared, found.notes)
    first.metadata["variants"] = len(planned)
    if found.notes:
        first.metadata["variants_notes"] = MetadataValue.md(bullets(found.notes))
    for variant, edit in enumerate(others, start=2):
        shown = edit.metadata["storyboard"], edit.metadata["storyboard_file"]
        of_it = f"storyboard_{variant}"
        first.metadata[of_it], first.metadata[f"{of_it}_file"] = shown
    return first


def _variants(
    scope: StepScope,
    request: "EditRequest",
    analysis: ClipAnalysis,
    music: MusicTrack,
    count: int,
) -> "Variants":
    from montage_pipeline.editing.variants.alternatives import plan_variants

    try:
        return plan_variants(request, analysis, music, count)
    except PermanentError as error:
        reports = clip_reports(scope.request, analysis, left_out=request.left_out)
        raise telling(error, reports) from None


def _changed(
    scope: StepScope, base: Origin, analysis: ClipAnalysis, music: MusicTrack
) -> PlannedEdit:
    """The base's edit with the changes of the request."""
    from montage_pipeline.orchestration.assets.edits.changed_edit import changed_edit

    try:
        changed = changed_edit(scope, base, edit_request(scope, analysis), analysis, music)
    except PermanentError as error:
        raise telling(error, clip_reports(scope.request, analysis)) from None
    scope.progress(_PLANNED)
    edit = EditInputs(analysis, music, changed.timeline)
    planned = _finished(scope, edit, changed.frames, str(scope.request.id), changed.parts)
    store_variants(scope, [planned.timeline], shared=[0.0], notes=())
    return planned


def _taken(
    scope: StepScope,
    plan: Origin,
    chosen: "ChosenPlan",
    analysis: ClipAnalysis,
    music: MusicTrack,
) -> PlannedEdit:
    """The chosen edit of an earlier plan, with its files among the request's own."""
    place = str(scope.request.id)
    edit = EditInputs(analysis, music, take_plan(scope, plan, chosen, music))
    store_view(scope, _view(scope, edit, place, None), place)
    _store_edit(scope, edit.timeline, music, place)
    storyboard = _taken_storyboard(scope, place)
    of = {"plan_of_request": str(chosen.request_id), "variant": chosen.variant}
    metadata = _edit_metadata(scope, edit.timeline, analysis, music, place)
    return PlannedEdit(edit.timeline, {**storyboard, **of, **metadata})


def _finished(
    scope: StepScope,
    edit: EditInputs,
    frames: "Mapping[int, Image.Image]",
    place: str,
    parts: "Parts | None" = None,
) -> PlannedEdit:
    """An edit with what shows it, stored in `place` (`storage.keys`); `frames` stand for its
    segments. `parts` when it was changed from another one.
    """
    from montage_pipeline.editing.stages.covers import with_cover_candidates

    edit = edit._replace(timeline=with_cover_candidates(edit.timeline, edit.analysis))
    analysis, music, timeline = edit
    storyboard = _store_storyboard(scope, timeline, analysis, music, frames, place)
    store_edit_view(scope, _view(scope, edit, place, parts), frames, place)
    _store_edit(scope, timeline, music, place)
    metadata = _edit_metadata(scope, timeline, analysis, music, place)
    return PlannedEdit(timeline, {**storyboard, **metadata})


def _view(scope: StepScope, edit: EditInputs, place: str, parts: "Parts | None") -> "EditView":
    """What a page shows of the edit; of the request's own, also what may become of each segment,
    which is stored. Other variants have that once they are chosen.
    """
    from montage_pipeline.editing.changing.rooms import edit_room
    from montage_pipeline.editing.context import PlanContext

    analysis, music, timeline = edit
    view = edit_view(scope, timeline, analysis, music, place)
    if place != str(scope.request.id):
        return view
    request = edit_request(scope, analysis).model_copy(
        update={"seed": timeline.seed, "left_out": timeline.left_out}
    )
    room = edit_room(PlanContext.of(request, analysis, music), timeline, parts)
    return with_choices(view, room, store_edit_room(scope, room, timeline))


def _edit_metadata(
    scope: StepScope, timeline: Timeline, analysis: ClipAnalysis, music: MusicTrack, place: str
) -> dict[str, Any]:
    """What Dagster's UI shows of an edit beside its storyboard."""
    return {
        **_figures(timeline),
        **_clips(scope, timeline, analysis, music),
        "seed": str(timeline.seed),
        "edit_for_other_programs": scope.services.store.address(edit_key(place)),
        "why": MetadataValue.md(bullets(segment.why for segment in timeline.segments)),
        "warnings": MetadataValue.md(bullets(timeline.warnings) or "none"),
    }


def edit_request(scope: StepScope, analysis: ClipAnalysis) -> "EditRequest":
    """What the planner is asked for."""
    from montage_pipeline.editing.request import EditRequest

    return EditRequest(
        request_id=str(scope.request.id),
        style=scope.request.style,
        format=scope.request.format,
        duration_s=float(scope.request.duration_s),
        seed=seed_of(scope),
        hook_clip=scope.request.options.hook_clip or "",
        must_use=scope.request.options.must_use,
        caption=scope.request.options.captions or "",
        short_cuts=scope.request.options.short_cuts,
        seen=_seen(scope, analysis),
    )


def _seen(scope: StepScope, analysis: ClipAnalysis) -> "tuple[SeenSegment, ...]":
    """What the user's earlier Reels showed of this footage, or of footage that looks like it."""
    return scope.services.seen.earlier(
        scope.request.user_id,
        scope.request.created_at,
        files={clip.facts.sha256 for clip in analysis.clips},
        fingerprints={
            moment.fingerprint
            for clip in analysis.clips
            for moment in clip.moments
            if not moment.rejects
        },
        besides_item=scope.request.content_item_id if scope.request.base_request_id else None,
    )


def _store_storyboard(
    scope: StepScope,
    timeline: Timeline,
    analysis: ClipAnalysis,
    music: MusicTrack,
    frames: "Mapping[int, Image.Image]",
    place: str,
) -> dict[str, MetadataValue]:
    """Draw and upload the storyboard; what the UI shows of it."""
    from montage_pipeline.editing.storyboard.storyboard import draw_storyboard

    with scratch_folder(scope.services, "storyboard") as folder:
        image = folder / "storyboard.png"
        draw_storyboard(timeline, analysis, frames, music, image)
        scope.services.store.put_file(storyboard_key(place), image, content_type="image/png")
        return _shown_storyboard(scope, place, image)


def _taken_storyboard(scope: StepScope, place: str) -> dict[str, MetadataValue]:
    """What the UI shows of a storyboard that is in the object store already."""
    with scratch_folder(scope.services, "storyboard") as folder:
        image = folder / "storyboard.png"
        image.write_bytes(scope.services.store.get_bytes(storyboard_key(place)))
        return _shown_storyboard(scope, place, image)


def _shown_storyboard(scope: StepScope, place: str, image: Path) -> dict[str, MetadataValue]:
    from montage_pipeline.editing.storyboard.storyboard import storyboard_thumbnail

    address = scope.services.store.address(storyboard_key(place))
    return storyboard_metadata(scope.run_id, storyboard_thumbnail(image), address)


def _store_edit(scope: StepScope, timeline: Timeline, music: MusicTrack, place: str) -> None:
    """Upload the edit as OpenTimelineIO."""
    from montage_pipeline.editing.export import EditFormat, exported_edit

    store, key = scope.services.store, edit_key(place)
    edit = exported_edit(timeline, EditFormat.OTIO, music, store.media_url(music.key))
    store.put_bytes(key, edit.encode(), content_type="application/vnd.pixar.opentimelineio+json")


def _clips(
    scope: StepScope, timeline: Timeline, analysis: ClipAnalysis, music: MusicTrack
) -> dict[str, Any]:
    """Every clip that was given is in one of the two lists."""
    clips = clip_reports(scope.request, analysis, timeline, music.grid.beats_s)
    shown = [
        f"{clip.name}: "
        + ", ".join(f"{span.start_s:.1f}–{span.end_s:.1f} s" for span in clip.segments)
        for clip in clips
        if clip.segments
    ]
    not_shown = [f"{clip.name}: {clip.reason}" for clip in clips if not clip.segments]
    return {
        "shown": MetadataValue.md(bullets(shown)),
        "not_shown": MetadataValue.md(bullets(not_shown) or "none"),
    }


def _figures(timeline: Timeline) -> dict[str, Any]:
    cuts_on_beat = sum(segment.on_beat for segment in timeline.segments[:-1])
    parts = [
        dg.TableRecord(
            {
                "part": part.name,
                "score": round(part.score, 3),
                "weight": part.weight,
                "note": part.note,
            }
        )
        for part in timeline.originality.parts
    ]
    return {
        "segments": len(timeline.segments),
        "clips_used": len({segment.clip for segment in timeline.segments}),
        "duration_s": float(timeline.duration),
        "cuts_on_beat": f"{cuts_on_beat} of {len(timeline.segments) - 1}",
        "originality": timeline.originality.score,
        "originality_parts": MetadataValue.table(records=parts),
    }
