"""Every row's cost follows from its own usage and price version, and the audit sees when not."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from montage_pipeline.costs.audit import audit_rows
from montage_pipeline.costs.ledger import CostLedger, PaidCall
from montage_pipeline.costs.price_table import CLAUDE_PRICES, FAL_PRICES
from montage_pipeline.costs.prices import claude_cost, fal_cost, recomputed_cost
from montage_pipeline.errors import PermanentError
from montage_pipeline.requests.tables import ApiCostLogRow
from montage_pipeline.vocabulary import Service
from montage_pipeline_tests.examples import examples

TOKENS = st.integers(0, 250_000)
USAGES = st.fixed_dictionaries(
    {"input_tokens": TOKENS, "output_tokens": TOKENS},
    optional={
        "cache_read_input_tokens": TOKENS,
        "cache_creation_input_tokens": TOKENS,
        "inference_geo": st.sampled_from(["us", "global"]),
        "speed": st.sampled_from(["fast", "standard"]),
        "service_tier": st.sampled_from(["batch", "standard", "priority"]),
        "server_tool_use": st.fixed_dictionaries({"web_search_requests": st.integers(0, 5)}),
    },
)
CLAUDE_DAYS = [
    (row.model, row.first_day or (row.last_day or date(2026, 11, 22))) for row in CLAUDE_PRICES
]


def audited(engine: Engine) -> tuple[str, ...]:
    return audit_rows(engine, datetime.now(UTC) - timedelta(days=1)).problems


@hypothesis_settings(
    max_examples=examples(0.5),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(CLAUDE_DAYS), USAGES, st.data())
def test_a_row_of_the_database_is_enough_to_compute_its_cost(
    engine: Engine,
    ledger: CostLedger,
    call: PaidCall,
    bought: tuple[str, date],
    usage: dict[str, Any],
    data: st.DataObject,
) -> None:
    model, on = bought
    claude = claude_cost(model, usage, on=on)
    write = ledger.estimate if claude.estimated else ledger.settle
    rows = [ledger.open(call)]
    write(rows[0], cost_usd=claude.cost_usd, usage=usage, price_version=claude.price_version)

    endpoint = data.draw(st.sampled_from(FAL_PRICES)).model
    seconds = data.draw(st.integers(1, 600))
    units = data.draw(st.none() | st.decimals(0, 20, places=3))
    fal = fal_cost(endpoint, seconds=seconds, billable_units=units, on=date(2026, 11, 22))
    delivered = {
        "requested_s": seconds,
        "billable_units": None if units is None else str(units),
    }
    rows.append(ledger.open(call.model_copy(update={"service": Service.FAL})))
    write = ledger.estimate if fal.estimated else ledger.settle
    write(rows[1], cost_usd=fal.cost_usd, usage=delivered, price_version=fal.price_version)

    rows += [ledger.open(call), ledger.open(call)]
    ledger.close_in_doubt(rows[2], "cut")
    ledger.close_free(rows[3], {"error": "not_sent"})
    with Session(engine) as session:
        for row in session.scalars(select(ApiCostLogRow).where(ApiCostLogRow.id.in_(rows))):
            assert row.price_version is not None
            cost_usd = recomputed_cost(row.service, row.usage, row.price_version)
            assert abs(cost_usd - row.cost_usd) <= Decimal("5e-13"), "twelve decimals are stored"


def settle(ledger: CostLedger, call: PaidCall, **changes: Any) -> UUID:
    """A row that was priced as it should be."""
    priced = claude_cost("claude-sonnet-5-5", call.predicted_usage, on=date(2026, 11, 22))
    entry_id = ledger.open(call)
    values: dict[str, Any] = {
        "cost_usd": priced.cost_usd,
        "usage": call.predicted_usage,
        "price_version": priced.price_version,
    }
    ledger.settle(entry_id, **(values | changes))
    return entry_id


def test_a_sound_ledger_has_no_problems(engine: Engine, ledger: CostLedger, call: PaidCall) -> None:
    settle(ledger, call)
    ledger.close_in_doubt(ledger.open(call), "cut")
    ledger.open(call)
    assert audited(engine) == ()


def test_a_wrong_price_is_found(engine: Engine, ledger: CostLedger, call: PaidCall) -> None:
    wrong = settle(ledger, call, cost_usd=Decimal("0.02"))
    [problem] = audited(engine)
    assert str(wrong) in problem
    assert "comes to $0.01" in problem


def test_a_price_version_nobody_knows_is_found(
    engine: Engine, ledger: CostLedger, call: PaidCall
) -> None:
    settle(ledger, call, price_version="2026-11-22:claude-of-tomorrow")
    [problem] = audited(engine)
    assert "claude-of-tomorrow" in problem
    with pytest.raises(PermanentError):
        recomputed_cost(Service.STRIPE, {}, "2026-11-22:anything")


def test_a_purchase_made_twice_is_found(engine: Engine, ledger: CostLedger, call: PaidCall) -> None:
    settle(ledger, call)
    settle(ledger, call)
    [problem] = audited(engine)
    assert "2 times for the same thing" in problem


def test_a_row_that_stays_open_is_found(engine: Engine, ledger: CostLedger, call: PaidCall) -> None:
    entry_id = ledger.open(call)
    with engine.begin() as connection:
        connection.execute(text("UPDATE api_cost_logs SET created_at = now() - interval '1 hour'"))
    [problem] = audited(engine)
    assert str(entry_id) in problem
