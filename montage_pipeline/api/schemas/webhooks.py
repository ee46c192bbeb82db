"""Webhooks over the wire."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from montage_pipeline.api.schemas.base import ApiModel, Timestamp
from montage_pipeline.api.schemas.requests import MAX_URL_CHARS
from montage_pipeline.requests.webhooks.model import Delivery, Webhook
from montage_pipeline.vocabulary import DeliveryState


class WebhookBody(ApiModel):
    """Where to be told what became of your Reels."""

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARS)] = Field(
        description="An https:// URL on the public internet.",
        examples=["https://app.example.com/hooks/montage"],
    )


class WebhookOut(ApiModel):
    """Where you are told."""

    url: str
    created_at: Timestamp

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """The target without its secret."""
        return cls(url=webhook.url, created_at=webhook.created_at)


class WebhookSecretOut(WebhookOut):
    """Where you are told, and what the messages are signed with."""

    secret: str = Field(
        description="Verify `webhook-signature` with it (Standard Webhooks); keep it secret."
    )

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """The target with its current secret."""
        return cls(url=webhook.url, created_at=webhook.created_at, secret=webhook.secrets[0])


class DeliveryOut(ApiModel):
    """A message to your webhook."""

    id: UUID = Field(description="`webhook-id` is this with `msg_` before it, in every attempt.")
    event: str = Field(
        description="`content_item.done`, `content_item.planned`, `content_item.previewed`, "
        "`content_item.failed`, `content_item.canceled`, or "
        "`webhook.test`."
    )
    payload: dict[str, Any] = Field(description="What was sent: `{type, timestamp, data}`.")
    state: DeliveryState = Field(
        description="`pending` until it arrives, or every attempt within a day has `failed`."
    )
    attempts: int
    answer_status: int | None = Field(description="Of the last attempt, if it was answered.")
    problem: str | None = Field(description="Why the last attempt did not do.")
    next_attempt_at: Timestamp | None = Field(description="Null when there is none to come.")
    delivered_at: Timestamp | None
    created_at: Timestamp

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The message as its owner sees it."""
        fields = delivery.model_dump(exclude={"content_item_id"})
        if delivery.state is not DeliveryState.PENDING:
            fields["next_attempt_at"] = None
        return cls.model_validate(fields)


class DeliveriesOut(ApiModel):
    """One page of messages, newest first."""

    deliveries: list[DeliveryOut]
    next_before: Timestamp | None = Field(
        description="Send as `before` for the next page; null on the last one."
    )
