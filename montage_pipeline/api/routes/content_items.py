"""Content items: make one, make it again, look at them."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from montage_pipeline.api.auth import User
from montage_pipeline.api.clip_urls import AllowedUrls
from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import documented_errors, validation_error
from montage_pipeline.api.owned_item import ItemId, OwnedItem, owned_item
from montage_pipeline.api.schemas.answers import (
    AcceptedOut,
    ContentItemOut,
    ContentItemsOut,
    StatusOut,
)
from montage_pipeline.api.schemas.base import DecimalText, Timestamp
from montage_pipeline.api.schemas.requests import NewContentItemBody, WishesBody
from montage_pipeline.api.services import ApiServices, ServicesNeeded
from montage_pipeline.logs import get_logger
from montage_pipeline.requests.model import ContentItem, CreatedRequest, ItemFilter
from montage_pipeline.styles import StyleName
from montage_pipeline.vocabulary import ContentStatus

log = get_logger(__name__)

router = APIRouter(prefix="/api/content-items", tags=["content items"])

POLL_AFTER_S = 2
"""Progress moves about this often; more polls show nothing new."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text that is new for each click. Sent again with the same body, it gives "
        "the first answer and no new Reel.",
    ),
]

TOO_MANY = (
    "Too many: `rate_limited`, or `too_many_requests_under_way` while as many of your requests as "
    "are allowed run or wait; wait for `Retry-After` seconds."
)
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "links": {
            operation: {
                "operationId": operation,
                "parameters": {"contentItemId": "$response.body#/id"},
            }
            for operation in ("getContentItem", "getContentItemStatus", "cancelGeneration")
        },
        "headers": {
            "Location": {"description": "The content item.", "schema": {"type": "string"}},
            "Retry-After": {
                "description": "Seconds until it is worth polling.",
                "schema": {"type": "integer"},
            },
            "Idempotent-Replay": {
                "description": "`true` when the key had made this request before.",
                "schema": {"const": "true"},
            },
        },
    }
}
_POLLED: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "Retry-After": {
                "description": "Seconds until the next poll; only while generating.",
                "schema": {"type": "integer"},
            }
        }
    }
}


@router.post(
    "",
    operation_id="createContentItem",
    summary="Make a Reel",
    status_code=HTTPStatus.ACCEPTED,
    response_description="The request is stored.",
    responses={
        **ACCEPTED,
        **documented_errors(
            400,
            409,
            413,
            422,
            s409="`idempotency_conflict`: the key was used with another body.",
            s429=TOO_MANY,
        ),
    },
)
def create_content_item(
    body: NewContentItemBody,
    user: CurrentUser,
    services: ServicesNeeded,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> AcceptedOut:
    """Store a new content item and queue its first generation."""
    allowed = _urls_allowed(user, services)
    problems = [
        *allowed.check_clips(body.clip_urls),
        *allowed.check_wishes(body.must_use, body.exclude),
        *allowed.check_music(body.music_url),
    ]
    if problems:
        raise validation_error(problems)
    _refuse_undrawable(body)
    # The user may have been deleted since a request of theirs was last seen here.
    services.library.ensure_user(user.id, user.email)
    created = services.library.create_item(
        user.id,
        body.as_document(),
        idempotency_key=idempotency_key,
        max_under_way=services.settings.max_requests_under_way,
    )
    return accepted(created, response)


@router.post(
    "/{contentItemId}/generate",
    operation_id="generateAgain",
    summary="Make another Reel from the same item",
    status_code=HTTPStatus.ACCEPTED,
    response_description="The request is stored.",
    responses={
        **ACCEPTED,
        **documented_errors(
            400,
            404,
            409,
            413,
            422,
            s409="`already_generating`, or `idempotency_conflict`: the key was used for something "
            "else.",
            s429=TOO_MANY,
        ),
    },
)
def generate_again(
    content_item_id: ItemId,
    user: CurrentUser,
    services: ServicesNeeded,
    response: Response,
    body: WishesBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> AcceptedOut:
    """Queue another generation of the item; the edit and the music will differ.

    Without a body the wishes of the last request stand; a body replaces them all, `{}` drops them.
    """
    if body is not None:
        allowed = _urls_allowed(user, services)
        problems = [
            *allowed.check_wishes(body.must_use, body.exclude),
            *allowed.check_music(body.music_url),
        ]
        if problems:
            raise validation_error(problems)
        _refuse_undrawable(body)
    options = body.as_options() if body is not None else None
    created = services.library.request_again(
        user.id,
        content_item_id,
        options,
        idempotency_key=idempotency_key,
        max_under_way=services.settings.max_requests_under_way,
    )
    return accepted(created, response)


@router.post(
    "/{contentItemId}/cancel",
    operation_id="cancelGeneration",
    summary="Stop making a Reel",
    response_description="No Reel is being made of the item.",
    responses=documented_errors(404, 413, 422),
)
def cancel_generation(item: OwnedItem, user: CurrentUser, services: ServicesNeeded) -> StatusOut:
    """Cancel the request that waits or runs; its run ends within seconds.

    The item is `failed` with the code `canceled`. For an item that is not being generated nothing
    changes, so that the same call may be sent again.
    """
    if item.status is ContentStatus.GENERATING:
        request_id = services.library.newest_request(item.id)
        if request_id is not None and services.requests.withdraw(request_id):
            log.info(
                "generation_canceled",
                content_item_id=str(item.id),
                request_id=str(request_id),
            )
        item = owned_item(item.id, user, services)
    return StatusOut.of(item, services.fresh_url)


@router.get(
    "",
    operation_id="listContentItems",
    summary="Your content items, newest first",
    responses=documented_errors(422),
)
def list_content_items(
    user: CurrentUser,
    services: ServicesNeeded,
    limit: Annotated[int, Query(ge=1, le=100, description="Items on one page."), DecimalText] = 20,
    before: Annotated[
        Timestamp | None, Query(description="`nextBefore` of the page before.")
    ] = None,
    status: Annotated[ContentStatus | None, Query(description="Only items that stand so.")] = None,
    style: Annotated[StyleName | None, Query(description="Only items of this style.")] = None,
    since: Annotated[
        Timestamp | None, Query(description="Only items made at this moment or later.")
    ] = None,
) -> ContentItemsOut:
    """One page of the library."""
    wanted = ItemFilter(status=status, style=style, since=since)
    # One more than asked for tells whether there is another page.
    found = services.library.list_items(user.id, limit=limit + 1, before=before, wanted=wanted)
    items = [ContentItemOut.of(item, services.fresh_url) for item in found[:limit]]
    return ContentItemsOut(
        items=items, next_before=items[-1].created_at if len(found) > limit else None
    )


@router.get(
    "/{contentItemId}",
    operation_id="getContentItem",
    summary="One content item",
    responses={**_POLLED, **documented_errors(404, 422)},
)
def get_content_item(
    item: OwnedItem, services: ServicesNeeded, response: Response
) -> ContentItemOut:
    """The whole item."""
    _hint_next_poll(item, response)
    return ContentItemOut.of(item, services.fresh_url)


@router.get(
    "/{contentItemId}/status",
    operation_id="getContentItemStatus",
    summary="How far it is",
    responses={**_POLLED, **documented_errors(404, 422)},
)
def get_content_item_status(
    item: OwnedItem, services: ServicesNeeded, response: Response
) -> StatusOut:
    """The part of an item that changes while it is generated."""
    _hint_next_poll(item, response)
    return StatusOut.of(item, services.fresh_url)


def _urls_allowed(user: User, services: ApiServices) -> AllowedUrls:
    return AllowedUrls(user.id, services.store.bucket, services.settings)


def _refuse_undrawable(body: WishesBody) -> None:
    """422 `caption_unsupported` for text that no font has, before anything is stored."""
    if body.captions is not None:
        # Reading the fonts' tables takes a moment: only for those who ask for text.
        from montage_pipeline.captions.layout import refuse_undrawable

        refuse_undrawable(body.captions)


def accepted(created: CreatedRequest, response: Response) -> AcceptedOut:
    """The answer to a click that is stored."""
    log.info(
        "generation_requested",
        content_item_id=str(created.content_item_id),
        request_id=str(created.request_id),
        replayed=created.replayed,
    )
    response.headers["Location"] = f"{router.prefix}/{created.content_item_id}"
    response.headers["Retry-After"] = str(POLL_AFTER_S)
    if created.replayed:
        response.headers["Idempotent-Replay"] = "true"
    return AcceptedOut.of(created)


def _hint_next_poll(item: ContentItem, response: Response) -> None:
    if item.status is ContentStatus.GENERATING:
        response.headers["Retry-After"] = str(POLL_AFTER_S)
