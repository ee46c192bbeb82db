"""What `r2_object` does: put the Reel where the user can watch it, and end the request."""

import tempfile
from decimal import Decimal
from pathlib import Path

import dagster as dg
from dagster import MaterializeResult, MetadataValue

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.clip_analysis import left_out
from montage_pipeline.orchestration.services import Services
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.rendering.model import RenderedVideo
from montage_pipeline.requests.lifecycle import FinishedReel
from montage_pipeline.storage.model import DeliveredObject


def deliver_reel(
    scope: StepScope,
    services: Services,
    rendered: RenderedVideo,
    music: MusicTrack,
    timeline: Timeline,
    analysis: ClipAnalysis,
) -> MaterializeResult[DeliveredObject]:
    """The Reel where the user finds it.

    MontageError("request_taken") when the request is no longer this run's.
    """
    from montage_pipeline.editing.originality import footage_shown
    from montage_pipeline.storage.delivery import ReelFiles, ReelOwner, WorkFile, deliver

    warnings = (*analysis.warnings, *left_out(analysis), *music.warnings, *timeline.warnings)
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="deliver-") as folder:
        files = ReelFiles(
            video=WorkFile(rendered.key, rendered.sha256),
            music=WorkFile(music.key, music.sha256),
            poster_key=rendered.poster_key,
        )
        owner = ReelOwner(str(scope.request.user_id), str(scope.request.content_item_id))
        delivered = deliver(services.store, files, owner, Path(folder))
    reel = FinishedReel(
        media_url=delivered.generated_media_url,
        music_url=delivered.music_url,
        poster_url=delivered.poster_url,
        warnings=warnings,
        originality=timeline.originality.model_dump(mode="json"),
        shown=footage_shown(timeline, analysis),
    )
    if scope.tracked and not services.requests.succeed(scope.request.id, scope.run_id, reel):
        raise MontageError(
            ErrorCode.REQUEST_TAKEN,
            "The request was stopped or taken over by another run before its Reel was delivered.",
        )
    total = sum((entry.cost_usd for entry in services.ledger.entries(scope.request.id)), Decimal(0))
    return dg.MaterializeResult(
        value=delivered,
        metadata={
            "generated_media_url": MetadataValue.url(delivered.generated_media_url),
            "key": delivered.key,
            "etag": delivered.etag,
            "megabytes": delivered.bytes / 1e6,
            "uploaded": delivered.uploaded,
            "request_cost_usd": float(total),
        },
    )
