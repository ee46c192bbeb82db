"""How often a provider is asked and paid: three times more for a fault, never for what stays wrong,
and never past a limit; the item says how often, and why.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from sqlalchemy import text

from montage_pipeline.composition import Services
from montage_pipeline.costs.switch import turn_switch
from montage_pipeline.errors import ErrorCode
from montage_pipeline.requests.attempts.tries import Try
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import RequestState, Step
from montage_pipeline_tests.clicks import click, next_requests
from montage_pipeline_tests.fakes import anthropic_server as claude
from montage_pipeline_tests.fakes import fal_server as fal
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    item_of,
    retries_of,
    run_montage,
    store_analysis,
)
from montage_pipeline_tests.orchestration.paying import outcome_of

_SLOW_DOWN = fal.Fault.http(429, {"detail": "slow down"}, Retry_After="1")


def test_unusable_answers_are_paid_so_often_and_no_more(
    with_claude: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    anthropic: claude.AnthropicServer,
) -> None:
    anthropic.script(*[claude.Fault.invalid_json()] * 9)
    settings = with_claude.model_copy(update={"max_paid_calls": 3})
    outcome = outcome_of(settings, instance, user, clip, "clip_analysis")
    assert (outcome.success, len(anthropic.requests), len(outcome.entries)) == (False, 3, 3)
    assert outcome.logged_usd == anthropic.charged_usd
    assert (outcome.error["code"], outcome.error["attempts"]) == ("paid_calls_spent", 2)
    assert "Invalid JSON" in outcome.error["details"]["problem"]
    assert [failed["code"] for failed in outcome.tries] == [
        "analysis_unusable",
        "paid_calls_spent",
    ]


@pytest.mark.parametrize("switched_off", [False, True])
def test_what_no_budget_allows_is_not_bought_and_not_retried(
    with_claude: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    anthropic: claude.AnthropicServer,
    switched_off: bool,
) -> None:
    changes: dict[str, Any] = {} if switched_off else {"budget_user_month_usd": Decimal("0.0001")}
    settings = with_claude.model_copy(update=changes)
    services = Services(settings)
    turn_switch(services.engine, is_on=not switched_off, reason="audit")
    services.close()
    outcome = outcome_of(settings, instance, user, clip, "clip_analysis")
    assert (outcome.success, outcome.retries) == (False, 0)
    assert (len(anthropic.requests), outcome.entries) == (0, [])
    code = "paid_calls_off" if switched_off else "budget_exceeded"
    assert (outcome.error["code"], outcome.error["attempts"]) == (code, 1)
    assert ("audit" if switched_off else "of $0.0001") in outcome.error["message"]


def test_an_order_whose_reply_is_lost_is_not_sent_again_and_the_item_says_so(
    with_fal: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, queue: fal.FalServer
) -> None:
    queue.script("submit", fal.Fault.cut_after())
    outcome = outcome_of(with_fal, instance, user, clip, "music_track")
    assert (outcome.success, outcome.retries, queue.calls["submit"]) == (False, 0, 1)
    assert (outcome.error["code"], outcome.error["attempts"]) == ("music_submit_uncertain", 1)
    [doubt] = outcome.warnings
    assert "about $0.00" in doubt
    assert outcome.logged_usd == queue.charged_usd > 0


@pytest.mark.parametrize(
    "retry_after",
    [
        "1e12",
        # How these are read is tested where they are read.
        pytest.param("0.01", marks=pytest.mark.slow),
        pytest.param("nan", marks=pytest.mark.slow),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", marks=pytest.mark.slow),
    ],
)
def test_retry_after_is_honoured_up_to_a_cap(
    with_fal: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    queue: fal.FalServer,
    retry_after: str,
) -> None:
    queue.script("submit", fal.Fault.http(429, {"detail": "slow down"}, Retry_After=retry_after))
    settings = with_fal.model_copy(update={"retry_after_max_s": 0.2})
    outcome = outcome_of(settings, instance, user, clip, "music_track")
    assert (outcome.success, outcome.retries, queue.calls["submit"]) == (True, 1, 2)
    [failed] = outcome.tries
    assert (failed["step"], failed["number"], failed["code"]) == (
        "music_track",
        1,
        "music_rate_limited",
    )


def test_a_long_pause_is_not_slept_in_a_slot(
    with_fal: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, queue: fal.FalServer
) -> None:
    """The run ends, and the request may be started again when the pause is over; a provider that
    stays so is asked four times in all.
    """
    services = Services(with_fal)
    created = click(services.library, user, clip.as_uri())
    partition = add_partition(instance, created)
    queue.script("submit", *[fal.Fault.http(429, {"detail": "no"}, Retry_After="90")] * 9)
    store_analysis(services, created, clip)

    delivering = [step for step in Step if step is not Step.CLIP_ANALYSIS]
    for number in (1, 2, 3):
        result = run_montage(services, instance, partition, *delivering)
        assert (result.success, retries_of(result)) == (False, 0)
        request = services.requests.get_request(created.request_id)
        assert request is not None
        assert (request.state, request.run_id) == (RequestState.QUEUED, None)
        assert (request.attempt, request.lost_runs) == (number + 1, 0)
        with services.engine.begin() as connection:
            pause_s = connection.scalar(
                text("SELECT extract(epoch FROM not_before - now()) FROM montage_requests")
            )
            assert 80 < float(pause_s) < 100
            assert next_requests(services.engine) == []
            connection.execute(text("UPDATE montage_requests SET not_before = NULL"))

    run_montage(services, instance, partition, *delivering)
    item = item_of(services.library, user, created)
    services.close()
    assert item.error is not None
    assert (item.error["code"], item.error["attempts"]) == ("music_rate_limited", 4)
    assert [failed["number"] for failed in item.tries] == [1, 2, 3, 4]
    assert queue.calls["submit"] == 4


def test_every_try_and_its_cause_are_on_the_item_and_count_across_runs(
    with_fal: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, queue: fal.FalServer
) -> None:
    settings = with_fal.model_copy(update={"retry_max": 2})
    services = Services(settings)
    created = click(services.library, user, clip.as_uri())
    partition = add_partition(instance, created)
    # Two tries were made by a run that died then; Dagster counts those of its successor anew.
    assert services.requests.start(created.request_id, "a run that died")
    for _ in range(2):
        failed = Try(
            step=Step.MUSIC_TRACK,
            number=1,
            code=ErrorCode.MUSIC_UNAVAILABLE,
            message="m",
            run_id="a run that died",
            at=datetime.now(UTC),
        )
        services.tries.note(created.request_id, failed)
    assert services.requests.requeue(created.request_id, attempt=1, run_id="a run that died")

    queue.script("submit", *[_SLOW_DOWN] * 4)
    store_analysis(services, created, clip)
    run_montage(services, instance, partition, "music_track")
    item = item_of(services.library, user, created)
    services.close()
    assert queue.calls["submit"] == 1, "the third try is the last, whichever run makes it"
    assert item.error is not None
    assert (item.error["code"], item.error["attempts"]) == ("music_rate_limited", 3)
    assert [(failed["code"], failed["number"]) for failed in item.tries] == [
        ("music_unavailable", 1),
        ("music_unavailable", 2),
        ("music_rate_limited", 3),
    ]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "fal_refused_key"),
        (422, "music_rejected"),
        pytest.param(404, "music_rejected", marks=pytest.mark.slow),
    ],
)
def test_what_stays_wrong_is_asked_once(
    with_fal: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    queue: fal.FalServer,
    status: int,
    code: str,
) -> None:
    queue.script("submit", *[fal.Fault.http(status, {"detail": "no"})] * 9)
    outcome = outcome_of(with_fal, instance, user, clip, "music_track")
    assert (outcome.retries, queue.calls["submit"], outcome.error["code"]) == (0, 1, code)
    assert [failed["number"] for failed in outcome.tries] == [1]


def test_a_reel_made_after_a_lost_answer_says_that_it_may_have_been_paid_twice(
    with_claude: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    anthropic: claude.AnthropicServer,
) -> None:
    anthropic.script(claude.Fault.cut())
    # A draft of the Reel: it is about what is said of it.
    draft = MontageOptions(preview=True)
    outcome = outcome_of(with_claude, instance, user, clip, options=draft)
    assert (outcome.success, len(anthropic.usages)) == (True, 2)
    [doubt] = [warning for warning in outcome.warnings if "charged all the same" in warning]
    assert "call to claude" in doubt
    assert [failed["code"] for failed in outcome.tries] == ["analysis_unreachable"]
