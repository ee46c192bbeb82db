"""Plans that are looked at before anything is rendered: storing what is known of their variants,
ending a request with one, and taking one up in the request that renders it.

Does not belong here: planning (edit_timeline, editing).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.clip_reports import clip_reports
from montage_pipeline.orchestration.assets.request_facts import stored_value
from montage_pipeline.orchestration.assets.taken_over import Origin, taken_value
from montage_pipeline.orchestration.documents import store_document
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.requests.seen import SeenSegment
from montage_pipeline.requests.variants.model import ChosenPlan, PlanVariants, VariantFacts
from montage_pipeline.requests.variants.unfinished import UnfinishedReel
from montage_pipeline.storage.keys import (
    storyboard_key,
    thumbnail_key,
    variant_place,
    variants_key,
)
from montage_pipeline.vocabulary import Step

if TYPE_CHECKING:
    from montage_pipeline.editing.changing.rooms import Offers


def store_variants(
    scope: StepScope,
    timelines: Sequence[Timeline],
    shared: Sequence[float],
    notes: Sequence[str],
) -> None:
    """Store what is known of the edits of a plan, in their order."""
    facts = PlanVariants(
        request_id=scope.request.id,
        variants=tuple(
            VariantFacts(
                variant=variant,
                segments=len(timeline.segments),
                clips=len({segment.clip for segment in timeline.segments}),
                duration_s=float(timeline.duration),
                shared=round(share, 4),
                originality=timeline.originality.score,
            )
            for variant, (timeline, share) in enumerate(
                zip(timelines, shared, strict=True), start=1
            )
        ),
        notes=tuple(notes),
    )
    scope.services.store.put_bytes(
        variants_key(scope.request.id),
        facts.model_dump_json(indent=1).encode(),
        content_type="application/json",
    )


def end_with_plan(
    scope: StepScope, timeline: Timeline, analysis: ClipAnalysis, music: MusicTrack
) -> None:
    """End the request, whose item then has this plan. The timeline is stored first: who is told
    that there is a plan finds it whole.
    """
    store_document(scope.services, str(scope.request.id), Step.EDIT_TIMELINE, timeline)
    if not scope.tracked:
        return
    made = UnfinishedReel(
        step=Step.EDIT_TIMELINE,
        warnings=(*analysis.warnings, *music.warnings, *timeline.warnings),
        clips=clip_reports(scope.request, analysis, timeline, music.grid.beats_s),
    )
    scope.services.requests.succeed_without_reel(scope.request.id, scope.run_id, made)


def take_plan(scope: StepScope, plan: Origin, chosen: ChosenPlan, music: MusicTrack) -> Timeline:
    """The chosen edit as this request's own, its storyboard and thumbnails with it.

    Raises PermanentError(PLAN_EXPIRED) when it is gone.
    """
    place, own = variant_place(chosen.request_id, chosen.variant), str(scope.request.id)
    timeline = taken_value(scope, plan, Timeline, Step.EDIT_TIMELINE, place=place)
    _copy_pictures(scope, plan, place, own, len(timeline.segments))
    under_it = timeline.music.model_copy(update={"key": music.key})
    return timeline.model_copy(update={"request_id": own, "music": under_it})


def offers_of_plan(scope: StepScope, chosen: ChosenPlan) -> "Offers | None":
    """What the plan found that could be shown instead of the segments of the chosen edit; it knows
    of its first edit alone. None where it has to be found.
    """
    if chosen.variant > 1:
        return None
    try:
        room = scope.services.edit_room(chosen.request_id)
    except PermanentError:
        return None
    return tuple(segment.alternatives for segment in room.segments)


def shown_beside(scope: StepScope, analysis: ClipAnalysis) -> tuple[SeenSegment, ...]:
    """What the edits show from which a chosen one was to differ, as far as they are still there."""
    from montage_pipeline.editing.originality import footage_shown

    chosen = scope.request.chosen
    if chosen is None:
        return ()
    places = [variant_place(chosen.request_id, number) for number in range(1, chosen.variant)]
    edits = [stored_value(scope.services, Timeline, place, Step.EDIT_TIMELINE) for place in places]
    return tuple(part for edit in edits if edit for part in footage_shown(edit, analysis))


def _copy_pictures(scope: StepScope, plan: Origin, place: str, own: str, segments: int) -> None:
    """The storyboard and the thumbnails: the plan's may be deleted before these."""
    store = scope.services.store
    copies = {storyboard_key(place): storyboard_key(own)} | {
        thumbnail_key(place, number): thumbnail_key(own, number) for number in range(segments)
    }
    try:
        for source, target in copies.items():
            kind = "image/png" if source == storyboard_key(place) else "image/jpeg"
            store.put_bytes(target, store.get_bytes(source), content_type=kind)
    except PermanentError as error:
        if error.code is not ErrorCode.STORE_MISSING:
            raise
        raise plan.expired() from error
