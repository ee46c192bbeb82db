"""Rows as the records that everybody else reads, and the queries for items together with their
requests.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, not_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from montage_pipeline.requests.edit_view import CoverImage
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.model import ContentItem, MontageRequest
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.segment_changes.model import read_changes
from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow
from montage_pipeline.requests.variants.model import ChosenPlan, Rendition
from montage_pipeline.vocabulary import RequestState


def item_of(row: ContentItemRow, newest: dict[str, Any] | None) -> ContentItem:
    """The item; `newest` is its newest request's `id`, and the `options` that stand."""
    request = newest or {"id": None, "options": None}
    return ContentItem(
        id=row.id,
        user_id=row.user_id,
        type=row.type,
        title=row.title,
        status=row.status,
        style=row.style,
        format=row.format,
        duration_s=row.duration_sec,
        clip_urls=tuple(row.clip_urls),
        options=MontageOptions.model_validate(request["options"] or {}),
        request_id=request["id"],
        generated_media_url=row.generated_media_url,
        music_url=row.music_url,
        poster_url=row.poster_url,
        covers=tuple(map(CoverImage.model_validate, row.covers)),
        renditions=tuple(map(Rendition.model_validate, row.renditions)),
        progress_step=row.progress_step,
        progress_percent=row.progress_percent,
        progress_detail=row.progress_detail,
        clips=tuple(map(ClipReport.model_validate, row.clips)),
        error=row.error,
        warnings=tuple(row.warnings),
        tries=tuple(row.tries),
        originality=row.originality,
        revision=row.revision,
        planned_request_id=row.planned_request_id,
        plan_revision=row.plan_revision,
        reel_request_id=row.reel_request_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def request_of(row: MontageRequestRow) -> MontageRequest:
    """The request."""
    return MontageRequest(
        id=row.id,
        content_item_id=row.content_item_id,
        user_id=row.user_id,
        partition_key=row.partition_key,
        clip_urls=tuple(row.clip_urls),
        style=row.style,
        format=row.format,
        duration_s=row.duration_sec,
        options=MontageOptions.model_validate(row.options),
        base_request_id=row.base_request_id,
        changes=read_changes(row.changes or []),
        state=row.state,
        attempt=row.attempt,
        run_id=row.run_id,
        lost_runs=row.lost_runs,
        error=row.error,
        step_seconds=row.step_seconds,
        traceparent=row.traceparent,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        chosen=_chosen(row),
    )


def _chosen(row: MontageRequestRow) -> ChosenPlan | None:
    if row.plan_request_id is None or row.variant is None:
        return None
    return ChosenPlan(request_id=row.plan_request_id, variant=row.variant)


def owned_item(user_id: UUID, content_item_id: UUID) -> Select[ContentItemRow]:
    """The item if it is this user's."""
    return select(ContentItemRow).where(
        ContentItemRow.id == content_item_id, ContentItemRow.user_id == user_id
    )


def newest_with_wishes() -> ColumnElement[dict[str, Any]]:
    """Id of an item's newest request and the stored wishes that stand, for a query on items: those
    of the newest request that is no change which failed. Music that was too short for a Reel is
    not what the next one is asked with.
    """
    request = MontageRequestRow
    came_to_nothing = request.state.in_((RequestState.FAILED, RequestState.CANCELED))
    is_lost = and_(request.base_request_id.is_not(None), came_to_nothing)
    newest = _first_of_item(select(request.id))
    wishes = _first_of_item(select(request.options).where(not_(is_lost)))
    return func.jsonb_build_object("id", newest, "options", wishes, type_=JSONB)


def _first_of_item(query: Select[Any]) -> ScalarSelect[Any]:
    """The newest of an item's requests in a query on items."""
    request = MontageRequestRow
    of_item = query.where(request.content_item_id == ContentItemRow.id)
    newest_first = of_item.order_by(request.created_at.desc(), request.id)
    return newest_first.limit(1).correlate(ContentItemRow).scalar_subquery()


def standing_options(session: Session, content_item_id: UUID) -> MontageOptions:
    """The wishes that the next request of an item has unless others are sent."""
    newest = session.scalar(
        select(newest_with_wishes())
        .select_from(ContentItemRow)
        .where(ContentItemRow.id == content_item_id)
    )
    return MontageOptions.model_validate((newest and newest["options"]) or {})
