"""A canceled request stays canceled: its run ends, and no run of before takes it up again."""

import threading
import time
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.composition import Services
from montage_pipeline.orchestration import lease
from montage_pipeline.orchestration.attempts import RETRY_NUMBER_TAG, Attempt
from montage_pipeline.orchestration.lost_runs import settle_lost_runs
from montage_pipeline.orchestration.partitions import PARTITION_TAG, REQUEST_TAG
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.vocabulary import RequestState, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    retries_of,
    run_montage,
    store_analysis,
)


def _state(services: Services, created: CreatedRequest) -> RequestState:
    request = services.requests.get_request(created.request_id)
    assert request is not None
    return request.state


def test_a_run_ends_when_its_request_is_canceled(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "POLL_INTERVAL_S", 0.05)
    created = click(library, user, clip.as_uri())

    def cancel() -> None:
        while item_of(library, user, created).progress_step is None:
            time.sleep(0.05)
        services.requests.withdraw(created.request_id)

    thread = threading.Thread(target=cancel)
    thread.start()
    result = run_montage(services, instance, add_partition(instance, created))
    thread.join()
    assert not result.success
    assert retries_of(result) == 0
    assert _state(services, created) is RequestState.CANCELED
    assert error_of(library, user, created)["code"] == "canceled"
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["montage/outcome"] == "stopped by somebody: canceled"
    assert services.store.head(f"work/{created.request_id}/{Step.RENDERED_VIDEO}.json") is None


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({RETRY_NUMBER_TAG: "1"}, id="retry"),
        pytest.param({"dagster/run_key": "{request_id}:1"}, id="by the sensor, which was at it"),
        pytest.param(None, id="by a person", marks=pytest.mark.slow),
    ],
)
def test_only_a_person_takes_a_canceled_request_up_again(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    tags: dict[str, str] | None,
) -> None:
    # A preview: whether anything is made is what matters.
    options = MontageOptions(preview=True)
    created = click(library, user, clip.as_uri(), options=options)
    store_analysis(services, created, clip)
    assert services.requests.withdraw(created.request_id)
    time.sleep(1)  # this instance notes the second in which a run was made, not more
    partition = add_partition(instance, created)
    told = {name: tag.format(request_id=created.request_id) for name, tag in (tags or {}).items()}
    left = [step for step in Step if step is not Step.CLIP_ANALYSIS]
    result = run_montage(services, instance, partition, *left, tags=told)
    wanted = tags is None
    assert result.success is wanted
    assert (_state(services, created) is RequestState.SUCCEEDED) is wanted


def test_lost_runs_of_canceled_requests_are_not_retried(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    runs = {}
    for canceled in (True, False):
        created = click(library, user)
        tags = {PARTITION_TAG: created.partition_key, REQUEST_TAG: str(created.request_id)}
        run = instance.create_run_for_job(_job(), tags=tags)
        _start(instance, run)
        if canceled:
            services.requests.withdraw(created.request_id)
        runs[canceled] = run.run_id
    assert settle_lost_runs(instance, services) == 2
    ended = {canceled: instance.get_run_by_id(run_id) for canceled, run_id in runs.items()}
    assert {canceled: run and run.status for canceled, run in ended.items()} == {
        True: dg.DagsterRunStatus.CANCELED,
        False: dg.DagsterRunStatus.FAILURE,
    }


@pytest.mark.parametrize(
    ("limit", "told"),
    [("MAX_RUNTIME_S", "was not over after"), ("MAX_SILENCE_S", "said nothing for")],
)
def test_a_run_that_gets_nowhere_ends_itself_by_a_clock_that_nobody_sets(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    told: str,
) -> None:
    """Dagster's own limit goes by the time of day, and cancels."""
    ended = threading.Event()
    monkeypatch.setattr(lease, "_owned", True)
    monkeypatch.setattr(lease, "_end_children", lambda: None)
    monkeypatch.setattr("os._exit", lambda status: ended.set())
    monkeypatch.setattr(lease, "POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr(lease, limit, 0.5)
    created = click(library, user)
    request = services.requests.get_request(created.request_id)
    assert request is not None
    run = instance.create_run_for_job(_job())
    _start(instance, run)
    attempt = Attempt(Step.CLIP_ANALYSIS, created.partition_key, 1, None, run, instance)
    held = lease.hold(attempt, services, request, tracked=False)
    deadline_s = time.monotonic() + 60
    with held.working():
        while not ended.is_set() and time.monotonic() < deadline_s:
            time.sleep(0.05)
            if limit == "MAX_RUNTIME_S":
                held.heard()
    assert ended.is_set()
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
    [failure] = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert failure.dagster_event is not None
    assert told in (failure.dagster_event.message or "")


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def montage() -> None:
        nothing()

    return montage


def _start(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, run.job_name), run.run_id
    )
