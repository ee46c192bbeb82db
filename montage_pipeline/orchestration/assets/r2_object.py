"""What `r2_object` does: put the Reel where the user can watch it, and end the request."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import dagster as dg
from dagster import MaterializeResult, MetadataValue

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.clip_reports import clip_reports
from montage_pipeline.orchestration.assets.request_facts import bullets
from montage_pipeline.orchestration.scratch import scratch_folder
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.orchestration.watching.outcome import made as line_of
from montage_pipeline.rendering.model import RenderedVideo
from montage_pipeline.requests.edit_view import CoverImage
from montage_pipeline.requests.lifecycle import FinishedReel
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.requests.variants.model import Rendition
from montage_pipeline.requests.variants.unfinished import UnfinishedReel
from montage_pipeline.storage.delivery import DeliveredFile
from montage_pipeline.storage.keys import cover_key
from montage_pipeline.storage.model import DeliveredObject
from montage_pipeline.vocabulary import Step


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
    delivered, others = _copy_files(scope, made)
    services = scope.services
    entries = services.ledger.entries(scope.request.id)
    doubts = [entry.doubt for entry in entries if entry.doubt is not None]
    renditions = _renditions(scope.request, made, delivered, others)
    if scope.tracked and not _ended(scope, made, delivered, renditions, doubts):
        raise MontageError(
            ErrorCode.REQUEST_TAKEN,
            "The request was stopped or taken over by another run before its Reel was delivered.",
        )

    cost_usd = sum((entry.cost_usd for entry in entries), Decimal(0))
    segments, duration_s = len(made.timeline.segments), float(made.timeline.duration)
    notes = len(_warnings(made, doubts))
    scope.note_outcome(line_of(segments, duration_s, delivered.bytes, cost_usd, notes))
    return dg.MaterializeResult(
        value=delivered,
        metadata={
            "generated_media_url": services.reel_store.address(delivered.key),
            "key": delivered.key,
            "etag": delivered.etag,
            "megabytes": delivered.bytes / 1e6,
            "uploaded": delivered.uploaded,
            "request_cost_usd": float(cost_usd),
            "renditions": MetadataValue.md(bullets(_described(file) for file in renditions)),
        },
    )


def _ended(
    scope: StepScope,
    made: MadeReel,
    delivered: DeliveredObject,
    renditions: tuple[Rendition, ...],
    doubts: Sequence[str],
) -> bool:
    """End the request with its Reel, or with its preview; False when it is not this run's."""
    request, requests = scope.request, scope.services.requests
    warnings = _warnings(made, doubts)
    if made.rendered.preview:
        preview = UnfinishedReel(
            step=Step.R2_OBJECT,
            previews=renditions,
            warnings=warnings,
            clips=clip_reports(request, made.analysis, made.timeline, made.music.grid.beats_s),
        )
        return requests.succeed_without_reel(request.id, scope.run_id, preview)
    reel = _finished(request, made, delivered, warnings)
    reel = reel.model_copy(update={"renditions": renditions})
    return requests.succeed(request.id, scope.run_id, reel)


def _renditions(
    request: MontageRequest,
    made: MadeReel,
    delivered: DeliveredObject,
    others: Sequence[DeliveredFile],
) -> tuple[Rendition, ...]:
    """Every file that was delivered, the item's own shape first."""
    rendered = made.rendered
    own = DeliveredFile(delivered.bytes, delivered.generated_media_url, delivered.poster_url)
    files = [(request.format, rendered.check, own)] + [
        (video.format, video.check, file)
        for video, file in zip(rendered.formats, others, strict=True)
    ]
    return tuple(
        Rendition(
            request_id=request.id,
            format=shape,
            preview=rendered.preview,
            width=check.width,
            height=check.height,
            bytes=file.bytes,
            url=file.url,
            poster_url=file.poster_url,
        )
        for shape, check, file in files
    )


def _described(file: Rendition) -> str:
    kind = "preview, " if file.preview else ""
    return f"{file.format}: {kind}{file.width}x{file.height}, {file.bytes / 1e6:.1f} MB"


def _copy_files(scope: StepScope, made: MadeReel) -> tuple[DeliveredObject, list[DeliveredFile]]:
    from montage_pipeline.storage.delivery import (
        ReelFiles,
        ReelOwner,
        Route,
        WorkFile,
        deliver,
        deliver_file,
    )

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
        route = Route(services.store, services.reel_store, folder)
        others = [
            deliver_file(route, WorkFile(video.key, video.sha256), video.poster_key, owner)
            for video in made.rendered.formats
        ]
        return deliver(route, files, owner), others


def _finished(
    request: MontageRequest, made: MadeReel, delivered: DeliveredObject, warnings: tuple[str, ...]
) -> FinishedReel:
    """What the item's row and its user get to see."""
    from montage_pipeline.editing.originality import footage_shown

    return FinishedReel(
        media_url=delivered.generated_media_url,
        music_url=delivered.music_url,
        poster_url=delivered.poster_url,
        covers=_covers(made, delivered),
        warnings=warnings,
        originality=made.timeline.originality.model_dump(mode="json"),
        shown=footage_shown(made.timeline, made.analysis),
        clips=clip_reports(request, made.analysis, made.timeline, made.music.grid.beats_s),
    )


def _warnings(made: MadeReel, doubts: Sequence[str]) -> tuple[str, ...]:
    """What the user must know, each once: the shapes of one edit have the same sound."""
    rendered = made.rendered
    of_files = [*rendered.warnings, *(line for file in rendered.formats for line in file.warnings)]
    return tuple(
        dict.fromkeys(
            (
                *made.analysis.warnings,
                *made.music.warnings,
                *made.timeline.warnings,
                *of_files,
                *doubts,
            )
        )
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
