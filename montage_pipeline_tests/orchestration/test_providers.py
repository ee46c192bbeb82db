"""Faults of the paid providers, through the real SDKs and the real steps: retried, reported, and
each call logged once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from pydantic import SecretStr

from montage_pipeline.composition import Services
from montage_pipeline.costs.ledger import CostEntry
from montage_pipeline.costs.switch import turn_switch
from montage_pipeline.errors import ErrorCode
from montage_pipeline.orchestration import failures
from montage_pipeline.requests.tries import Try
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import ContentStatus, CostState, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.fakes import anthropic_server as claude
from montage_pipeline_tests.fakes import fal_server as fal
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    item_of,
    retries_of,
    run_montage,
)


@pytest.fixture
def anthropic() -> Iterator[claude.AnthropicServer]:
    with claude.AnthropicServer() as server:
        yield server


@pytest.fixture
def queue() -> Iterator[fal.FalServer]:
    with fal.FalServer() as server:
        yield server


@pytest.fixture
def with_claude(
    pipeline_settings: Settings, object_store: ObjectStore, anthropic: claude.AnthropicServer
) -> Settings:
    """Claude analyses."""
    return pipeline_settings.model_copy(
        update={
            "analyst": "claude",
            "anthropic_base_url": anthropic.url,
            "anthropic_api_key": SecretStr("test-key"),
        }
    )


@pytest.fixture
def with_fal(
    pipeline_settings: Settings, object_store: ObjectStore, queue: fal.FalServer
) -> Settings:
    """fal composes; the local analyst analyses."""
    return pipeline_settings.model_copy(
        update={
            "composer": "fal",
            "fal_queue_url": queue.url,
            "fal_key": SecretStr("test-key"),
            "analyst": "local",
        }
    )


@dataclass
class Outcome:
    """How the run of one click ended."""

    success: bool
    retries: int
    status: ContentStatus
    error: dict[str, Any]
    entries: list[CostEntry]
    tries: tuple[dict[str, Any], ...]

    @property
    def logged_usd(self) -> Decimal:
        return sum((entry.cost_usd for entry in self.entries), Decimal(0))


def outcome_of(
    settings: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, *assets: str
) -> Outcome:
    services = Services(settings)
    created = click(services.library, user, clip.as_uri())
    result = run_montage(services, instance, add_partition(instance, created), *assets)
    item = item_of(services.library, user, created)
    entries = services.ledger.entries(created.request_id)
    services.close()
    return Outcome(
        result.success, retries_of(result), item.status, item.error or {}, entries, item.tries
    )


@pytest.mark.parametrize(
    ("fault", "code", "times"),
    [
        pytest.param(claude.Fault.rate_limited(1), "analysis_rate_limited", 1, id="429"),
        pytest.param(claude.Fault.server_error(), "analysis_unavailable", 4, id="500 for good"),
        pytest.param(claude.Fault.cut(), "analysis_unreachable", 4, id="cut connection for good"),
        pytest.param(
            claude.Fault.overloaded(), "analysis_unavailable", 1, id="529", marks=pytest.mark.slow
        ),
        pytest.param(
            claude.Fault.server_error(), "analysis_unavailable", 1, id="500", marks=pytest.mark.slow
        ),
        pytest.param(
            claude.Fault.cut(),
            "analysis_unreachable",
            1,
            id="cut connection",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            claude.Fault.broken_body(),
            "analysis_unreadable",
            1,
            id="broken body",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            claude.Fault.rate_limited(1),
            "analysis_rate_limited",
            4,
            id="429 for good",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            claude.Fault.overloaded(),
            "analysis_unavailable",
            4,
            id="529 for good",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            claude.Fault.broken_body(),
            "analysis_unreadable",
            4,
            id="broken body for good",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_faults_of_claude(
    with_claude: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    anthropic: claude.AnthropicServer,
    fault: claude.Fault,
    code: str,
    times: int,
) -> None:
    anthropic.script(*[fault] * times)
    outcome = outcome_of(with_claude, instance, user, clip, "clip_analysis")
    assert len(anthropic.requests) == len(outcome.entries), "one row for each call that was sent"
    assert all(entry.state is not CostState.PENDING for entry in outcome.entries)
    if times == 1:
        assert (outcome.success, outcome.retries) == (True, 1)
        assert outcome.entries[-1].state is CostState.SETTLED
    else:
        assert (outcome.success, outcome.retries) == (False, 3)
        assert outcome.status is ContentStatus.FAILED
        assert {name: outcome.error[name] for name in ("code", "step", "attempts")} == {
            "code": code,
            "step": "clip_analysis",
            "attempts": 4,
        }
    if any(entry.state is CostState.ESTIMATED for entry in outcome.entries):
        assert outcome.logged_usd >= anthropic.charged_usd
    else:
        assert outcome.logged_usd == anthropic.charged_usd


def test_an_unusable_answer_is_asked_for_once_more(
    with_claude: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    anthropic: claude.AnthropicServer,
) -> None:
    anthropic.script(claude.Fault.invalid_json())
    outcome = outcome_of(with_claude, instance, user, clip, "clip_analysis")
    assert (outcome.success, outcome.retries, len(anthropic.requests)) == (True, 0, 2)
    assert outcome.logged_usd == anthropic.charged_usd


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


def test_a_refusal_fails_at_once_and_is_paid_for(
    with_claude: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    anthropic: claude.AnthropicServer,
) -> None:
    anthropic.script(claude.Fault.refusal())
    outcome = outcome_of(with_claude, instance, user, clip, "clip_analysis")
    assert (outcome.success, outcome.retries) == (False, 0)
    assert (outcome.error["code"], outcome.error["attempts"]) == ("analysis_refused", 1)
    assert outcome.logged_usd == anthropic.charged_usd > 0


_SLOW_DOWN = fal.Fault.http(429, {"detail": "slow down"}, Retry_After="1")
_BROKEN = fal.Fault.http(500, {"detail": "broken"})


@pytest.mark.parametrize(
    ("fault", "code", "times"),
    [
        pytest.param(_BROKEN, "music_unavailable", 1, id="500"),
        pytest.param(_SLOW_DOWN, "music_rate_limited", 1, id="429", marks=pytest.mark.slow),
        pytest.param(
            _SLOW_DOWN, "music_rate_limited", 4, id="429 for good", marks=pytest.mark.slow
        ),
        pytest.param(_BROKEN, "music_unavailable", 4, id="500 for good", marks=pytest.mark.slow),
    ],
)
def test_faults_of_fals_queue(
    with_fal: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    queue: fal.FalServer,
    fault: fal.Fault,
    code: str,
    times: int,
) -> None:
    queue.script("submit", *[fault] * times)
    outcome = outcome_of(with_fal, instance, user, clip, "clip_analysis", "music_track")
    assert queue.calls["submit"] == len(outcome.entries) == (2 if times == 1 else 4), (
        "one submission and one row for each attempt"
    )
    if times == 1:
        assert (outcome.success, outcome.retries) == (True, 1)
    else:
        assert outcome.status is ContentStatus.FAILED
        assert {name: outcome.error[name] for name in ("code", "step", "attempts")} == {
            "code": code,
            "step": "music_track",
            "attempts": 4,
        }
    assert outcome.logged_usd == queue.charged_usd


def test_an_order_whose_reply_is_lost_is_not_sent_again_and_the_item_says_so(
    with_fal: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, queue: fal.FalServer
) -> None:
    queue.script("submit", fal.Fault.cut_after())
    outcome = outcome_of(with_fal, instance, user, clip, "clip_analysis", "music_track")
    assert (outcome.success, outcome.retries, queue.calls["submit"]) == (False, 0, 1)
    assert (outcome.error["code"], outcome.error["attempts"]) == ("music_submit_uncertain", 1)
    [doubt] = outcome.error["details"]["calls_in_doubt"]
    assert "about $0.00" in doubt
    assert outcome.logged_usd == queue.charged_usd > 0


@pytest.mark.parametrize("retry_after", ["0.01", "1e12", "nan", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_retry_after_is_honoured_up_to_a_cap(
    with_fal: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    queue: fal.FalServer,
    monkeypatch: pytest.MonkeyPatch,
    retry_after: str,
) -> None:
    monkeypatch.setattr(failures, "MAX_RETRY_AFTER_S", 0.2)
    queue.script("submit", fal.Fault.http(429, {"detail": "slow down"}, Retry_After=retry_after))
    outcome = outcome_of(with_fal, instance, user, clip, "clip_analysis", "music_track")
    assert (outcome.success, outcome.retries, queue.calls["submit"]) == (True, 1, 2)
    [failed] = outcome.tries
    assert (failed["step"], failed["number"], failed["code"]) == (
        "music_track",
        1,
        "music_rate_limited",
    )


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
    run_montage(services, instance, partition, "clip_analysis", "music_track")
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


def test_a_failed_job_is_bought_again_and_costs_nothing(
    with_fal: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, queue: fal.FalServer
) -> None:
    queue.plan(fal.JobPlan(error="Out of memory", billed_units=None))
    outcome = outcome_of(with_fal, instance, user, clip, "clip_analysis", "music_track")
    assert (outcome.success, outcome.retries, len(queue.jobs)) == (True, 1, 2)
    assert [entry.cost_usd for entry in outcome.entries] == [0, queue.charged_usd]


def test_a_job_that_always_fails_and_one_that_never_ends(
    with_fal: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, queue: fal.FalServer
) -> None:
    queue.plan(*[fal.JobPlan(error="Out of memory", billed_units=None)] * 4)
    failing = outcome_of(with_fal, instance, user, clip, "clip_analysis", "music_track")
    assert (failing.error["code"], failing.error["attempts"]) == ("music_failed", 4)
    assert failing.logged_usd == 0
    jobs_before = len(queue.jobs)
    queue.plan(fal.JobPlan(never=True))
    endless = outcome_of(
        with_fal.model_copy(update={"fal_timeout_s": 0.5}),
        instance,
        user,
        clip,
        "clip_analysis",
        "music_track",
    )
    assert (endless.error["code"], endless.error["attempts"]) == ("music_timeout", 4)
    assert len(queue.jobs) == jobs_before + 1, (
        "every attempt waits for the job that was bought first"
    )
    [entry] = endless.entries
    assert entry.provider_request_id == queue.jobs[-1].id
