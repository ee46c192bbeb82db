"""What the events of a run that failed do to its request, with real runs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from dagster._core.loader import LoadingContextForTest
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionResolvedStatus as CheckStatus,
)
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.orchestration.assets.rendered_video import FILE_CHECKS
from montage_pipeline.orchestration.documents import DocumentIOManager
from montage_pipeline.orchestration.outcomes import run_failed_sensor
from montage_pipeline.orchestration.partitions import montage_requests
from montage_pipeline.records import Record
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import ContentItem, CreatedRequest, MontageRequest
from montage_pipeline.storage.store_errors import StoreErrors
from montage_pipeline.vocabulary import ContentStatus, RequestState, Step
from montage_pipeline_tests.clicks import click, next_requests
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    retries_of,
    run_montage,
    store_analysis,
)


class Disturbed(DocumentIOManager):
    """Does something once a step's document is stored."""

    def __init__(self, services: Services, step: Step, disturb: Any) -> None:
        super().__init__(services)
        self._step_name, self._disturb = step.value, disturb

    def handle_output(self, context: dg.OutputContext, obj: Record) -> None:
        super().handle_output(context, obj)
        if context.asset_key.path[-1] == self._step_name:
            self._disturb()


class AwayDocuments(DocumentIOManager):
    """Documents of a store that is away."""

    def _read(self, context: dg.InputContext) -> Record:
        raise MontageError(ErrorCode.STORE_UNAVAILABLE, "The store takes a nap.")


def settle(
    services: Services, instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult
) -> None:
    """What the daemon does once the run has failed."""
    run = instance.get_run_by_id(result.run_id)
    [failure] = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert run is not None
    assert failure.dagster_event is not None
    context = dg.build_run_status_sensor_context(
        sensor_name="montage_run_failed",
        dagster_event=failure.dagster_event,
        dagster_instance=instance,
        dagster_run=run,
        resources={"services": services},
    ).for_run_failure()
    run_failed_sensor(services.settings)(context)


@dataclass
class Clicked:
    """A request for a Reel of one clip, and what becomes of it."""

    services: Services
    library: ContentLibrary
    instance: dg.DagsterInstance
    user: UUID
    created: CreatedRequest
    partition: str
    clip: Path

    @property
    def item(self) -> ContentItem:
        """As its owner sees it now."""
        return item_of(self.library, self.user, self.created)

    @property
    def error(self) -> dict[str, Any]:
        """What its owner is told."""
        return error_of(self.library, self.user, self.created)

    @property
    def request(self) -> MontageRequest:
        """As the pipeline sees it now."""
        request = self.services.requests.get_request(self.created.request_id)
        assert request is not None
        return request

    def fails(
        self, after: Step, disturb: Callable[[], None], *steps: Step
    ) -> dg.ExecuteInProcessResult:
        """A run of these steps, or all, that is disturbed after one and fails."""
        documents = Disturbed(self.services, after, disturb)
        result = run_montage(
            self.services, self.instance, self.partition, *steps, documents=documents
        )
        assert not result.success
        return result

    def analysed(self) -> list[Step]:
        """The steps that are left once the clip has been analysed, which is what takes longest."""
        store_analysis(self.services, self.created, self.clip)
        return [step for step in Step if step is not Step.CLIP_ANALYSIS]

    def settle(self, result: dg.ExecuteInProcessResult) -> None:
        """What the daemon does then."""
        settle(self.services, self.instance, result)


@pytest.fixture
def clicked(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
) -> Clicked:
    """A request that has its partition, and no run yet."""
    created = click(library, user, clip.as_uri())
    partition = add_partition(instance, created)
    return Clicked(services, library, instance, user, created, partition, clip)


def test_a_partition_deleted_meanwhile_is_told_in_a_sentence(clicked: Clicked) -> None:
    assert montage_requests.name is not None

    def delete() -> None:
        clicked.instance.delete_dynamic_partition("montage_requests", clicked.partition)

    clicked.settle(clicked.fails(Step.CLIP_ANALYSIS, delete))
    assert (clicked.error["code"], clicked.error["step"]) == ("partition_deleted", "music_track")
    assert "deleted in Dagster" in clicked.error["message"]


def test_a_shutdown_in_code_of_dagster_gives_the_request_to_another_run(clicked: Clicked) -> None:
    def stop() -> None:
        try:
            raise dg.DagsterExecutionInterruptedError
        finally:
            raise ProgrammingError("SELECT 1", None, Exception("status ACTIVE"))

    clicked.settle(clicked.fails(Step.CLIP_ANALYSIS, stop))
    assert (clicked.request.state, clicked.request.attempt) == (RequestState.QUEUED, 2)


def test_only_what_is_to_be_mended_here_stays_red(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    bad_input = click(library, user, "file:///nowhere/at-all.mp4")
    result = run_montage(services, instance, add_partition(instance, bad_input))
    assert not result.success
    assert _failed_partitions(instance) == {bad_input.partition_key}
    assert _check_statuses(instance) == {CheckStatus.EXECUTION_FAILED}
    settle(services, instance, result)
    assert _failed_partitions(instance) == set()
    assert _check_statuses(instance) == set()
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["montage/outcome"] == "the user's input: no_usable_clips"

    ours = click(library, user)
    left = [step for step in Step if step is not Step.CLIP_ANALYSIS]
    result = run_montage(services, instance, add_partition(instance, ours), *left)
    settle(services, instance, result)
    assert error_of(library, user, ours)["code"] == "missing_input"
    assert _failed_partitions(instance, Step.MUSIC_TRACK) == {ours.partition_key}
    assert _check_statuses(instance) == {CheckStatus.EXECUTION_FAILED}


def _failed_partitions(instance: dg.DagsterInstance, step: Step = Step.CLIP_ANALYSIS) -> set[str]:
    """What the page of the asset shows red."""
    status = get_and_update_asset_status_cache_value(
        instance, dg.AssetKey(step.value), montage_requests, dynamic_partitions_loader=instance
    )
    assert status is not None
    return set(status.deserialize_failed_partition_subsets(montage_requests).get_partition_keys())


def _check_statuses(instance: dg.DagsterInstance) -> set[CheckStatus]:
    """What the pages of the file's checks say of their last run."""
    video = dg.AssetKey(Step.RENDERED_VIDEO.value)
    checks = [dg.AssetCheckKey(video, name) for name, _ in FILE_CHECKS.values()]
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    context = LoadingContextForTest(instance)
    return {asyncio.run(record.resolve_status(context)) for record in found.values()}


def test_a_delivered_reel_stays_though_its_last_step_could_not_end(clicked: Clicked) -> None:
    """The step is tried again after the delivery, in the same run; the item never moves back."""
    seen: list[ContentStatus] = []

    def store_goes_away() -> None:
        seen.append(clicked.item.status)
        with StoreErrors("bucket").translated("store"):
            from botocore.exceptions import EndpointConnectionError

            raise EndpointConnectionError(endpoint_url="url")

    result = clicked.fails(Step.R2_OBJECT, store_goes_away, *clicked.analysed())
    assert set(seen) == {ContentStatus.DRAFT}
    delivered = clicked.item
    assert (delivered.status, delivered.progress_percent) == (ContentStatus.DRAFT, 100)
    clicked.settle(result)
    assert clicked.item == delivered
    assert (clicked.request.state, clicked.request.attempt) == (RequestState.SUCCEEDED, 1)


@pytest.mark.slow
def test_a_good_reel_stays_when_making_it_again_fails(clicked: Clicked) -> None:
    left = clicked.analysed()
    assert run_montage(clicked.services, clicked.instance, clicked.partition, *left).success
    good = clicked.item
    assert good.status is ContentStatus.DRAFT

    def breaks() -> None:
        assert clicked.item.status is ContentStatus.DRAFT
        raise dg.Failure("broken", allow_retries=False)

    result = clicked.fails(Step.RENDERED_VIDEO, breaks, Step.RENDERED_VIDEO, Step.R2_OBJECT)
    assert clicked.request.run_id == result.run_id, "it must have taken the request over"
    clicked.settle(result)
    # Whoever watches is told of the run that began; nothing came of it.
    assert clicked.item == good.model_copy(update={"revision": clicked.item.revision})


def test_a_store_that_is_away_is_waited_for_outside_a_slot(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    partition = add_partition(instance, created)
    documents = AwayDocuments(services)
    left = [step for step in Step if step is not Step.CLIP_ANALYSIS]
    # The retries of the step first, in place; then one try after each longer pause.
    for attempt, pause_s, retries in ((1, 30, 3), (2, 60, 0), (3, 120, 0), (4, 120, 0), (5, 0, 0)):
        with services.engine.begin() as connection:
            # Meanwhile the pause is over.
            connection.execute(text("UPDATE montage_requests SET not_before = NULL"))
        result = run_montage(services, instance, partition, *left, documents=documents)
        assert (result.success, retries_of(result)) == (False, retries)
        if not pause_s:
            break
        request = services.requests.get_request(created.request_id)
        assert request is not None
        assert (request.state, request.attempt) == (RequestState.QUEUED, attempt + 1)
        assert request.lost_runs == 0
        assert next_requests(services.engine) == []
        with services.engine.connect() as connection:
            left_s = connection.scalar(
                text("SELECT extract(epoch FROM not_before - now()) FROM montage_requests")
            )
        assert float(left_s) == pytest.approx(pause_s, abs=10)
    error = error_of(library, user, created)
    assert (error["code"], error["attempts"]) == ("store_unavailable", 8)
