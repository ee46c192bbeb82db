"""Rows of paid calls are written before the call, settled once, and summed exactly."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from montage_pipeline.costs.ledger import CostLedger, PaidCall, fingerprint_of, log_cost
from montage_pipeline.costs.reports import Dimension, costs_by, get_user_costs
from montage_pipeline.errors import MontageError
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.vocabulary import CostState, Service
from montage_pipeline_tests.clicks import finish, new_user
from montage_pipeline_tests.costs.conftest import PREDICTED_USD
from montage_pipeline_tests.examples import examples


def test_a_later_attempt_finds_what_an_earlier_one_left(ledger: CostLedger, call: PaidCall) -> None:
    assert ledger.find_pending(call) is None
    entry_id = ledger.open(call)
    ledger.attach(entry_id, "req-1")
    found = ledger.find_pending(call)
    assert found is not None
    assert (found.id, found.provider_request_id) == (entry_id, "req-1")
    assert (
        ledger.find_pending(
            call.model_copy(update={"fingerprint": fingerprint_of("something else")})
        )
        is None
    )
    assert ledger.find_bought(call) is None
    ledger.settle(entry_id, cost_usd=Decimal("0.01"), usage={"seconds": 30}, price_version="v")
    assert ledger.find_pending(call) is None
    bought = ledger.find_bought(call)
    assert bought is not None
    assert bought.provider_request_id == "req-1"


def test_a_settled_price_is_never_written_over(
    ledger: CostLedger, call: PaidCall, engine: Engine
) -> None:
    entry_id = ledger.open(call)
    ledger.settle(
        entry_id, cost_usd=Decimal("0.01"), usage={}, price_version="v", provider_request_id="req-1"
    )
    with pytest.raises(MontageError, match="not pending"):
        ledger.settle(entry_id, cost_usd=Decimal(9), usage={}, price_version="v")
    with pytest.raises(MontageError, match="not pending"):
        ledger.estimate(entry_id, cost_usd=Decimal(9), usage={}, price_version="v")
    with pytest.raises(MontageError, match="not pending"):
        ledger.attach(entry_id, "req-2")
    assert get_user_costs(engine, call.user_id).total_usd == Decimal("0.01")


def test_a_provider_request_is_logged_once(ledger: CostLedger, call: PaidCall) -> None:
    log_cost(
        ledger,
        call,
        cost_usd=Decimal("0.01"),
        usage={},
        price_version="v",
        provider_request_id="req-1",
    )
    with pytest.raises(IntegrityError):
        log_cost(
            ledger,
            call,
            cost_usd=Decimal("0.01"),
            usage={},
            price_version="v",
            provider_request_id="req-1",
        )


@hypothesis_settings(
    max_examples=examples(0.25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.decimals(min_value=0, max_value=50, places=12), min_size=1, max_size=6))
def test_sums_are_exact_to_the_last_decimal(
    ledger: CostLedger,
    call: PaidCall,
    engine: Engine,
    library: ContentLibrary,
    amounts: list[Decimal],
) -> None:
    user_id = new_user(library)
    theirs = call.model_copy(update={"user_id": user_id})
    for amount in amounts:
        log_cost(ledger, theirs, cost_usd=amount, usage={}, price_version="v")
    assert get_user_costs(engine, user_id).total_usd == sum(amounts)
    [line] = costs_by(engine, Dimension.USER, since=None, user_id=user_id)
    assert (line.key, line.cost_usd) == (str(user_id), sum(amounts))


def test_reports_since(ledger: CostLedger, call: PaidCall, engine: Engine) -> None:
    log_cost(
        ledger, call, cost_usd=Decimal("0.0000001"), usage={"input_tokens": 1}, price_version="v"
    )
    ledger.estimate(
        ledger.open(call), cost_usd=Decimal("0.02"), usage={"uncertain": True}, price_version="v"
    )
    assert get_user_costs(engine, call.user_id, datetime.now(UTC) + timedelta(minutes=1)).rows == ()
    report = get_user_costs(engine, call.user_id, datetime.now(UTC) - timedelta(minutes=1))
    assert report.by_service == {Service.CLAUDE: Decimal("0.0200001")}
    assert [row.state for row in report.rows] == [CostState.ESTIMATED, CostState.SETTLED]
    assert isinstance(report.rows[0].id, UUID)


def test_a_call_is_closed_at_what_it_was_predicted_to_cost_or_at_nothing(
    ledger: CostLedger, call: PaidCall
) -> None:
    most_usd = PREDICTED_USD * 2
    lost = ledger.open(call.model_copy(update={"most_usd": most_usd}))
    free = ledger.open(call)
    ledger.mark_sent(lost)
    ledger.close_in_doubt(lost, "the connection was cut")
    ledger.close_free(free, {"error": "not_sent"})

    doubtful, unsent = ledger.entries(call.montage_request_id or call.user_id)
    assert (doubtful.state, doubtful.cost_usd) == (CostState.ESTIMATED, PREDICTED_USD)
    assert doubtful.in_doubt
    assert doubtful.usage == {
        "predicted": call.predicted_usage,
        "most_usd": f"{most_usd:f}",
        "uncertain": True,
        "error": "the connection was cut",
    }
    assert f"about ${PREDICTED_USD:.4f}, and at most ${most_usd:.4f}." in (doubtful.doubt or "")
    assert (unsent.state, unsent.in_doubt) == (CostState.SETTLED, False)
    assert unsent.cost_usd == 0
    assert doubtful.predicted_usd == unsent.predicted_usd == PREDICTED_USD


def test_rows_of_requests_that_ended_are_left_behind_and_those_under_way_are_not(
    ledger: CostLedger, call: PaidCall, requests: RequestLifecycle
) -> None:
    at_once = timedelta(0)
    long = timedelta(hours=1)
    entry_id = ledger.open(call)
    assert ledger.left_behind(grace=at_once, most=long, limit=9) == []
    [old] = ledger.left_behind(grace=at_once, most=at_once, limit=9)
    assert (old.id, old.sent, old.too_old) == (entry_id, False, True)

    assert call.montage_request_id is not None
    finish(requests, call.montage_request_id)
    [left] = ledger.left_behind(grace=at_once, most=long, limit=9)
    assert (left.id, left.too_old, left.fingerprint) == (entry_id, False, call.fingerprint)
    assert ledger.left_behind(grace=long, most=long, limit=9) == []

    ledger.close_free(entry_id, {"error": "not_sent"})
    assert ledger.left_behind(grace=at_once, most=at_once, limit=9) == []
