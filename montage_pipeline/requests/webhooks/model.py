"""The documents of webhooks: a target, a message and how far its delivery is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from montage_pipeline.records import Record
from montage_pipeline.vocabulary import DeliveryState, RequestState

TEST_EVENT = "webhook.test"
"""What a user sends themselves, to see whether it arrives."""

EVENTS = {
    RequestState.SUCCEEDED: "content_item.done",
    RequestState.FAILED: "content_item.failed",
    RequestState.CANCELED: "content_item.canceled",
}
"""What a message is called, by how the request ended."""

PLANNED, PREVIEWED = "content_item.planned", "content_item.previewed"
"""What it is called where no Reel was asked for: a plan is ready, or a preview."""


class Webhook(Record):
    """A user's target. `secrets` sign its messages, the current one first."""

    url: str
    secrets: tuple[str, ...]
    created_at: datetime


class Delivery(Record):
    """A message and how far it is. `answer_status` and `problem` are those of the last attempt."""

    id: UUID
    content_item_id: UUID
    event: str
    payload: dict[str, Any]
    state: DeliveryState
    attempts: int
    answer_status: int | None
    problem: str | None
    next_attempt_at: datetime
    delivered_at: datetime | None
    created_at: datetime


class Outcome(Record):
    """How a request ended, for whom; `error` as it is stored with the request. `event` is what the
    message is called, None for what its state says.
    """

    user_id: UUID
    content_item_id: UUID
    request_id: UUID
    state: RequestState
    error: dict[str, Any] | None
    event: str | None = None


class DueMessage(Record):
    """A delivery that was claimed, with where it goes."""

    delivery: Delivery
    webhook: Webhook


class Answer(Record):
    """What came of an attempt: the status that was answered, or else a problem, or both."""

    status: int | None = None
    problem: str | None = None
    final: bool = False
    """No further attempt can help."""
