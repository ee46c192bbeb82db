"""Budgets that are nearly or wholly used up, told once each: in the log, and for the webhook.

An alert is a row, written in the transaction that found it. Whoever delivers it takes it from there
(`undelivered`), so that neither a crash nor a receiver that is away loses one, and no paid call
waits for a receiver.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.costs.budgets import Alert, sentence_of
from montage_pipeline.logs import get_logger
from montage_pipeline.records import Record, Usd
from montage_pipeline.requests.tables import BudgetAlertRow

MAX_DELIVERIES = 20
"""A receiver that fails this often, at one try a tick, has been away for ten minutes or more."""

_log = get_logger(__name__)


class StoredAlert(Record):
    """An alert on its way to the webhook; `subject` is the id of the user or the request."""

    id: UUID
    budget: str
    subject: str
    window_start: datetime
    percent: int
    limit_usd: Usd
    spent_usd: Usd
    created_at: datetime

    def body(self) -> bytes:
        """The JSON that the webhook gets. Amounts are exact, as text."""
        facts = self.model_dump(mode="json")
        return json.dumps({"type": "budget_alert", **facts}, sort_keys=True).encode()


def store_alerts(session: Session, alerts: Sequence[Alert]) -> None:
    """Keep the alerts that were not told of yet, and log them."""
    for alert in alerts:
        stored = session.scalar(
            insert(BudgetAlertRow)
            .values(**alert._asdict())
            .on_conflict_do_nothing()
            .returning(BudgetAlertRow.id)
        )
        if stored is not None:
            _log.warning("budget_alert", message=sentence_of(alert), subject=alert.subject)


def undelivered(engine: Engine, limit: int) -> list[StoredAlert]:
    """Alerts that the webhook has not taken, oldest first."""
    with Session(engine) as session:
        rows = session.scalars(
            select(BudgetAlertRow)
            .where(
                BudgetAlertRow.delivered_at.is_(None), BudgetAlertRow.deliveries < MAX_DELIVERIES
            )
            .order_by(BudgetAlertRow.created_at)
            .limit(limit)
        )
        return [
            StoredAlert(
                id=row.id,
                budget=row.budget,
                subject=row.subject,
                window_start=row.window_start,
                percent=row.percent,
                limit_usd=row.limit_usd,
                spent_usd=row.spent_usd,
                created_at=row.created_at,
            )
            for row in rows
        ]


def note_delivery(engine: Engine, alert_id: UUID, *, taken: bool) -> None:
    """Count a delivery; one that was taken is the last."""
    with Session(engine) as session, session.begin():
        session.execute(
            update(BudgetAlertRow)
            .where(BudgetAlertRow.id == alert_id)
            .values(
                deliveries=BudgetAlertRow.deliveries + 1,
                delivered_at=func.now() if taken else None,
            )
        )


def signature(secret: str, body: bytes, at: datetime | None = None) -> str:
    """The header that proves who sent a body: `t=<Unix seconds>,v1=<hex HMAC-SHA256>`, over the
    time, a dot and the body.
    """
    seconds = int((at or datetime.now(UTC)).timestamp())
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={signed.hexdigest()}"
