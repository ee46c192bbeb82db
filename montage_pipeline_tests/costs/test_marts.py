"""The files for analysts hold what the views do, and checks see when they do not."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from montage_pipeline.costs.mart_checks import (
    Spend,
    Volume,
    differences,
    unusual,
    unusual_volume,
    volume_by_day,
)
from montage_pipeline.costs.marts import (
    arrow_schema,
    days_between,
    first_day,
    last_changes,
    read_day,
    read_days,
    store_days,
    stored_days,
)
from montage_pipeline.requests.analytics.model import View
from montage_pipeline.requests.analytics.views import CALLS, COST_BY_DAY, VIEWS
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.ledgers import fill, utc

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 10)


_VIEWS = [
    pytest.param(view, marks=() if view in (CALLS, COST_BY_DAY, VIEWS[-1]) else pytest.mark.slow)
    for view in VIEWS
]


@pytest.mark.parametrize("view", _VIEWS, ids=lambda view: str(view.name))
def test_a_file_for_each_day_together_the_view(
    engine: Engine, object_store: ObjectStore, view: View
) -> None:
    import pyarrow as pa

    fill(engine, until=utc(2026, 11, 10), days=9)
    days = days_between(FIRST, LAST)
    ledger = store_days(engine, object_store, view, days)

    assert stored_days(object_store, view) == days
    read = pa.concat_tables(read_day(object_store, view, day) for day in days)
    assert read.schema.equals(arrow_schema(view))
    assert read.num_rows > 0
    assert read.to_pylist() == _rows(engine, view)

    stored = read_days(object_store, view, days)
    assert [day.day for day in stored] == days
    assert all(not day.negative for day in stored)
    if ledger is not None:
        costs = {day.day: day.sums["cost_usd"] for day in stored}
        assert differences(view, costs, ledger) == []
        assert sum(costs.values()) == sum(ledger.values()) > 0
        # One row of twelve decimals more or less is seen.
        day = max(ledger)
        wrong = differences(view, costs | {day: costs[day] + Decimal("1e-12")}, ledger)
        assert len(wrong) == 1
        assert str(day) in wrong[0]


def _rows(engine: Engine, view: View) -> list[dict[str, Any]]:
    """The whole view, as psycopg reads it; ids as text."""
    order = ", ".join(("day", *view.grain))
    query = text(f"SELECT * FROM {view.qualified_name} ORDER BY {order}")
    with engine.connect() as connection:
        return [
            {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
            for row in connection.execute(query).mappings()
        ]


def test_the_days_that_changed(engine: Engine) -> None:
    made = fill(engine, until=utc(2026, 11, 10))
    assert first_day(engine) == min(call["created_at"] for call in made.requests).date()
    late = utc(2027, 1, 1)
    assert last_changes(engine, late) == {}

    # A reminder of a request long past, whose call is priced at last.
    call = made.calls[0]
    request = made.request_of(call)
    assert request is not None
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE api_cost_logs SET updated_at = :at WHERE id = :id"),
            {"at": late, "id": call["id"]},
        )
    changes = last_changes(engine, late)
    assert changes[call["created_at"].date()] == late
    assert changes[request["created_at"].date()] == late
    assert set(changes.values()) == {late}


def test_a_days_volume_is_its_rows(engine: Engine) -> None:
    made = fill(engine, until=utc(2026, 11, 10))
    with engine.connect() as connection:
        volumes = volume_by_day(connection, FIRST, LAST)
    for day in days_between(FIRST, LAST):
        rows = [
            sum(row["created_at"].date() == day for row in rows)
            for rows in (made.calls, made.requests)
        ]
        assert list(volumes.get(day, Volume(0, 0))) == rows


def test_an_empty_ledger_has_no_first_day(engine: Engine) -> None:
    assert first_day(engine) is None


def usual(costs: list[str]) -> list[Spend]:
    return [Spend(Decimal(cost), 10) for cost in costs]


def test_a_day_that_costs_much_more_is_unusual() -> None:
    before = usual(["9", "10", "11", "10", "12", "9", "10", "10"])
    assert unusual(LAST, Spend(Decimal(12), 10), before) is None
    told = unusual(LAST, Spend(Decimal("31.5"), 10), before)
    assert told == "2026-11-10 cost $31.50; up to $20.00 is usual."


def test_as_many_requests_for_no_money_are_unusual() -> None:
    before = usual(["9", "10", "11", "10", "12", "9", "10", "10"])
    assert unusual(LAST, Spend(Decimal(0), 2), before) is None, "a quiet day"
    told = unusual(LAST, Spend(Decimal("0.2"), 12), before)
    assert told == "2026-11-10 cost $0.20 for 12 requests; $10.00 is usual."


@given(st.lists(st.integers(0, 40), min_size=7, max_size=28), st.integers(0, 100))
def test_days_of_cents_never_alarm(costs: list[int], cost: int) -> None:
    before = [Spend(Decimal(cents) / 100, 5) for cents in costs]
    assert unusual(LAST, Spend(Decimal(cost) / 100, 5), before) is None


@given(st.lists(st.integers(0, 10**6), min_size=7, max_size=28), st.integers(0, 10**9))
def test_whatever_is_unusual_is_above_every_other_quiet_day(costs: list[int], cost: int) -> None:
    before = [Spend(Decimal(cents) / 100, 0) for cents in costs]
    spend = Spend(Decimal(cost) / 100, 0)
    if unusual(LAST, spend, before):
        # Twice the median at least; half of the days were below that.
        assert sum(day.cost_usd * 2 < spend.cost_usd for day in before) * 2 >= len(before)
        assert unusual(LAST, Spend(spend.cost_usd * 2, 0), before)


def test_a_day_whose_calls_are_missing_or_too_many_is_unusual() -> None:
    before = [Volume(calls, 20) for calls in (38, 40, 44, 40, 41, 39, 52, 0)]
    for calls in (40, 14, 119):
        assert unusual_volume(LAST, Volume(calls, 20), before) is None
    told = unusual_volume(LAST, Volume(3, 20), before)
    assert told == "2026-11-10 has 3 paid calls for 20 requests; about 40 are usual."
    assert unusual_volume(LAST, Volume(130, 20), before) is not None
    assert unusual_volume(LAST, Volume(0, 9), before) is None, "a quiet day"
    assert unusual_volume(LAST, Volume(0, 20), before[:6]) is None, "too few to know"


def test_where_nothing_is_paid_for_no_calls_are_usual() -> None:
    before = [Volume(0, 50)] * 28
    assert unusual_volume(LAST, Volume(0, 50), before) is None
    assert unusual_volume(LAST, Volume(100, 50), before) is not None


def test_days_between_counts_both_ends() -> None:
    assert days_between(FIRST, FIRST) == [FIRST]
    assert days_between(FIRST, FIRST - timedelta(days=1)) == []
    assert COST_BY_DAY.money_columns == ("cost_usd", "predicted_usd")
