"""What a request that changes an edit takes over from its base, the request that made the edit.

Nothing is analysed or bought again: the base's documents become the request's own, and its music is
copied inside the object store, so that the base may expire or be deleted.
"""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import dagster as dg
from dagster import MaterializeResult

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.records import Record, read_document
from montage_pipeline.storage.keys import document_key, work_key
from montage_pipeline.vocabulary import Step

if TYPE_CHECKING:
    from montage_pipeline.editing.changing.room import EditRoom

R = TypeVar("R", bound=Record)


def base_analysis(scope: StepScope, base: UUID) -> MaterializeResult[ClipAnalysis]:
    """The base's analysis."""
    return dg.MaterializeResult(
        value=_document(scope, base, ClipAnalysis, Step.CLIP_ANALYSIS), metadata=_taken_from(base)
    )


def base_music(scope: StepScope, base: UUID) -> MaterializeResult[MusicTrack]:
    """The base's music, as a file of this request."""
    music = _document(scope, base, MusicTrack, Step.MUSIC_TRACK)
    key = work_key(scope.request.id, f"music{PurePosixPath(music.key).suffix}")
    store = scope.services.store
    if store.head(music.key) is None:
        raise _gone(base)
    store.copy(
        music.key,
        key,
        content_type=music.content_type,
        cache_control="no-store",
        sha256=music.sha256,
    )
    return dg.MaterializeResult(
        value=music.model_copy(update={"key": key}),
        metadata={"listen": store.address(key), **_taken_from(base)},
    )


def base_edit(scope: StepScope, base: UUID) -> "tuple[Timeline, EditRoom]":
    """The base's edit, and what may become of it."""
    timeline = _document(scope, base, Timeline, Step.EDIT_TIMELINE)
    return timeline, scope.services.edit_room(base)


def _document(scope: StepScope, base: UUID, kind: type[R], step: Step) -> R:
    try:
        stored = scope.services.store.get_bytes(document_key(base, step))
    except PermanentError as error:
        if error.code is not ErrorCode.STORE_MISSING:
            raise
        raise _gone(base) from error
    return read_document(kind, stored, step.value)


def _gone(base: UUID) -> PermanentError:
    return PermanentError(
        ErrorCode.CHANGES_UNAVAILABLE,
        f"The files of request {base}, whose edit was to be changed, have expired.",
    )


def _taken_from(base: UUID) -> dict[str, str | float]:
    return {"taken_from_request": str(base), "cost_usd": 0.0}
