"""Faults of the paid providers, through the real SDKs and the real steps: retried, reported, and
each call logged once.
"""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import ContentStatus, CostState
from montage_pipeline_tests.fakes import anthropic_server as claude
from montage_pipeline_tests.fakes import fal_server as fal
from montage_pipeline_tests.orchestration.paying import outcome_of


@pytest.mark.parametrize(
    ("fault", "code", "times"),
    [
        pytest.param(claude.Fault.rate_limited(1), "analysis_rate_limited", 1, id="429"),
        pytest.param(
            claude.Fault.server_error(),
            "analysis_unavailable",
            4,
            id="500 for good",
            marks=pytest.mark.slow,
        ),
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
        # An answer that was lost is booked as predicted; a budget keeps this much room above it.
        assert outcome.logged_usd * Decimal("1.15") >= anthropic.charged_usd
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
    outcome = outcome_of(with_fal, instance, user, clip, "music_track")
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


def test_a_failed_job_is_bought_again_and_costs_nothing(
    with_fal: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, queue: fal.FalServer
) -> None:
    queue.plan(fal.JobPlan(error="Out of memory", billed_units=None))
    outcome = outcome_of(with_fal, instance, user, clip, "music_track")
    assert (outcome.success, outcome.retries, len(queue.jobs)) == (True, 1, 2)
    assert [entry.cost_usd for entry in outcome.entries] == [0, queue.charged_usd]


@pytest.mark.slow
def test_a_job_that_always_fails_and_one_that_never_ends(
    with_fal: Settings, instance: dg.DagsterInstance, user: UUID, clip: Path, queue: fal.FalServer
) -> None:
    queue.plan(*[fal.JobPlan(error="Out of memory", billed_units=None)] * 4)
    failing = outcome_of(with_fal, instance, user, clip, "music_track")
    assert (failing.error["code"], failing.error["attempts"]) == ("music_failed", 4)
    assert failing.logged_usd == 0
    jobs_before = len(queue.jobs)
    queue.plan(fal.JobPlan(never=True))
    endless = outcome_of(
        with_fal.model_copy(update={"fal_timeout_s": 0.5}),
        instance,
        user,
        clip,
        "music_track",
    )
    assert (endless.error["code"], endless.error["attempts"]) == ("music_timeout", 4)
    assert len(queue.jobs) == jobs_before + 1, (
        "every attempt waits for the job that was bought first"
    )
    [entry] = endless.entries
    assert entry.provider_request_id == queue.jobs[-1].id
