"""Changing a content item that is there: its title; and deleting it."""

from http import HTTPStatus

from fastapi import APIRouter

from montage_pipeline.api.background.purging import purges_of
from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import documented_errors
from montage_pipeline.api.owned_item import ItemId, not_found
from montage_pipeline.api.schemas.answers import ContentItemOut
from montage_pipeline.api.schemas.requests import ItemChangesBody
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.logs import get_logger
from montage_pipeline.requests.deletion import delete_item

log = get_logger(__name__)

router = APIRouter(prefix="/api/content-items", tags=["content items"])


@router.patch(
    "/{contentItemId}",
    operation_id="changeContentItem",
    summary="Change the title",
    responses=documented_errors(400, 404, 413, 422),
)
def change_content_item(
    content_item_id: ItemId, body: ItemChangesBody, user: CurrentUser, services: ServicesNeeded
) -> ContentItemOut:
    """What is not named stays; `null` removes the title."""
    if "title" in body.model_fields_set:
        services.library.rename(user.id, content_item_id, body.title)
    item = services.library.get_item(user.id, content_item_id)
    if item is None:
        raise not_found(content_item_id)
    return ContentItemOut.of(item, services.fresh_url)


@router.delete(
    "/{contentItemId}",
    operation_id="deleteContentItem",
    summary="Delete an item for good",
    status_code=HTTPStatus.NO_CONTENT,
    response_description="It is gone; its files follow within seconds.",
    responses=documented_errors(
        404, 409, 422, s409="`already_generating`: cancel it first, or wait until it is done."
    ),
)
def delete_content_item(
    content_item_id: ItemId, user: CurrentUser, services: ServicesNeeded
) -> None:
    """The item with its requests, its Reels with all that was made on the way, and those of its
    uploads that no other item uses. What was paid stays in `GET /api/costs`.
    """
    bucket = services.store.bucket
    delete_item(
        services.engine, user.id, content_item_id, lambda leavings: purges_of(leavings, bucket)
    )
    log.info("content_item_deleted", content_item_id=str(content_item_id))
    services.background.wake()
