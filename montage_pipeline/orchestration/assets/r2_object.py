"""What `r2_object` does: put the Reel where the user can watch it, and end the request."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import dagster as dg
from dagster import MaterializeResult

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.clip_reports import clip_reports
from montage_pipeline.orchestration.scratch import scratch_folder
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.orchestration.watching.outcome import made as line_of
from montage_pipeline.rendering.model import RenderedVideo
from montage_pipeline.requests.edit_view import CoverImage
from montage_pipeline.requests.lifecycle import FinishedReel
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.storage.keys import cover_key
from montage_pipeline.storage.model import DeliveredObject


@dataclass(frozen=True)
class MadeReel:
    """A Reel and how it came about: what the steps before made."""

    analysis: ClipAnalysis
    music: MusicTrack
    timeline: Timeline
    rendered: RenderedVideo


def deliver_reel(scope: StepScope, made: MadeReel) -> MaterializeResult[DeliveredObject]:
    """The Reel where the user finds it.

    Raises MontageError(REQUEST_TAKEN) when the request is no longer this run's.
    """
    delivered = _copy_files(scope, made)
    services = scope.services
    entries = services.ledger.entries(scope.request.id)
    doubts = [entry.doubt for entry in entries if entry.doubt is not None]
    reel = _finished(scope.request, made, delivered, doubts)
    if scope.tracked and not services.requests.succeed(scope.request.id, scope.run_id, reel):
        raise MontageError(
            ErrorCode.REQUEST_TAKEN,
            "The request was stopped or taken over by another run before its Reel was delivered.",
        )

    cost_usd = sum((entry.cost_usd for entry in entries), Decimal(0))
    duration_s = float(made.timeline.duration)
    scope.note_outcome(
        line_of(
            len(made.timeline.segments), duration_s, delivered.bytes, cost_usd, len(reel.warnings)
        )
    )
    return dg.MaterializeResult(
        value=delivered,
        metadata={
            "generated_media_url": services.reel_store.address(delivered.key),
            "key": delivered.key,
            "etag": delivered.etag,
            "megabytes": delivered.bytes / 1e6,
            "uploaded": delivered.uploaded,
            "request_cost_usd": float(cost_usd),
        },
    )


def _copy_files(scope: StepScope, made: MadeReel) -> DeliveredObject:
    from montage_pipeline.storage.delivery import ReelFiles, ReelOwner, Route, WorkFile, deliver

    files = ReelFiles(
        video=WorkFile(made.rendered.key, made.rendered.sha256),
        music=WorkFile(made.music.key, made.music.sha256),
        poster_key=made.rendered.poster_key,
        cover_keys=tuple(
            cover_key(scope.request.id, rank) for rank in range(2, len(made.rendered.covers) + 1)
        ),
    )
    owner = ReelOwner(str(scope.request.user_id), str(scope.request.content_item_id))
    services = scope.services
    with scratch_folder(services, "deliver") as folder:
        return deliver(Route(services.store, services.reel_store, folder), files, owner)


def _finished(
    request: MontageRequest, made: MadeReel, delivered: DeliveredObject, doubts: Sequence[str]
) -> FinishedReel:
    """What the item's row and its user get to see."""
    from montage_pipeline.editing.originality import footage_shown

    return FinishedReel(
        media_url=delivered.generated_media_url,
        music_url=delivered.music_url,
        poster_url=delivered.poster_url,
        covers=_covers(made, delivered),
        warnings=(
            *made.analysis.warnings,
            *made.music.warnings,
            *made.timeline.warnings,
            *made.rendered.warnings,
            *doubts,
        ),
        originality=made.timeline.originality.model_dump(mode="json"),
        shown=footage_shown(made.timeline, made.analysis),
        clips=clip_reports(request, made.analysis, made.timeline, made.music.grid.beats_s),
    )


def _covers(made: MadeReel, delivered: DeliveredObject) -> tuple[CoverImage, ...]:
    """The covers with their delivered files; none for a Reel of an earlier release."""
    return tuple(
        CoverImage(
            key=key,
            time_s=round(float(cover.frame / made.timeline.fps.fraction), 4),
            score=cover.score,
            why=cover.why,
        )
        for key, cover in zip(delivered.cover_keys, made.rendered.covers, strict=False)
    )
