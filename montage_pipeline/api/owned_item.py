"""The dependency that turns a path's id into the user's own content item."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path

from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import ApiError
from montage_pipeline.api.schemas.base import PathUuid
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.errors import ErrorCode
from montage_pipeline.requests.model import ContentItem

ItemId = Annotated[PathUuid, Path(alias="contentItemId", description="The content item.")]


def owned_item(content_item_id: ItemId, user: CurrentUser, services: ServicesNeeded) -> ContentItem:
    """The item; 404 when there is none, and just the same when it is somebody else's."""
    item = services.library.get_item(user.id, content_item_id)
    if item is None:
        raise not_found(content_item_id)
    return item


def not_found(content_item_id: UUID) -> ApiError:
    """404 for an item that is not there, or not this user's."""
    return ApiError(ErrorCode.NOT_FOUND, f"There is no content item {content_item_id}.")


OwnedItem = Annotated[ContentItem, Depends(owned_item)]
