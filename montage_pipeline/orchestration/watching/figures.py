"""How the system is, as one look at the database tells."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.metrics.faults import Fault, fault_of
from montage_pipeline.records import Record
from montage_pipeline.requests.tables import ApiCostLogRow, MontageRequestRow
from montage_pipeline.vocabulary import RequestState


class Figures(Record):
    """`ended` counts requests that succeeded or failed in the last hour; `usual_hour_usd` is the
    mean of the seven days before it.
    """

    oldest_queued_s: float
    queued: int
    ended: int
    failed_by: dict[Fault, int]
    hour_usd: Decimal
    usual_hour_usd: Decimal


def look(engine: Engine) -> Figures:
    """The figures now, by the database's clock. Two indexed queries and one over a week's costs."""
    with Session(engine) as session:
        queued, oldest_s = session.execute(_queue()).one()
        ended = session.execute(_ended()).all()
        hour_usd, week_usd = session.execute(_spent()).one()
    failed = Counter(fault_of(str(code)) for state, code in ended if state is RequestState.FAILED)
    return Figures(
        oldest_queued_s=float(oldest_s or 0),
        queued=queued,
        ended=len(ended),
        failed_by=dict(failed),
        hour_usd=Decimal(hour_usd),
        usual_hour_usd=Decimal(week_usd) / (7 * 24),
    )


def _queue() -> Select[int, Any]:
    """How many wait that could begin, and since when the first does."""
    row = MontageRequestRow
    since = func.greatest(row.created_at, func.coalesce(row.not_before, row.created_at))
    age_s = func.extract("epoch", func.now() - func.min(since))
    due = func.coalesce(row.not_before, func.now()) <= func.now()
    return select(func.count(), age_s).where(row.state == RequestState.QUEUED, due)


def _ended() -> Select[RequestState, Any]:
    row = MontageRequestRow
    over = (RequestState.SUCCEEDED, RequestState.FAILED)
    return select(row.state, row.error["code"].astext).where(
        row.state.in_(over), row.finished_at >= func.now() - timedelta(hours=1)
    )


def _spent() -> Select[Decimal, Decimal]:
    """In the last hour, and in the seven days before it."""
    row = ApiCostLogRow
    hour_ago, week_ago = func.now() - timedelta(hours=1), func.now() - timedelta(days=7, hours=1)
    cost = func.coalesce(row.cost_usd, 0)
    lately = func.coalesce(func.sum(cost).filter(row.created_at >= hour_ago), 0)
    before = func.coalesce(func.sum(cost).filter(row.created_at < hour_ago), 0)
    return select(lately, before).where(row.created_at >= week_ago)
