"""Whatever fails at fal, an attempt sends no order twice, and every charge shows in the ledger."""

from decimal import Decimal

import pytest
from pydantic import SecretStr

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.vocabulary import CostState
from montage_pipeline_tests.fakes.fal_audio import wav
from montage_pipeline_tests.fakes.fal_server import Fault, JobPlan
from montage_pipeline_tests.music.fal.desk import Desk


@pytest.mark.parametrize(
    ("fault", "jobs"),
    [
        (Fault.cut_after(), 1),
        (Fault.garbage(), 1),
        (Fault.http(502, "<html>nginx</html>"), 0),
        (Fault.http(504, "<html>nginx</html>"), 0),
        (Fault.cut_before(), 0),
    ],
)
def test_an_order_whose_reply_is_lost_counts_as_perhaps_charged_and_is_not_sent_again(
    desk: Desk, fault: Fault, jobs: int
) -> None:
    desk.server.script("submit", fault)
    desk.fails(ErrorCode.MUSIC_SUBMIT_UNCERTAIN, PermanentError)
    assert (desk.server.calls["submit"], len(desk.server.jobs)) == (1, jobs)
    [entry] = desk.entries()
    assert (entry.state, entry.cost_usd) == (CostState.ESTIMATED, Decimal("0.005"))
    assert entry.in_doubt
    assert entry.cost_usd >= desk.server.charged_usd


@pytest.mark.parametrize(
    "fault",
    [
        Fault.http(500, {"detail": "Internal Server Error"}),
        Fault.http(503, {"detail": "no worker"}, x_fal_error_type="internal_error"),
        Fault.http(404, {"detail": "not found"}),
        Fault.http(429, {"detail": "slow down"}, retry_after="1e12"),
    ],
)
def test_a_finished_job_whose_result_fails_is_fetched_again_and_never_bought_again(
    desk: Desk, fault: Fault
) -> None:
    waiting = fault.status == 429  # longer than one sleeps in place: the next attempt goes on
    desk.server.script("result", *[fault] * (1 if waiting else 2))
    if waiting:
        error = desk.fails(ErrorCode.MUSIC_UNAVAILABLE)
        assert error.details["retry_after_s"] == 1e12
    assert desk.buy().provider_request_id == desk.server.jobs[0].id
    assert (desk.server.calls["submit"], len(desk.server.jobs)) == (1, 1)
    [entry] = desk.entries()
    assert (entry.state, entry.cost_usd) == (CostState.SETTLED, desk.server.charged_usd)


def test_a_result_that_fails_for_a_whole_attempt_is_fetched_by_the_next(desk: Desk) -> None:
    desk.server.script("result", *[Fault.http(500, {"detail": "Internal Server Error"})] * 6)
    desk.fails(ErrorCode.MUSIC_UNAVAILABLE)
    [entry] = desk.entries()
    assert (entry.state, entry.provider_request_id) == (
        CostState.PENDING,
        desk.server.jobs[0].id,
    )
    desk.buy()
    assert len(desk.server.jobs) == len(desk.entries()) == 1


@pytest.mark.parametrize(
    ("fault", "code", "kind"),
    [
        (Fault.http(429, retry_after="7"), ErrorCode.MUSIC_RATE_LIMITED, MontageError),
        (Fault.http(500), ErrorCode.MUSIC_UNAVAILABLE, MontageError),
        (Fault.http(503, "<html>nginx</html>"), ErrorCode.MUSIC_UNAVAILABLE, MontageError),
        (Fault.http(401), ErrorCode.FAL_REFUSED_KEY, PermanentError),
        (
            Fault.http(403, {"detail": "User is locked. Reason: Exhausted balance"}),
            ErrorCode.FAL_REFUSED_KEY,
            PermanentError,
        ),
        (
            Fault.http(422, {"detail": [{"loc": ["body", "prompt"], "msg": "bad"}]}),
            ErrorCode.MUSIC_REJECTED,
            PermanentError,
        ),
        (
            Fault.http(307, location="https://elsewhere.example/"),
            ErrorCode.MUSIC_REJECTED,
            PermanentError,
        ),
    ],
)
def test_a_refused_order_costs_nothing_and_is_sent_once(
    desk: Desk, fault: Fault, code: ErrorCode, kind: type[MontageError]
) -> None:
    desk.server.script("submit", fault)
    error = desk.fails(code, kind)
    assert desk.server.calls["submit"] == 1
    [entry] = desk.entries()
    assert (entry.state, entry.cost_usd) == (CostState.SETTLED, Decimal(0))
    if fault.status == 429:
        assert error.details["retry_after_s"] == 7.0
    if fault.status == 403:
        assert "Exhausted balance" in error.message


def test_nothing_listening_costs_nothing(desk: Desk) -> None:
    desk.fails(ErrorCode.MUSIC_UNREACHABLE, fal_queue_url="http://127.0.0.1:9")
    [entry] = desk.entries()
    assert (entry.state, entry.cost_usd) == (CostState.SETTLED, Decimal(0))


def test_a_wrong_key_is_permanent(desk: Desk) -> None:
    desk.fails(ErrorCode.FAL_REFUSED_KEY, PermanentError, fal_key=SecretStr("another"))


def test_passing_faults_while_waiting_are_sat_out(desk: Desk) -> None:
    faults = [
        Fault.http(500, "oops"),
        Fault.cut_before(),
        Fault.http(429, retry_after="0.05"),
        Fault.garbage(),
        Fault.slow(0.05),
    ]
    desk.server.script("status", *faults)
    desk.server.script("result", Fault.http(503, "<html>nginx</html>"), Fault.cut_after())
    desk.server.script("file", Fault.cut_after(), Fault.http(500))
    assert desk.buy().duration_s >= 14
    assert len(desk.server.jobs) == 1
    assert [entry.state for entry in desk.entries()] == [CostState.SETTLED]


def test_faults_that_do_not_pass_leave_the_job_to_the_next_attempt(desk: Desk) -> None:
    desk.server.script("status", *[Fault.http(500, "oops")] * 6)
    desk.fails(ErrorCode.MUSIC_UNAVAILABLE)
    assert desk.entries()[0].state is CostState.PENDING
    desk.server.script("file", *[Fault.cut_after()] * 3)
    desk.fails(ErrorCode.MUSIC_DOWNLOAD_FAILED)
    assert desk.entries()[0].state is CostState.PENDING
    desk.buy()
    assert len(desk.server.jobs) == 1
    assert [entry.state for entry in desk.entries()] == [CostState.SETTLED]


def test_a_failed_job_is_free_and_the_next_attempt_orders_afresh(desk: Desk) -> None:
    desk.server.plan(JobPlan(error="CUDA out of memory"))
    error = desk.fails(ErrorCode.MUSIC_FAILED)
    assert "CUDA out of memory" in error.message
    [entry] = desk.entries()
    assert (entry.state, entry.cost_usd) == (CostState.SETTLED, Decimal(0))
    assert entry.usage["error"] == "CUDA out of memory"
    desk.buy()
    assert len(desk.server.jobs) == 2
    assert sum(entry.cost_usd for entry in desk.entries()) == desk.server.charged_usd


def test_a_failure_that_fal_bills_is_in_the_ledger_and_not_taken_for_music(desk: Desk) -> None:
    desk.server.plan(JobPlan(error="safety filter", billed_units="0.25"))
    desk.fails(ErrorCode.MUSIC_FAILED)
    assert desk.entries()[0].cost_usd == Decimal("0.005")
    desk.buy()
    assert len(desk.server.jobs) == 2


def test_an_order_the_model_rejects_is_permanent(desk: Desk) -> None:
    desk.server.plan(JobPlan(error="prompt not allowed", error_status=422))
    assert "prompt not allowed" in desk.fails(ErrorCode.MUSIC_REJECTED, PermanentError).message
    [entry] = desk.entries()
    # fal charges for those as it likes, and did not say.
    assert (entry.state, entry.cost_usd) == (CostState.ESTIMATED, Decimal("0.005"))


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (JobPlan(seconds=9.0), ErrorCode.MUSIC_DELIVERED_SHORT),
        pytest.param(
            JobPlan(file_body=wav(15, 104, music_s=6)),
            ErrorCode.MUSIC_DELIVERED_SHORT,
            marks=pytest.mark.slow,
        ),
        (JobPlan(file_body=wav(15, 104, music_s=0)), ErrorCode.MUSIC_DELIVERED_SHORT),
        (JobPlan(file_body=b"<html>not music</html>"), ErrorCode.MUSIC_DELIVERY_BROKEN),
        (JobPlan(file_gone=True), ErrorCode.MUSIC_FAILED),
    ],
)
def test_useless_music_is_paid_for_and_not_used_again(
    desk: Desk, plan: JobPlan, code: ErrorCode
) -> None:
    desk.server.plan(plan)
    desk.fails(code)
    assert desk.entries()[0].cost_usd == Decimal("0.005")
    desk.buy()
    assert len(desk.server.jobs) == 2
    assert sum(entry.cost_usd for entry in desk.entries()) == desk.server.charged_usd
