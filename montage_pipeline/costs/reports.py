"""What was spent: by one user, by day, by every user."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.records import Record
from montage_pipeline.requests.tables import ApiCostLogRow
from montage_pipeline.vocabulary import CostState, Service

if TYPE_CHECKING:
    import pandas as pd


class CostRow(Record):
    """One paid call."""

    id: UUID
    service: Service
    endpoint: str
    cost_usd: Decimal
    predicted_usd: Decimal | None = None
    state: CostState
    usage: dict[str, Any]
    created_at: datetime
    montage_request_id: UUID | None


class UserCosts(Record):
    """A user's calls, newest first, with their sums in USD."""

    user_id: UUID
    since: datetime | None
    total_usd: Decimal
    by_service: dict[Service, Decimal]
    rows: tuple[CostRow, ...]


def get_user_costs(engine: Engine, user_id: UUID, since: datetime | None = None) -> UserCosts:
    """Everything a user was charged for since a point in time, or ever."""
    query = select(ApiCostLogRow).where(ApiCostLogRow.user_id == user_id)
    if since is not None:
        query = query.where(ApiCostLogRow.created_at >= since)
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


_BY_DAY = """
SELECT
    (created_at AT TIME ZONE 'UTC')::date AS day,
    service::text,
    endpoint,
    state::text,
    count(*) AS calls,
    count(DISTINCT montage_request_id) AS requests,
    sum(cost_usd) AS cost_usd
FROM api_cost_logs
GROUP BY 1, 2, 3, 4
ORDER BY 1 DESC, 2, 3, 4
"""

_BY_USER = """
SELECT
    user_id::text,
    service::text,
    count(*) AS calls,
    count(DISTINCT montage_request_id) AS requests,
    sum(cost_usd) AS cost_usd,
    min(created_at) AS first_call,
    max(created_at) AS last_call
FROM api_cost_logs
GROUP BY 1, 2
ORDER BY sum(cost_usd) DESC, 1, 2
"""


def costs_by_day(engine: Engine) -> "pd.DataFrame":
    """day (UTC date), service, endpoint, state, calls, requests, cost_usd (Decimal)."""
    return _frame(engine, _BY_DAY)


def costs_by_user(engine: Engine) -> "pd.DataFrame":
    """user_id, service, calls, requests, cost_usd (Decimal), first_call, last_call."""
    return _frame(engine, _BY_USER)


def _frame(engine: Engine, query: str) -> "pd.DataFrame":
    import pandas as pd

    with engine.connect() as connection:
        # coerce_float would turn exact decimals into floats.
        return pd.read_sql_query(text(query), connection, coerce_float=False)
