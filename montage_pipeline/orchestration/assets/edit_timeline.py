"""What `edit_timeline` does: plan the edit, match its segments' colours, draw its storyboard, and
write it for other editing programs.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg
from dagster import MaterializeResult, MetadataValue

from montage_pipeline.analysis.model import ClipAnalysis, RejectedSpan
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.clip_reports import clip_reports, telling
from montage_pipeline.orchestration.assets.edits.edit_room import frames_for, store_edit_room
from montage_pipeline.orchestration.assets.edits.edit_view import (
    edit_view,
    store_edit_view,
    store_view,
    with_choices,
)
from montage_pipeline.orchestration.assets.edits.exports import store_exports
from montage_pipeline.orchestration.assets.edits.look import with_look
from montage_pipeline.orchestration.assets.edits.variants import (
    end_with_plan,
    offers_of_plan,
    shown_beside,
    store_variants,
    take_plan,
)
from montage_pipeline.orchestration.assets.request_facts import bullets, seed_of
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
    from montage_pipeline.editing.changing.room import EditRoom
    from montage_pipeline.editing.changing.rooms import Offers
    from montage_pipeline.editing.context import PlanContext
    from montage_pipeline.editing.decoded.segment_frames import ClipFrame
    from montage_pipeline.editing.request import EditRequest
    from montage_pipeline.editing.variants.alternatives import Variants
    from montage_pipeline.footage.decoding.frames import RgbFrame
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


class ShownWith(NamedTuple):
    """What an edit is shown with: a frame of each segment; what could be shown instead, where that
    is known already, with frames of it; and the parts of an edit that was changed.
    """

    frames: "Mapping[int, Image.Image]"
    offers: "Offers | None" = None
    others: "Mapping[ClipFrame, RgbFrame]" = MappingProxyType({})
    parts: "Parts | None" = None


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
    decided, shown = _looked_at(scope, edit._replace(timeline=timeline), is_own=True)
    planned = _finished(scope, decided, str(scope.request.id), shown)
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
        edit_inputs = EditInputs(analysis, music, timeline)
        decided, shown = _looked_at(scope, edit_inputs, is_own=variant == 1)
        edit = _finished(scope, decided, place, shown)
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
        first.metadata[f"storyboard_{variant}"] = edit.metadata["storyboard"]
        first.metadata[f"storyboard_{variant}_file"] = edit.metadata["storyboard_file"]
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
    shown = ShownWith(changed.frames, parts=changed.parts)
    planned = _finished(scope, edit, str(scope.request.id), shown)
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
    shown = ShownWith({}, offers=offers_of_plan(scope, chosen))
    store_view(scope, _view(scope, edit, place, shown), place)
    store_exports(scope, edit.timeline, music, place)
    storyboard = _taken_storyboard(scope, place)
    of = {"plan_of_request": str(chosen.request_id), "variant": chosen.variant}
    metadata = _edit_metadata(scope, edit.timeline, analysis, music, place)
    return PlannedEdit(edit.timeline, {**storyboard, **of, **metadata})


def _looked_at(
    scope: StepScope, edit: EditInputs, *, is_own: bool
) -> "tuple[EditInputs, ShownWith]":
    """A planned edit with its look. Of the request's own, what could be shown instead is found
    before, so that each clip is decoded once for all of it.
    """
    offers: Offers | None = None
    wanted: set[ClipFrame] = set()
    if is_own:
        from montage_pipeline.editing.changing.rooms import offers_for

        offers = offers_for(_context(scope, edit), edit.timeline)
        wanted = frames_for(scope, offers)
    looked = with_look(scope, edit.timeline, edit.analysis, wanted)
    shown = ShownWith(looked.frames, offers, looked.others)
    return edit._replace(timeline=looked.timeline), shown


def _finished(scope: StepScope, edit: EditInputs, place: str, shown: "ShownWith") -> PlannedEdit:
    """An edit with what shows it, stored in `place` (`storage.keys`)."""
    from montage_pipeline.editing.stages.covers import with_cover_candidates

    edit = edit._replace(timeline=with_cover_candidates(edit.timeline, edit.analysis))
    analysis, music, timeline = edit
    with ThreadPoolExecutor(1, thread_name_prefix="storyboard") as beside:
        drawing = beside.submit(
            _store_storyboard, scope, timeline, analysis, music, shown.frames, place
        )
        store_edit_view(scope, _view(scope, edit, place, shown), shown.frames, place)
        store_exports(scope, timeline, music, place)
        storyboard = drawing.result()
    metadata = _edit_metadata(scope, timeline, analysis, music, place)
    return PlannedEdit(timeline, {**storyboard, **metadata})


def _view(scope: StepScope, edit: EditInputs, place: str, shown: "ShownWith") -> "EditView":
    """What a page shows of the edit; of the request's own, also what may become of each segment,
    which is stored. Other variants have that once they are chosen.
    """
    analysis, music, timeline = edit
    view = edit_view(scope, timeline, analysis, music, place)
    if place != str(scope.request.id):
        return view
    room = _room(scope, edit, shown)
    return with_choices(view, room, store_edit_room(scope, room, timeline, shown.others))


def _room(scope: StepScope, edit: EditInputs, shown: "ShownWith") -> "EditRoom":
    """What may become of the request's own edit; what is known of it already is not asked again."""
    from montage_pipeline.editing.changing.rooms import edit_room, offers_for

    context, offers = _context(scope, edit), shown.offers
    if offers is None:
        offers = offers_for(context, edit.timeline, shown.parts)
    return edit_room(context, edit.timeline, offers, shown.parts)


def _context(scope: StepScope, edit: EditInputs) -> "PlanContext":
    """What the planner went by."""
    from montage_pipeline.editing.context import PlanContext

    timeline = edit.timeline
    request = edit_request(scope, edit.analysis).model_copy(
        update={"seed": timeline.seed, "left_out": timeline.left_out}
    )
    return PlanContext.of(request, edit.analysis, edit.music)


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
