"""Checks of the ledger against itself: prices recomputed, nothing bought twice, nothing left open.

Belongs here: what the rows alone can prove. Does not belong here: comparing them with what the
assets showed, which needs Dagster (orchestration.spending.audit).
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.costs.prices import recomputed_cost
from montage_pipeline.errors import PermanentError
from montage_pipeline.requests.tables import ApiCostLogRow
from montage_pipeline.vocabulary import CostState

_ROUNDING_USD = Decimal("1e-12")
"""Amounts are stored with twelve decimals."""

_MAX_PENDING = timedelta(minutes=30)
"""Twice as long as any row may wait to be closed."""


class AuditedRows(NamedTuple):
    """How many rows were looked at, how many are of before rows could be recomputed, and a sentence
    on everything that is wrong.
    """

    rows: int
    not_recomputable: int
    problems: tuple[str, ...]


class RowCost(NamedTuple):
    """What one call cost, and when its row was made and closed."""

    cost_usd: Decimal
    created_at: datetime
    closed_at: datetime


def audit_rows(engine: Engine, since: datetime) -> AuditedRows:
    """Check every row that changed since then, and every one that is still pending."""
    problems: list[str] = []
    count = not_recomputable = 0
    with Session(engine) as session:
        changed = select(ApiCostLogRow).where(
            ApiCostLogRow.state != CostState.PENDING, ApiCostLogRow.updated_at >= since
        )
        for row in session.scalars(changed).yield_per(1000):
            count += 1
            if row.price_version is None or ":" not in row.price_version:
                not_recomputable += row.cost_usd > 0
            elif (wrong := _wrong_price(row)) is not None:
                problems.append(wrong)
        problems += _left_open(session)
        problems += _bought_twice(session, since)
    return AuditedRows(count, not_recomputable, tuple(problems))


def _wrong_price(row: ApiCostLogRow) -> str | None:
    try:
        cost_usd = recomputed_cost(row.service, row.usage, row.price_version or "")
    except PermanentError as error:
        return f"Row {row.id}, ${row.cost_usd:f}, cannot be recomputed: {error.message}"
    if abs(cost_usd - row.cost_usd) <= _ROUNDING_USD:
        return None
    return (
        f"Row {row.id} says ${row.cost_usd:f}, and its usage at price {row.price_version} comes to "
        f"${cost_usd:f}."
    )


def _left_open(session: Session) -> list[str]:
    rows = session.execute(
        select(ApiCostLogRow.id, ApiCostLogRow.service, ApiCostLogRow.created_at).where(
            ApiCostLogRow.state == CostState.PENDING,
            ApiCostLogRow.created_at < func.now() - _MAX_PENDING,
        )
    )
    return [f"Row {row.id} ({row.service}) is pending since {row.created_at}." for row in rows]


def _bought_twice(session: Session, since: datetime) -> list[str]:
    """Purchases that were charged more than once although the first was good."""
    good = (
        ApiCostLogRow.state == CostState.SETTLED,
        ApiCostLogRow.cost_usd > 0,
        ApiCostLogRow.montage_request_id.is_not(None),
        ~ApiCostLogRow.usage.has_key("unusable"),
    )
    recent = select(ApiCostLogRow.montage_request_id).where(ApiCostLogRow.updated_at >= since)
    rows = session.execute(
        select(ApiCostLogRow.montage_request_id, ApiCostLogRow.service, func.count().label("times"))
        .where(*good, ApiCostLogRow.montage_request_id.in_(recent))
        .group_by(
            ApiCostLogRow.montage_request_id, ApiCostLogRow.service, ApiCostLogRow.fingerprint
        )
        .having(func.count() > 1)
    )
    return [
        f"Request {row.montage_request_id} paid {row.service} {row.times} times for the same thing."
        for row in rows
    ]


def costs_of_requests(
    engine: Engine, request_ids: Iterable[UUID], asset: str
) -> dict[UUID, list[RowCost]]:
    """The closed rows of an asset, by request."""
    query = select(ApiCostLogRow).where(
        ApiCostLogRow.montage_request_id.in_(list(request_ids)),
        ApiCostLogRow.asset == asset,
        ApiCostLogRow.state != CostState.PENDING,
    )
    costs: dict[UUID, list[RowCost]] = defaultdict(list)
    with Session(engine) as session:
        for row in session.scalars(query):
            assert row.montage_request_id is not None
            costs[row.montage_request_id].append(
                RowCost(row.cost_usd, row.created_at, row.updated_at)
            )
    return costs
