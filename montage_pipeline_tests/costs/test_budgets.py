"""No budget is passed, however many calls ask at once, and who is refused hears the numbers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, text

from montage_pipeline.costs.alerts import undelivered
from montage_pipeline.costs.budgets import Limits
from montage_pipeline.costs.ledger import CostLedger, PaidCall
from montage_pipeline.costs.switch import turn_switch
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.database import create_engine
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.settings import Settings
from montage_pipeline_tests.clicks import click, new_user
from montage_pipeline_tests.costs.conftest import PREDICTED_USD

AT_ONCE = 24
ROOM_FOR = 7
LIMIT_USD = PREDICTED_USD * ROOM_FOR
LIMITS = {
    "request": Limits(request_usd=LIMIT_USD),
    "user_day": Limits(user_day_usd=LIMIT_USD),
    "user_month": Limits(user_month_usd=LIMIT_USD),
    "day": Limits(day_usd=LIMIT_USD),
    "month": Limits(month_usd=LIMIT_USD),
}


def refused(code: ErrorCode, act: Callable[[], object]) -> PermanentError:
    """The refusal that this must end in."""
    with pytest.raises(PermanentError) as caught:
        act()
    assert caught.value.code is code
    return caught.value


@pytest.mark.parametrize("budget", LIMITS)
def test_calls_at_the_same_time_never_pass_a_budget(
    database_url: str, library: ContentLibrary, call: PaidCall, budget: str
) -> None:
    calls = [call] * AT_ONCE
    if budget in ("day", "month"):  # of everybody together
        calls = [call.model_copy(update={"user_id": new_user(library)}) for _ in range(AT_ONCE)]
    engine = create_engine(Settings(database_url=database_url), pool_size=AT_ONCE)
    ledger, start = CostLedger(engine, LIMITS[budget]), Barrier(AT_ONCE)

    def buy(one: PaidCall) -> PermanentError | None:
        start.wait()
        try:
            ledger.open(one)
        except PermanentError as error:
            return error
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        refusals = [error for error in pool.map(buy, calls) if error is not None]
    alerts = {(alert.budget, alert.percent) for alert in undelivered(engine, 100)}
    with engine.connect() as connection:
        rows, predicted = connection.execute(
            text("SELECT count(*), sum(predicted_usd) FROM api_cost_logs")
        ).one()
    engine.dispose()
    assert {(error.code, error.details["budget"]) for error in refusals} == {
        (ErrorCode.BUDGET_EXCEEDED, budget)
    }
    assert AT_ONCE - len(refusals) == rows == ROOM_FOR
    assert predicted == LIMIT_USD
    assert alerts == {(budget, 80), (budget, 100)}


def test_who_is_refused_hears_the_numbers_and_nothing_is_bought(
    engine: Engine, call: PaidCall
) -> None:
    ledger = CostLedger(engine, Limits(user_day_usd=Decimal("0.025")))
    settled = ledger.open(call)
    ledger.settle(settled, cost_usd=Decimal("0.006"), usage={}, price_version="v")
    ledger.open(call)
    error = refused(ErrorCode.BUDGET_EXCEEDED, lambda: ledger.open(call))
    told = {name: Decimal(usd) for name, usd in error.details.items() if name != "budget"}
    assert told == {
        "limit_usd": Decimal("0.025"),
        "spent_usd": Decimal("0.006"),
        "pending_usd": PREDICTED_USD,
        "predicted_usd": PREDICTED_USD,
    }
    assert "has $0.0090 left" in error.message
    assert "00:00 UTC" in error.message
    assert len(ledger.entries(call.montage_request_id or call.user_id)) == 2


@pytest.mark.parametrize(("own_usd", "times"), [(Decimal(0), 0), (Decimal("0.03"), 3), (None, 1)])
def test_a_user_may_have_a_budget_of_their_own(
    engine: Engine, call: PaidCall, own_usd: Decimal | None, times: int
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE users SET budget_month_usd = :usd WHERE id = :id"),
            {"usd": own_usd, "id": call.user_id},
        )
    ledger = CostLedger(engine, Limits(user_month_usd=PREDICTED_USD))
    for _ in range(times):
        ledger.open(call)
    refused(ErrorCode.BUDGET_EXCEEDED, lambda: ledger.open(call))


def test_what_was_spent_before_the_window_does_not_count(engine: Engine, call: PaidCall) -> None:
    ledger = CostLedger(engine, Limits(user_day_usd=PREDICTED_USD, user_month_usd=PREDICTED_USD))
    ledger.open(call)
    refused(ErrorCode.BUDGET_EXCEEDED, lambda: ledger.open(call))
    with engine.begin() as connection:
        connection.execute(text("UPDATE api_cost_logs SET created_at = now() - interval '32 days'"))
    ledger.open(call)


def test_a_call_that_turns_out_cheaper_or_free_makes_room(engine: Engine, call: PaidCall) -> None:
    ledger = CostLedger(engine, Limits(request_usd=PREDICTED_USD))
    ledger.close_free(ledger.open(call), {"error": "not_sent"})
    ledger.open(call)
    refused(ErrorCode.BUDGET_EXCEEDED, lambda: ledger.open(call))


def test_each_alert_is_told_once_for_a_window_and_a_limit(engine: Engine, call: PaidCall) -> None:
    def ledger(usd: str) -> CostLedger:
        return CostLedger(engine, Limits(user_month_usd=Decimal(usd)))

    for _ in range(4):
        ledger("0.05").open(call)
    ledger("0.05").open(call)
    for _ in range(2):
        refused(ErrorCode.BUDGET_EXCEEDED, lambda: ledger("0.05").open(call))
    told = [(alert.percent, float(alert.spent_usd)) for alert in undelivered(engine, 9)]
    assert told == [(80, 0.04), (100, 0.05)]

    ledger("0.07").open(call)  # somebody raised the limit: told of the new one
    assert [float(alert.limit_usd) for alert in undelivered(engine, 9)] == [0.05, 0.05, 0.07]


def test_the_switch_stops_every_process_at_once(
    database_url: str, engine: Engine, call: PaidCall
) -> None:
    elsewhere = create_engine(Settings(database_url=database_url))
    ledger = CostLedger(elsewhere)
    ledger.open(call)
    turn_switch(engine, is_on=False, reason="the invoice looks odd")
    error = refused(ErrorCode.PAID_CALLS_OFF, lambda: ledger.open(call))
    assert "the invoice looks odd" in error.message
    turn_switch(engine, is_on=True)
    ledger.open(call)
    elsewhere.dispose()
    refused(
        ErrorCode.PAID_CALLS_OFF, lambda: CostLedger(engine, Limits(paid_calls=False)).open(call)
    )


def test_a_request_pays_a_service_so_often_and_no_more(
    engine: Engine, call: PaidCall, library: ContentLibrary
) -> None:
    ledger = CostLedger(engine, Limits(calls_per_request=2))
    ledger.close_free(ledger.open(call), {"error": "rate_limit_error"})  # not paid: does not count
    ledger.settle(ledger.open(call), cost_usd=Decimal("0.004"), usage={}, price_version="v")
    ledger.require_another(call)
    ledger.mark_sent(ledger.open(call))  # on its way: it may be paid

    error = refused(ErrorCode.PAID_CALLS_SPENT, lambda: ledger.require_another(call))
    assert (error.details["paid_calls"], "about $0.0140" in error.message) == (2, True)
    refused(ErrorCode.PAID_CALLS_SPENT, lambda: ledger.open(call))
    another = click(library, call.user_id).request_id
    ledger.open(call.model_copy(update={"montage_request_id": another}))


def test_settings_become_limits() -> None:
    values: dict[str, Any] = {
        "budget_request_usd": "0.5",
        "budget_user_day_usd": "1",
        "budget_month_usd": "100",
        "max_paid_calls": 3,
    }
    assert Limits.of(Settings(**values)) == Limits(
        request_usd=Decimal("0.5"),
        user_day_usd=Decimal(1),
        month_usd=Decimal(100),
        calls_per_request=3,
    )
