"""Artefacts: what was made on the way to a Reel, and which frame stands for it."""

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query

from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import ApiError, FieldProblem, documented_errors, validation_error
from montage_pipeline.api.owned_item import OwnedItem
from montage_pipeline.api.schemas.answers import StatusOut
from montage_pipeline.api.schemas.artefacts import ArtefactsOut, CoverOut, EditOut, PosterBody
from montage_pipeline.api.schemas.base import DecimalText
from montage_pipeline.api.services import ApiServices, ServicesNeeded
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.records import Record, read_document
from montage_pipeline.requests.edit_view import EditView
from montage_pipeline.requests.model import ContentItem
from montage_pipeline.requests.plans import base_request, is_request_of, planned_request
from montage_pipeline.requests.variants.model import MAX_VARIANTS
from montage_pipeline.storage.keys import (
    document_key,
    edit_key,
    edit_view_key,
    storyboard_key,
    variant_place,
)
from montage_pipeline.storage.model import DeliveredObject
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Step

D = TypeVar("D", bound=Record)

router = APIRouter(prefix="/api/content-items", tags=["content items"])


@router.get(
    "/{contentItemId}/artefacts",
    operation_id="getArtefacts",
    summary="The edit, and links to what shows it",
    responses=documented_errors(
        404, 422, s404="No such content item, it is not yours, or nothing of it is planned yet."
    ),
)
def get_artefacts(
    item: OwnedItem,
    services: ServicesNeeded,
    request_id: Annotated[
        UUID | None,
        Query(
            alias="requestId",
            description="A request of this item; without it the one that was planned last.",
        ),
    ] = None,
    variant: Annotated[
        int,
        Query(
            ge=1,
            le=MAX_VARIANTS,
            description="Which edit of a plan with several: `variant` of `GET …/variants`.",
        ),
        DecimalText,
    ] = 1,
) -> ArtefactsOut:
    """There from the moment the edit is decided, before the Reel is rendered (event `plan`)."""
    if request_id is None:
        request_id = planned_request(services.engine, item.id)
        if request_id is None:
            raise ApiError(ErrorCode.NOT_FOUND, "Nothing of this item is planned yet.")
    elif not is_request_of(services.engine, request_id, item.id):
        raise ApiError(ErrorCode.NOT_FOUND, f"There is no request {request_id} of this item.")

    store, place = services.store, variant_place(request_id, variant)
    if variant > 1 and store.head(edit_view_key(place)) is None:
        raise ApiError(ErrorCode.NOT_FOUND, f"That plan has no variant {variant}.")
    view = _edit_view(store, place)
    return ArtefactsOut(
        request_id=request_id,
        base_request_id=base_request(services.engine, request_id),
        reel_url=_reel_url(services, request_id),
        storyboard_url=_url(store, storyboard_key(place)),
        timeline_url=_url(store, document_key(place, Step.EDIT_TIMELINE)),
        otio_url=_url(store, edit_key(place)),
        edl_url=_url(store, edit_key(place, "edl")),
        xml_url=_url(store, edit_key(place, "xml")),
        edit=None if view is None else EditOut.of(view, store.media_url),
        covers=_covers(item, services.reel_store),
    )


@router.put(
    "/{contentItemId}/poster",
    operation_id="choosePoster",
    summary="Choose which frame stands for the Reel",
    responses=documented_errors(400, 404, 413, 422),
)
def choose_poster(
    item: OwnedItem, body: PosterBody, user: CurrentUser, services: ServicesNeeded
) -> StatusOut:
    """One of `covers` becomes the poster; the next Reel of the item has its own again."""
    if body.rank > len(item.covers):
        has = f"has {len(item.covers)} covers" if item.covers else "has no covers yet"
        raise validation_error([FieldProblem(field="rank", message=f"this item {has}")])
    poster_url = services.reel_store.media_url(item.covers[body.rank - 1].key)
    services.library.choose_poster(user.id, item.id, poster_url)
    return StatusOut.of(item.model_copy(update={"poster_url": poster_url}), services.fresh_url)


def _edit_view(store: ObjectStore, place: str) -> EditView | None:
    """The stored view; None where there is none, or none that this version reads."""
    return _stored(store, edit_view_key(place), EditView, Step.EDIT_TIMELINE)


def _reel_url(services: ApiServices, request_id: UUID) -> str | None:
    """A link to the Reel that a request made; None where there is none (any more)."""
    key = document_key(request_id, Step.R2_OBJECT)
    delivered = _stored(services.store, key, DeliveredObject, Step.R2_OBJECT)
    return None if delivered is None else _url(services.reel_store, delivered.key)


def _stored(store: ObjectStore, key: str, kind: type[D], step: Step) -> D | None:
    """A stored document; None where there is none, or none that this version reads."""
    try:
        return read_document(kind, store.get_bytes(key), step)
    except PermanentError as error:
        if error.code not in (ErrorCode.STORE_MISSING, ErrorCode.DOCUMENT_SCHEMA):
            raise
        return None


def _url(store: ObjectStore, key: str) -> str | None:
    """A link to the object; None when it is not there: work files expire."""
    return None if store.head(key) is None else store.media_url(key)


def _covers(item: ContentItem, store: ObjectStore) -> list[CoverOut]:
    return [
        CoverOut.of(rank, cover, item.poster_url, store.media_url)
        for rank, cover in enumerate(item.covers, start=1)
    ]
