"""What goes wrong with a call: who pays, what is asked again, and what a further attempt finds."""

import signal
import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline_tests.analysis.claude.stand_ins import AnalysisStep
from montage_pipeline_tests.fakes.anthropic_server import AnthropicServer, Fault


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.invalid_json(), "answer: Invalid JSON"),
        pytest.param(Fault.unknown_ids(), "there is no moment 'nobody-", marks=pytest.mark.slow),
        pytest.param(Fault.reject_all(), "every moment is rejected", marks=pytest.mark.slow),
        (Fault.max_tokens(), "stop_reason max_tokens"),
    ],
)
def test_an_unusable_answer_is_asked_for_once_more_with_the_reason(
    small: AnalysisStep, fault: Fault, said: str
) -> None:
    small.server.script(fault)
    analysis = small.analyse()
    first, second = small.server.requests
    assert second.body["messages"][:1] == first.body["messages"]
    assert second.body["messages"][1]["role"] == "assistant"
    assert said in second.body["messages"][-1]["content"]
    assert second.body["max_tokens"] > first.body["max_tokens"]
    assert analysis.analyst.name == "claude"
    assert small.ledger.states == ["settled", "settled"]
    assert small.ledger.total_usd == small.server.charged_usd


def test_two_unusable_answers_fail_and_a_retry_asks_anew(small: AnalysisStep) -> None:
    small.server.script(Fault.unknown_ids(), Fault.invalid_json())
    with pytest.raises(MontageError) as caught:
        small.analyse()
    assert caught.value.code == "analysis_unusable"
    assert caught.value.retryable
    assert len(small.server.requests) == 2
    small.analyse()
    assert len(small.server.requests) == 3
    assert len(small.server.requests[2].body["messages"]) == 1
    assert small.ledger.total_usd == small.server.charged_usd


@pytest.mark.parametrize(
    ("fault", "code", "retryable", "kept"),
    [
        (
            Fault.rate_limited(retry_after_s=7),
            "analysis_rate_limited",
            True,
            {"error": "rate_limit_error", "status": 429},
        ),
        (
            Fault.overloaded(),
            "analysis_unavailable",
            True,
            {"error": "overloaded_error", "status": 529},
        ),
        pytest.param(
            Fault.server_error(),
            "analysis_unavailable",
            True,
            {"error": "api_error", "status": 500},
            marks=pytest.mark.slow,
        ),
        (
            Fault.spend_limit(),
            "analysis_limit_reached",
            False,
            {"error": "rate_limit_error", "status": 429},
        ),
        (
            Fault.error(402, "billing_error", "no credit"),
            "analysis_rejected",
            False,
            {"error": "billing_error", "status": 402},
        ),
        pytest.param(
            Fault.error(403, "permission_error", "not allowed"),
            "analysis_rejected",
            False,
            {"error": "permission_error", "status": 403},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            Fault.error(404, "not_found_error", "model gone"),
            "analysis_rejected",
            False,
            {"error": "not_found_error", "status": 404},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            Fault.error(413, "request_too_large", "too large"),
            "analysis_rejected",
            False,
            {"error": "request_too_large", "status": 413},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_error_answer_costs_nothing_and_is_not_retried_by_the_client(
    small: AnalysisStep, fault: Fault, code: str, retryable: bool, kept: dict[str, Any]
) -> None:
    small.server.script(fault)
    with pytest.raises(MontageError) as caught:
        small.analyse()
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert fault.message in caught.value.message
    assert len(small.server.requests) == 1
    (row,) = small.ledger.rows.values()
    assert (row.state, row.cost_usd) == ("settled", Decimal(0))
    assert row.usage == {"charged": False, **kept}
    if code == "analysis_rate_limited":
        assert caught.value.details["retry_after_s"] == 7
    small.analyse()  # the next attempt is a new call
    assert small.ledger.states == ["settled", "settled"]
    assert small.ledger.total_usd == small.server.charged_usd > 0


def test_a_wrong_key_says_which_variable(small: AnalysisStep) -> None:
    with pytest.raises(PermanentError, match="ANTHROPIC_API_KEY") as caught:
        small.analyse(anthropic_api_key="invalid")
    assert caught.value.details["status"] == 401


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault.cut(), "analysis_unreachable"), (Fault.broken_body(), "analysis_unreadable")],
)
def test_a_lost_answer_is_estimated_at_the_prediction(
    small: AnalysisStep, fault: Fault, code: str
) -> None:
    small.server.script(fault)
    with pytest.raises(MontageError) as caught:
        small.analyse()
    assert (caught.value.code, caught.value.retryable) == (code, True)
    (row,) = small.ledger.rows.values()
    assert row.state == "estimated"
    assert row.cost_usd > 0
    assert row.usage["uncertain"] is True


def test_a_late_answer_is_given_up_and_estimated(small: AnalysisStep) -> None:
    small.server.script(Fault.slow(3))
    with pytest.raises(MontageError) as caught:
        small.analyse(claude_timeout_s=0.5)
    assert caught.value.code == "analysis_unreachable"
    assert small.ledger.states == ["estimated"]


def test_a_server_that_is_not_there_costs_nothing(small: AnalysisStep) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(MontageError) as caught:
            small.analyse(anthropic_base_url=url)
    assert caught.value.code == "analysis_unreachable"
    (row,) = small.ledger.rows.values()
    assert (row.state, row.cost_usd) == ("settled", Decimal(0))


def test_a_refusal_is_final_charged_and_not_bought_again(small: AnalysisStep) -> None:
    small.server.script(Fault.refusal())
    for _attempt in range(2):
        with pytest.raises(PermanentError, match="cannot be judged") as caught:
            small.analyse()
        assert caught.value.code == "analysis_refused"
        assert caught.value.details["category"] == "general_harms"
    assert len(small.server.requests) == 1
    assert small.ledger.total_usd == small.server.charged_usd > 0


@pytest.fixture
def restored_sigint() -> Iterator[None]:
    """What SIGINT does is as before after a test."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


class Killed(BaseException):
    """The process ends here."""


def test_a_call_that_is_interrupted_says_at_once_that_it_may_be_charged(
    clips: list[FetchedClip], restored_sigint: None
) -> None:
    # Whoever runs the tests in the background may have them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt(_request: object) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with AnthropicServer(on_request=interrupt) as server:
        step = AnalysisStep(server, clips[-2:])
        server.script(Fault.slow(5))
        with pytest.raises(KeyboardInterrupt):
            step.analyse()
    (row,) = step.ledger.rows.values()
    assert (row.state, row.usage["error"]) == ("estimated", "interrupted")
    assert row.cost_usd == row.call.predicted_usd > 0
    # A question as small as this may cost more than is predicted, but never more than its most.
    assert row.call.most_usd is not None
    assert server.charged_usd <= row.call.most_usd


def test_killed_before_the_row_was_settled_the_answer_is_used_and_not_bought_again(
    small: AnalysisStep,
) -> None:
    small.ledger.fail_settle.append(Killed())
    with pytest.raises(Killed):
        small.analyse()
    assert small.ledger.states == ["pending"]
    analysis = small.analyse()
    assert len(small.server.requests) == 1
    (row,) = small.ledger.rows.values()
    assert (row.state, row.cost_usd, row.provider_request_id) == (
        "settled",
        small.server.charged_usd,
        small.server.usages[0].request_id,
    )
    assert small.analyse() == analysis  # and once more, with nothing left to settle
    assert len(small.server.requests) == 1


def test_a_store_that_fails_loses_neither_the_answer_nor_its_cost(small: AnalysisStep) -> None:
    small.store.fail_put.append(MontageError(ErrorCode.STORE_UNAVAILABLE, "the store is away"))
    assert small.analyse().analyst.name == "claude"
    assert small.ledger.total_usd == small.server.charged_usd > 0
