"""Changing an edit that is there, segment by segment."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from montage_pipeline.api.clip_urls import AllowedUrls
from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import ApiError, FieldProblem, documented_errors, validation_error
from montage_pipeline.api.owned_item import OwnedItem
from montage_pipeline.api.routes.content_items import (
    ACCEPTED,
    TOO_MANY,
    IdempotencyKey,
    accepted,
)
from montage_pipeline.api.schemas.changes import ChangeOutcomeOut, ChangesAcceptedOut, ChangesBody
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.errors import ErrorCode
from montage_pipeline.requests.plans import is_request_of

router = APIRouter(prefix="/api/content-items", tags=["content items"])

_S404 = "No such content item, it is not yours, or it has no such request."
_S422 = (
    "What was sent is wrong, or `change_impossible`: `details.change` is the number of the change "
    "in the list, `details.nearest` what would be possible instead."
)
_UNAVAILABLE = (
    "`segment_locked`, with `details.change`; `changes_unavailable`: the edit was made by another "
    "release, or its files have expired"
)


@router.post(
    "/{contentItemId}/changes/preview",
    operation_id="previewChanges",
    summary="What changes of the edit would come to",
    responses=documented_errors(
        400, 404, 409, 413, 422, s404=_S404, s409=f"{_UNAVAILABLE}.", s422=_S422
    ),
)
def preview_changes(
    item: OwnedItem, body: ChangesBody, user: CurrentUser, services: ServicesNeeded
) -> ChangeOutcomeOut:
    """Which segments would be rendered, and whether the cuts stay on beats. Nothing is stored."""
    return _outcome(item, body, user, services)


@router.post(
    "/{contentItemId}/changes",
    operation_id="changeSegments",
    summary="Change single segments of the edit",
    status_code=HTTPStatus.ACCEPTED,
    response_description="The changes are stored.",
    responses={
        **ACCEPTED,
        **documented_errors(
            400,
            404,
            409,
            413,
            422,
            s404=_S404,
            s409=f"`already_generating`, `idempotency_conflict`, {_UNAVAILABLE}.",
            s422=_S422,
            s429=TOO_MANY,
        ),
    },
)
def change_segments(
    item: OwnedItem,
    body: ChangesBody,
    user: CurrentUser,
    services: ServicesNeeded,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> ChangesAcceptedOut:
    """Queue the Reel with the changes. Clips are not analysed and music is not composed again, and
    only segments with other frames are rendered; the answer says which.
    """
    outcome = _outcome(item, body, user, services)
    created = services.library.request_again(
        user.id,
        item.id,
        changes=body.as_document(),
        idempotency_key=idempotency_key,
        max_under_way=services.settings.max_requests_under_way,
    )
    answer = accepted(created, response)
    return ChangesAcceptedOut(
        id=answer.id, request_id=answer.request_id, status=answer.status, outcome=outcome
    )


def _outcome(
    item: OwnedItem, body: ChangesBody, user: CurrentUser, services: ServicesNeeded
) -> ChangeOutcomeOut:
    if not is_request_of(services.engine, body.base_request_id, item.id):
        raise ApiError(
            ErrorCode.NOT_FOUND, f"There is no request {body.base_request_id} of this item."
        )
    _refuse_bad_media(body, user, services)
    wanted = body.as_document()
    return ChangeOutcomeOut.of(services.change_outcome(wanted.base_request_id, wanted.changes))


def _refuse_bad_media(body: ChangesBody, user: CurrentUser, services: ServicesNeeded) -> None:
    """422 for music from where it may not come, and for text that no font has."""
    allowed = AllowedUrls(user.id, services.store.bucket, services.settings)
    problems = [
        FieldProblem(field=f"changes.{number}.url", message=problem.message)
        for number, url in body.music_urls.items()
        for problem in allowed.check_music(url)
    ]
    if problems:
        raise validation_error(problems)
    if body.texts:
        # Reading the fonts' tables takes a moment: only for those who ask for text.
        from montage_pipeline.captions.layout import refuse_undrawable

        for text in body.texts:
            refuse_undrawable(text)
