"""What was spent: by one user, call by call, and by whatever analysts ask for."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Uuid, bindparam, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.records import Record, Usd
from montage_pipeline.requests.tables import ApiCostLogRow, MontageRequestRow
from montage_pipeline.vocabulary import CostState, Service


class CostRow(Record):
    """One paid call."""

    id: UUID
    service: Service
    endpoint: str
    cost_usd: Usd
    predicted_usd: Usd | None = None
    state: CostState
    usage: dict[str, Any]
    created_at: datetime
    montage_request_id: UUID | None


class UserCosts(Record):
    """A user's calls, newest first, with their sums in USD."""

    user_id: UUID
    since: datetime | None
    total_usd: Usd
    by_service: dict[Service, Usd]
    rows: tuple[CostRow, ...]


def get_user_costs(
    engine: Engine,
    user_id: UUID,
    since: datetime | None = None,
    *,
    content_item_id: UUID | None = None,
) -> UserCosts:
    """Everything a user was charged for since a point in time, or ever; of one item when named."""
    query = select(ApiCostLogRow).where(ApiCostLogRow.user_id == user_id)
    if since is not None:
        query = query.where(ApiCostLogRow.created_at >= since)
    if content_item_id is not None:
        of_item = select(MontageRequestRow.id).where(
            MontageRequestRow.content_item_id == content_item_id
        )
        query = query.where(ApiCostLogRow.montage_request_id.in_(of_item))
    with Session(engine) as session:
        rows = tuple(
            CostRow(
                id=row.id,
                service=row.service,
                endpoint=row.endpoint,
                cost_usd=row.cost_usd,
                predicted_usd=row.predicted_usd,
                state=row.state,
                usage=row.usage,
                created_at=row.created_at,
                montage_request_id=row.montage_request_id,
            )
            for row in session.scalars(query.order_by(ApiCostLogRow.created_at.desc()))
        )
    by_service: dict[Service, Decimal] = {}
    for row in rows:
        by_service[row.service] = by_service.get(row.service, Decimal(0)) + row.cost_usd
    return UserCosts(
        user_id=user_id,
        since=since,
        total_usd=sum(by_service.values(), Decimal(0)),
        by_service=by_service,
        rows=rows,
    )


class Dimension(StrEnum):
    """What a report has a line for."""

    DAY = "day"
    SERVICE = "service"
    MODEL = "model"
    STYLE = "style"
    USER = "user"
    REEL = "reel"


_CALLS = """
    SELECT {key} AS key, count(*) AS calls, count(DISTINCT request_id) AS requests,
        sum(cost_usd) AS cost_usd, COALESCE(sum(predicted_usd), 0) AS predicted_usd,
        COALESCE(sum(cost_usd) FILTER (WHERE waste IS NOT NULL), 0) AS wasted_usd
    FROM analytics.calls
    WHERE made_at >= COALESCE(:since, '-infinity') AND user_id = COALESCE(:user, user_id)
    GROUP BY 1
"""
_REELS = """
    SELECT item_id::text AS key, calls, requests, cost_usd, predicted_usd, wasted_usd
    FROM analytics.cost_by_reel
    WHERE day >= COALESCE((:since AT TIME ZONE 'UTC')::date, '-infinity')
    AND user_id = COALESCE(:user, user_id)
"""
_KEYS = {
    Dimension.DAY: "day::text",
    Dimension.SERVICE: "service",
    Dimension.MODEL: "model",
    # Of a request that was deleted nobody knows the style any more.
    Dimension.STYLE: "COALESCE(style, 'deleted')",
    Dimension.USER: "user_id::text",
}


class CostLine(Record):
    """The calls that share `key`: what was paid, what had been predicted, what bought nothing."""

    key: str
    calls: int
    requests: int
    cost_usd: Usd
    predicted_usd: Usd
    wasted_usd: Usd


def costs_by(
    engine: Engine, dimension: Dimension, *, since: datetime | None, user_id: UUID | None
) -> tuple[CostLine, ...]:
    """A line for each day, oldest first; for anything else, the dearest first.

    From the views for analysts; without a user, everybody's. Reels are those that were first
    delivered since then, with all that they cost; the other lines have the calls since then.
    """
    query = _REELS if dimension is Dimension.REEL else _CALLS.format(key=_KEYS[dimension])
    order = "key" if dimension is Dimension.DAY else "cost_usd DESC, key"
    statement = text(f"SELECT * FROM ({query}) AS line ORDER BY {order}").bindparams(  # noqa: S608
        bindparam("since", since, DateTime(timezone=True)), bindparam("user", user_id, Uuid())
    )
    with engine.connect() as connection:
        return tuple(CostLine(**dict(row)) for row in connection.execute(statement).mappings())
