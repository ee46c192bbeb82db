"""What a failing step does to its request and its retries."""

from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.composition import Services
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.vocabulary import ContentStatus, RequestState
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    retries_of,
    run_montage,
)


def test_a_fault_is_retried_three_times_then_the_item_says_why(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user, "http://127.0.0.1:9/never-answers.mp4")
    result = run_montage(services, instance, add_partition(instance, created))
    assert not result.success
    assert retries_of(result) == 3
    item = item_of(library, user, created)
    assert item.status is ContentStatus.FAILED
    assert item.error is not None
    assert item.error["code"] == "clip_fetch_failed"
    assert item.error["step"] == "clip_analysis"
    assert item.error["attempts"] == 4
    assert item.error["run_id"] == result.run_id
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert request.state is RequestState.FAILED


def test_bad_input_fails_at_once(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    (tmp_path / "notes.mp4").write_text("<html>not a video</html>" * 100)
    created = click(library, user, (tmp_path / "notes.mp4").as_uri())
    result = run_montage(services, instance, add_partition(instance, created))
    assert not result.success
    assert retries_of(result) == 0
    error = error_of(library, user, created)
    assert (error["code"], error["attempts"]) == ("no_usable_clips", 1)
    assert "notes.mp4" in error["message"]


@pytest.mark.parametrize(
    ("where", "person"),
    [
        pytest.param((LocalAnalyst, "analyse"), True, id="work-person"),
        pytest.param((RequestLifecycle, "progress"), False, id="progress"),
        pytest.param((LocalAnalyst, "analyse"), False, id="work", marks=pytest.mark.slow),
        pytest.param(
            (RequestLifecycle, "progress"), True, id="progress-person", marks=pytest.mark.slow
        ),
    ],
)
def test_a_stop_that_a_driver_hides_is_a_stop(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    where: tuple[type, str],
    person: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stop that comes in the middle of a query is raised as the failure to give the connection
    back; whoever stopped it is not to see the run go on.
    """

    def stopped(*_: object, **__: object) -> None:
        if person:
            assert services.requests.withdraw(created.request_id)
        try:
            raise dg.DagsterExecutionInterruptedError
        finally:
            raise OperationalError("SELECT 1", None, Exception("status ACTIVE"))

    created = click(library, user, clip.as_uri())
    monkeypatch.setattr(*where, stopped)
    result = run_montage(services, instance, add_partition(instance, created))
    assert (result.success, retries_of(result)) == (False, 0)
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert request.state is (RequestState.CANCELED if person else RequestState.QUEUED)
    assert request.lost_runs == 0


def test_a_request_under_way_elsewhere_is_left_alone(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    services.requests.start(created.request_id, "somebody-else")
    result = run_montage(services, instance, add_partition(instance, created))
    assert not result.success
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert (request.state, request.run_id) == (RequestState.RUNNING, "somebody-else")


@pytest.mark.parametrize("key", ["not-a-uuid", "00000000-0000-4000-8000-000000000000"])
def test_a_partition_without_a_request_fails_with_a_sentence(
    services: Services, instance: dg.DagsterInstance, key: str
) -> None:
    instance.add_dynamic_partitions("montage_requests", [key])
    result = run_montage(services, instance, key)
    assert not result.success
    assert retries_of(result) == 0
