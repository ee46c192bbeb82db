"""The outbox: a message is there exactly when what it tells of is, and is tried until it arrives.

A claim is a lease: who dies while sending leaves the message to others once it ends. So a message
may arrive twice, always with the same id, and never not at all.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.requests.tables import WebhookDeliveryRow, WebhookRow
from montage_pipeline.requests.webhooks.model import (
    EVENTS,
    TEST_EVENT,
    Answer,
    Delivery,
    DueMessage,
    Outcome,
    Webhook,
)
from montage_pipeline.vocabulary import ContentStatus, DeliveryState, RequestState

RETRY_DELAYS_S = (5, 60, 300, 1_800, 7_200, 18_000, 28_800, 28_800)
"""After each failed attempt; together 23.6 h. The first ones bridge a restart, the last ones a day
in which nobody looks.
"""

_JITTER = 0.1
"""Share by which a delay varies: what failed together is not tried again together."""

LEASE = timedelta(seconds=60)
"""Well above the longest attempt."""

KEPT = timedelta(days=30)
"""How long messages that are no longer tried stay listed."""


def queue_outcome(session: Session, outcome: Outcome) -> None:
    """Put the message of how a request ended into the outbox, if its user has a webhook."""
    has_webhook = select(WebhookRow.user_id).where(WebhookRow.user_id == outcome.user_id)
    if session.scalar(has_webhook) is None:
        return
    done = outcome.state is RequestState.SUCCEEDED
    error = outcome.error or {}
    data = {
        "id": str(outcome.content_item_id),
        "requestId": str(outcome.request_id),
        "status": (ContentStatus.DRAFT if done else ContentStatus.FAILED).value,
        # Without details: they may name clips, and the receiver can ask for them.
        "error": None if done else {"code": error.get("code"), "message": error.get("message")},
    }
    event = outcome.event or EVENTS[outcome.state]
    _queue(session, outcome.user_id, outcome.content_item_id, event, data)


def queue_test(session: Session, user_id: UUID) -> WebhookDeliveryRow:
    """Put a message that tells of nothing into the outbox."""
    return _queue(session, user_id, UUID(int=0), TEST_EVENT, {})


def claim_due(engine: Engine, limit: int) -> list[DueMessage]:
    """Messages that are due, at most one for each user, with an attempt counted and leased."""
    due = (
        select(WebhookDeliveryRow.id)
        .where(
            WebhookDeliveryRow.state == DeliveryState.PENDING,
            WebhookDeliveryRow.next_attempt_at <= func.now(),
        )
        # One target that hangs must not keep the others waiting.
        .ext(distinct_on(WebhookDeliveryRow.user_id))
        .order_by(WebhookDeliveryRow.user_id, WebhookDeliveryRow.next_attempt_at)
    )
    free = (
        select(WebhookDeliveryRow.id)
        .where(WebhookDeliveryRow.id.in_(due), WebhookDeliveryRow.next_attempt_at <= func.now())
        .order_by(WebhookDeliveryRow.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with Session(engine) as session, session.begin():
        claimed = list(
            session.scalars(
                update(WebhookDeliveryRow)
                .where(WebhookDeliveryRow.id.in_(free))
                .values(
                    attempts=WebhookDeliveryRow.attempts + 1,
                    next_attempt_at=func.now() + LEASE,
                )
                .returning(WebhookDeliveryRow)
            )
        )
        users = {row.user_id for row in claimed}
        targets = select(WebhookRow).where(WebhookRow.user_id.in_(users))
        webhooks = {row.user_id: webhook_of(row) for row in session.scalars(targets)}
        return [
            DueMessage(delivery=delivery_of(row), webhook=webhooks[row.user_id])
            for row in claimed
            if row.user_id in webhooks
        ]


def settle(engine: Engine, message: DueMessage, answer: Answer) -> None:
    """Note what came of an attempt, and when the next one is."""
    attempts = message.delivery.attempts
    values: dict[str, Any] = {"answer_status": answer.status, "problem": answer.problem}
    if answer.problem is None:
        values |= {"state": DeliveryState.DELIVERED, "delivered_at": func.now()}
    elif answer.final or attempts > len(RETRY_DELAYS_S):
        values |= {"state": DeliveryState.FAILED}
    else:
        delay_s = RETRY_DELAYS_S[attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
        values |= {"next_attempt_at": func.now() + timedelta(seconds=delay_s)}
    with Session(engine) as session, session.begin():
        session.execute(
            update(WebhookDeliveryRow)
            .where(
                WebhookDeliveryRow.id == message.delivery.id,
                WebhookDeliveryRow.state == DeliveryState.PENDING,
                # Whoever claimed it after our lease had ended decides.
                WebhookDeliveryRow.attempts == attempts,
            )
            .values(values)
        )


def forget_old(engine: Engine) -> None:
    """Delete messages that are no longer tried and older than `KEPT`."""
    with Session(engine) as session, session.begin():
        session.execute(
            delete(WebhookDeliveryRow).where(
                WebhookDeliveryRow.state != DeliveryState.PENDING,
                WebhookDeliveryRow.created_at < func.now() - KEPT,
            )
        )


def delivery_of(row: WebhookDeliveryRow) -> Delivery:
    """The row as a document."""
    return Delivery(**{name: getattr(row, name) for name in Delivery.model_fields})


def webhook_of(row: WebhookRow) -> Webhook:
    """The row as a document, with the secrets that are valid now."""
    secrets = [row.secret]
    if row.previous_secret and row.previous_until and row.previous_until > datetime.now(UTC):
        secrets.append(row.previous_secret)
    return Webhook(url=row.url, secrets=tuple(secrets), created_at=row.created_at)


def _queue(
    session: Session, user_id: UUID, content_item_id: UUID, event: str, data: dict[str, Any]
) -> WebhookDeliveryRow:
    payload = {"type": event, "timestamp": datetime.now(UTC).isoformat(), "data": data}
    row = WebhookDeliveryRow(
        user_id=user_id, content_item_id=content_item_id, event=event, payload=payload
    )
    session.add(row)
    session.flush()
    return row
