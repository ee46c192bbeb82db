"""Webhooks: where a user is told what became of their Reels, and what was sent there."""

import math
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from montage_pipeline.api.clip_urls import refusal_of_web_url
from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import FieldProblem, documented_errors, validation_error
from montage_pipeline.api.limits.call_rates import CallRates
from montage_pipeline.api.schemas.base import PathUuid, Timestamp
from montage_pipeline.api.schemas.webhooks import (
    DeliveriesOut,
    DeliveryOut,
    WebhookBody,
    WebhookOut,
    WebhookSecretOut,
)
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.vocabulary import DeliveryState

router = APIRouter(prefix="/api/webhook", tags=["webhook"])

_NO_WEBHOOK = "You have no webhook."
_NO_DELIVERY = "You have no webhook, or there is no such delivery of yours."

MAX_REPEATS_PER_HOUR = 60
"""All that a busy person missed in a day, at once, then one a minute. Without it a message could be
sent to a stranger's server as often as the API may be called, and a test more often than tests may.
"""

_HOUR_S = 3600.0


@router.put(
    "",
    operation_id="putWebhook",
    summary="Be told at this URL",
    responses=documented_errors(400, 413, 422),
)
def put_webhook(body: WebhookBody, user: CurrentUser, services: ServicesNeeded) -> WebhookSecretOut:
    """POSTs go there when a Reel is done, failed or canceled. Another URL keeps the secret."""
    if reason := refusal_of_web_url(body.url, services.settings):
        raise validation_error([FieldProblem(field="url", message=reason)])
    services.library.ensure_user(user.id, user.email)
    return WebhookSecretOut.of(services.webhooks.put(user.id, body.url))


@router.get(
    "",
    operation_id="getWebhook",
    summary="Where you are told",
    responses=documented_errors(404, s404=_NO_WEBHOOK),
)
def get_webhook(user: CurrentUser, services: ServicesNeeded) -> WebhookOut:
    """The URL; the secret is given when it is made."""
    return WebhookOut.of(services.webhooks.get(user.id))


@router.delete(
    "",
    operation_id="removeWebhook",
    summary="Be told no more",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented_errors(404, s404=_NO_WEBHOOK),
)
def remove_webhook(user: CurrentUser, services: ServicesNeeded) -> None:
    """What was still to be sent never will be."""
    services.webhooks.remove(user.id)


@router.post(
    "/secret",
    operation_id="changeWebhookSecret",
    summary="Get another secret",
    responses=documented_errors(404, s404=_NO_WEBHOOK),
)
def change_webhook_secret(user: CurrentUser, services: ServicesNeeded) -> WebhookSecretOut:
    """For 24 hours messages are signed with the one before as well."""
    return WebhookSecretOut.of(services.webhooks.change_secret(user.id))


@router.post(
    "/test",
    operation_id="testWebhook",
    summary="Send yourself a message",
    status_code=HTTPStatus.ACCEPTED,
    responses=documented_errors(404, s404=_NO_WEBHOOK),
)
def test_webhook(user: CurrentUser, services: ServicesNeeded) -> DeliveryOut:
    """A `webhook.test`; `GET /api/webhook/deliveries` says what became of it."""
    queued = services.webhooks.send_test(user.id)
    services.background.wake()
    return DeliveryOut.of(queued)


@router.get(
    "/deliveries",
    operation_id="listDeliveries",
    summary="What was sent, newest first",
    responses=documented_errors(422),
)
def list_deliveries(
    user: CurrentUser,
    services: ServicesNeeded,
    limit: Annotated[int, Query(ge=1, le=100, description="Messages on one page.")] = 20,
    before: Annotated[
        Timestamp | None, Query(description="`nextBefore` of the page before.")
    ] = None,
    state: Annotated[DeliveryState | None, Query(description="Only those that stand so.")] = None,
) -> DeliveriesOut:
    """Messages that are no longer tried are kept for 30 days."""
    # One more than asked for tells whether there is another page.
    found = services.webhooks.deliveries(user.id, limit=limit + 1, before=before, state=state)
    shown = [DeliveryOut.of(delivery) for delivery in found[:limit]]
    return DeliveriesOut(
        deliveries=shown, next_before=shown[-1].created_at if len(found) > limit else None
    )


@router.post(
    "/deliveries/{deliveryId}/repeat",
    operation_id="repeatDelivery",
    summary="Send a message again",
    status_code=HTTPStatus.ACCEPTED,
    responses=documented_errors(404, 422, s404=_NO_DELIVERY),
)
def repeat_delivery(
    delivery_id: Annotated[PathUuid, Path(alias="deliveryId", description="The message.")],
    user: CurrentUser,
    services: ServicesNeeded,
) -> DeliveryOut:
    """At once, with the same id, and with retries as if it were new; 60 times an hour at most."""
    _refuse_too_many_repeats(services.rates, user.id)
    repeated = services.webhooks.repeat(user.id, delivery_id)
    services.background.wake()
    return DeliveryOut.of(repeated)


def _refuse_too_many_repeats(rates: CallRates, user_id: UUID) -> None:
    """Count one; raises MontageError(RATE_LIMITED) when there is none left."""
    taken, wait_s = rates.take(
        f"repeat:{user_id}", MAX_REPEATS_PER_HOUR, wanted=1, window_s=_HOUR_S
    )
    if not taken:
        wait_s = max(1, math.ceil(wait_s))
        raise MontageError(
            ErrorCode.RATE_LIMITED,
            f"Messages were repeated {MAX_REPEATS_PER_HOUR} times within an hour; wait {wait_s} s.",
            retry_after_s=wait_s,
        )
