"""`Webhooks`: a user's target and secret, and what was sent there."""

import base64
import secrets
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.requests.tables import WebhookDeliveryRow, WebhookRow
from montage_pipeline.requests.webhooks.model import TEST_EVENT, Delivery, Webhook
from montage_pipeline.requests.webhooks.outbox import delivery_of, queue_test, webhook_of
from montage_pipeline.vocabulary import DeliveryState

_SECRET_BYTES = 32
"""Standard Webhooks asks for 24 to 64; as long as the hash of HMAC-SHA256."""

BOTH_SECRETS_FOR = timedelta(hours=24)
"""How long messages are signed with the previous secret too, so that a receiver can change over."""


MAX_TESTS_PER_HOUR = 10
"""Enough to mend a receiver by, and too few to have us trouble a stranger's server."""


class Webhooks:
    """Users' webhooks in Postgres. Methods raise PermanentError(NOT_FOUND) without one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, user_id: UUID) -> Webhook:
        """The user's webhook."""
        with Session(self._engine) as session:
            return webhook_of(_found(session, user_id))

    def put(self, user_id: UUID, url: str) -> Webhook:
        """Tell this URL from now on; a new webhook gets a secret, a changed one keeps its own."""
        with Session(self._engine) as session, session.begin():
            session.execute(
                insert(WebhookRow)
                .values(user_id=user_id, url=url, secret=_new_secret())
                .on_conflict_do_update(index_elements=["user_id"], set_={"url": url})
            )
            return webhook_of(_found(session, user_id))

    def change_secret(self, user_id: UUID) -> Webhook:
        """A new secret; the one before signs as well for `BOTH_SECRETS_FOR`."""
        with Session(self._engine) as session, session.begin():
            row = _found(session, user_id, lock=True)
            session.execute(
                update(WebhookRow)
                .where(WebhookRow.user_id == user_id)
                .values(
                    secret=_new_secret(),
                    previous_secret=row.secret,
                    previous_until=func.now() + BOTH_SECRETS_FOR,
                )
            )
            session.refresh(row)
            return webhook_of(row)

    def remove(self, user_id: UUID) -> None:
        """Tell nobody any more; what was still to be sent never will be."""
        with Session(self._engine) as session, session.begin():
            _found(session, user_id, lock=True)
            session.execute(delete(WebhookRow).where(WebhookRow.user_id == user_id))
            session.execute(
                update(WebhookDeliveryRow)
                .where(
                    WebhookDeliveryRow.user_id == user_id,
                    WebhookDeliveryRow.state == DeliveryState.PENDING,
                )
                .values(state=DeliveryState.FAILED, problem="The webhook was removed.")
            )

    def send_test(self, user_id: UUID) -> Delivery:
        """Queue a message that tells of nothing.

        Raises MontageError(RATE_LIMITED) when there were `MAX_TESTS_PER_HOUR` in the last hour.
        """
        with Session(self._engine) as session, session.begin():
            _found(session, user_id, lock=True)
            _refuse_too_many_tests(session, user_id)
            return delivery_of(queue_test(session, user_id))

    def deliveries(
        self,
        user_id: UUID,
        *,
        limit: int,
        before: datetime | None = None,
        state: DeliveryState | None = None,
    ) -> list[Delivery]:
        """The user's messages, newest first; `before` continues a page."""
        query = select(WebhookDeliveryRow).where(WebhookDeliveryRow.user_id == user_id)
        if before is not None:
            query = query.where(WebhookDeliveryRow.created_at < before)
        if state is not None:
            query = query.where(WebhookDeliveryRow.state == state)
        newest_first = query.order_by(WebhookDeliveryRow.created_at.desc(), WebhookDeliveryRow.id)
        with Session(self._engine) as session:
            return [delivery_of(row) for row in session.scalars(newest_first.limit(limit))]

    def repeat(self, user_id: UUID, delivery_id: UUID) -> Delivery:
        """Send a message again, now, whatever became of it; it keeps its id."""
        with Session(self._engine) as session, session.begin():
            _found(session, user_id)
            row = session.scalar(
                update(WebhookDeliveryRow)
                .where(WebhookDeliveryRow.id == delivery_id, WebhookDeliveryRow.user_id == user_id)
                .values(
                    state=DeliveryState.PENDING,
                    attempts=0,
                    answer_status=None,
                    problem=None,
                    next_attempt_at=func.now(),
                    delivered_at=None,
                )
                .returning(WebhookDeliveryRow)
            )
            if row is None:
                raise PermanentError(ErrorCode.NOT_FOUND, f"There is no delivery {delivery_id}.")
            return delivery_of(row)


def _refuse_too_many_tests(session: Session, user_id: UUID) -> None:
    row, hour_ago = WebhookDeliveryRow, func.now() - timedelta(hours=1)
    count, next_in_s = session.execute(
        select(func.count(), func.extract("epoch", func.min(row.created_at) - hour_ago)).where(
            row.user_id == user_id, row.event == TEST_EVENT, row.created_at > hour_ago
        )
    ).one()
    if count >= MAX_TESTS_PER_HOUR:
        wait_s = max(1, ceil(next_in_s))
        raise MontageError(
            ErrorCode.RATE_LIMITED,
            f"{count} test messages were sent within an hour; wait {wait_s} s.",
            retry_after_s=wait_s,
        )


def _found(session: Session, user_id: UUID, *, lock: bool = False) -> WebhookRow:
    query = select(WebhookRow).where(WebhookRow.user_id == user_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise PermanentError(ErrorCode.NOT_FOUND, "You have no webhook; PUT one first.")
    return row


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
