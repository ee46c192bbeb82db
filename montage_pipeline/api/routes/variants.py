"""The edits of an item's plan: looking at them side by side, and having one rendered."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import ApiError, documented_errors
from montage_pipeline.api.owned_item import OwnedItem
from montage_pipeline.api.routes.content_items import (
    ACCEPTED,
    TOO_MANY,
    IdempotencyKey,
    accepted,
)
from montage_pipeline.api.schemas.answers import AcceptedOut
from montage_pipeline.api.schemas.base import DecimalText
from montage_pipeline.api.schemas.variants import RenderBody, VariantOut, VariantsOut
from montage_pipeline.api.services import ApiServices, ServicesNeeded
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.records import read_document
from montage_pipeline.requests.model import ContentItem
from montage_pipeline.requests.plans import is_request_of
from montage_pipeline.requests.variants.choosing import (
    PlanChooser,
    chosen_variant,
    plan_of_item,
    plan_of_request,
)
from montage_pipeline.requests.variants.model import MAX_VARIANTS, PlanVariants, VariantFacts
from montage_pipeline.storage.keys import (
    document_key,
    edit_key,
    storyboard_key,
    variant_place,
    variants_key,
)
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Step

router = APIRouter(prefix="/api/content-items", tags=["content items"])

PlanId = Annotated[
    UUID | None,
    Query(
        alias="requestId",
        description="A request of this item; without it the one that was planned last.",
    ),
]
VariantNumber = Annotated[
    int,
    Path(ge=1, le=MAX_VARIANTS, description="`variant` of one of the variants."),
    DecimalText,
]
_NO_PLAN = "No such content item, it is not yours, or nothing of it is planned yet."


@router.get(
    "/{contentItemId}/variants",
    operation_id="listVariants",
    summary="The edits of a plan, side by side",
    responses=documented_errors(
        404, 409, 422, s404=_NO_PLAN, s409="`plan_expired`: the files of the plan are gone."
    ),
)
def list_variants(
    item: OwnedItem, services: ServicesNeeded, request_id: PlanId = None
) -> VariantsOut:
    """There from the moment the plan is ready (event `plan`). `GET …/artefacts?variant=` has all of
    one edit.
    """
    plan_id = _plan(item, services, request_id)
    plan = _variants(services.store, plan_id)
    return VariantsOut(
        request_id=plan_id,
        chosen=chosen_variant(services.engine, plan_id),
        variants=[_variant(services.store, plan_id, facts) for facts in plan.variants],
        notes=list(plan.notes),
    )


@router.post(
    "/{contentItemId}/variants/{variant}/render",
    operation_id="renderVariant",
    summary="Choose an edit and have it rendered",
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
            s404=f"{_NO_PLAN} Or its plan has no such variant.",
            s409="`already_generating`, `plan_expired`, or `idempotency_conflict`: the key was "
            "used for something else.",
            s429=TOO_MANY,
        ),
    },
)
def render_variant(
    item: OwnedItem,
    variant: VariantNumber,
    user: CurrentUser,
    services: ServicesNeeded,
    response: Response,
    body: RenderBody | None = None,
    request_id: PlanId = None,
    idempotency_key: IdempotencyKey = None,
) -> AcceptedOut:
    """The Reel, a preview of it, or the Reel in several formats. Nothing is analysed, composed or
    planned again, and nothing bought.

    The same choice made again, while it is rendered or after, is answered with the same request.
    """
    plan_id = _plan(item, services, request_id)
    known = {facts.variant for facts in _variants(services.store, plan_id).variants}
    if variant not in known:
        raise ApiError(ErrorCode.NOT_FOUND, f"The plan has no variant {variant}.")
    chooser = PlanChooser(services.engine, services.library)
    created = chooser.choose(
        user.id,
        item.id,
        (body or RenderBody()).of(plan_id, variant),
        idempotency_key=idempotency_key,
        max_under_way=services.settings.max_requests_under_way,
    )
    return accepted(created, response)


def _plan(item: ContentItem, services: ApiServices, request_id: UUID | None) -> UUID:
    """The request that made the plan; 404 without one."""
    if request_id is None:
        plan_id = plan_of_item(services.engine, item.id)
        if plan_id is None:
            raise ApiError(ErrorCode.NOT_FOUND, "Nothing of this item is planned yet.")
        return plan_id
    if not is_request_of(services.engine, request_id, item.id):
        raise ApiError(ErrorCode.NOT_FOUND, f"There is no request {request_id} of this item.")
    return plan_of_request(services.engine, request_id)


def _variants(store: ObjectStore, plan_id: UUID) -> PlanVariants:
    try:
        return read_document(PlanVariants, store.get_bytes(variants_key(plan_id)), "edit_timeline")
    except PermanentError as error:
        if error.code not in (ErrorCode.STORE_MISSING, ErrorCode.DOCUMENT_SCHEMA):
            raise
        raise ApiError(
            ErrorCode.PLAN_EXPIRED,
            f"The edits of request {plan_id} are not stored (any more). Have the item planned "
            "again.",
        ) from error


def _variant(store: ObjectStore, plan_id: UUID, facts: VariantFacts) -> VariantOut:
    place = variant_place(plan_id, facts.variant)

    def url(key: str) -> str | None:
        return None if store.head(key) is None else store.media_url(key)

    return VariantOut(
        variant=facts.variant,
        segments=facts.segments,
        clips=facts.clips,
        duration_sec=facts.duration_s,
        originality=facts.originality,
        shared=facts.shared,
        storyboard_url=url(storyboard_key(place)),
        timeline_url=url(document_key(place, Step.EDIT_TIMELINE)),
        otio_url=url(edit_key(place)),
    )
