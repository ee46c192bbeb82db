"""Sensors pick up, retire and settle requests, and may be repeated or interrupted at any point."""

from uuid import UUID

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text

from montage_pipeline.composition import Services
from montage_pipeline.definitions import build_definitions
from montage_pipeline.orchestration.outcomes import reconcile
from montage_pipeline.orchestration.sensors import REQUEST_TAG, request_sensor, retirement_sensor
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.vocabulary import ContentStatus, RequestState
from montage_pipeline_tests.clicks import click, finish
from montage_pipeline_tests.orchestration.conftest import add_partition


def tick(services: Services, instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(
        instance=instance,
        resources={"services": services},
        definitions=build_definitions(services.settings),
    )
    result = request_sensor(services.settings)(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_a_queued_row_becomes_a_partition_and_a_run(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    assert isinstance(tick(services, instance), dg.SkipReason)
    created = click(library, user)
    first, again = tick(services, instance), tick(services, instance)
    assert isinstance(first, dg.SensorResult)
    assert isinstance(again, dg.SensorResult)
    assert first.run_requests is not None
    [run] = first.run_requests
    assert run.run_key == f"{created.request_id}:1"
    assert run.partition_key == str(created.request_id)
    assert run.tags[REQUEST_TAG] == str(created.request_id)
    assert run.tags["montage/content_item_id"] == str(created.content_item_id)
    assert run.tags["montage/user_id"] == str(user)
    assert first.dynamic_partitions_requests is not None
    assert list(first.dynamic_partitions_requests[0].partition_keys) == [str(created.request_id)]
    # A tick that is lost after its evaluation is simply repeated: the body changed nothing.
    assert again.run_requests == first.run_requests
    assert services.requests.queued(10)[0].state is RequestState.QUEUED


def test_a_row_committed_late_is_not_passed_by(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    older = click(library, user)
    newer = click(library, user)
    # The older row becomes visible only after the newer one was handled.
    with services.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE montage_requests SET created_at = now() - interval '1 hour' WHERE id = :id"
            ),
            {"id": older.request_id},
        )
    services.requests.start(newer.request_id, "run")
    result = tick(services, instance)
    assert isinstance(result, dg.SensorResult)
    assert [run.partition_key for run in result.run_requests or ()] == [str(older.request_id)]


def test_at_most_25_rows_a_tick_oldest_first(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = [str(click(library, user).request_id) for _ in range(27)]
    result = tick(services, instance)
    assert isinstance(result, dg.SensorResult)
    assert [run.partition_key for run in result.run_requests or ()] == created[:25]


def test_partitions_retire_only_when_old_and_idle(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    old, old_but_running, fresh = (click(library, user) for _ in range(3))
    for created in (old, old_but_running, fresh):
        add_partition(instance, created)
        finish(services.requests, created.request_id)
    with services.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE montage_requests SET finished_at = now() - interval '99 days'"
                " WHERE id != :id"
            ),
            {"id": fresh.request_id},
        )
    create_run_for_test(
        instance,
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": str(old_but_running.request_id)},
    )
    context = dg.build_sensor_context(instance=instance, resources={"services": services})
    result = retirement_sensor(services.settings)(context)
    assert isinstance(result, dg.SensorResult)
    assert result.dynamic_partitions_requests is not None
    assert list(result.dynamic_partitions_requests[0].partition_keys) == [str(old.request_id)]


@pytest.mark.parametrize(
    ("status", "tags", "state", "item"),
    [
        (dg.DagsterRunStatus.STARTED, {}, RequestState.RUNNING, ContentStatus.GENERATING),
        (dg.DagsterRunStatus.STARTING, {}, RequestState.RUNNING, ContentStatus.GENERATING),
        (
            dg.DagsterRunStatus.FAILURE,
            {"dagster/will_retry": "true"},
            RequestState.RUNNING,
            ContentStatus.GENERATING,
        ),
        (
            dg.DagsterRunStatus.FAILURE,
            {"dagster/will_retry": "false"},
            RequestState.FAILED,
            ContentStatus.FAILED,
        ),
        (dg.DagsterRunStatus.FAILURE, {}, RequestState.FAILED, ContentStatus.FAILED),
        (dg.DagsterRunStatus.CANCELED, {}, RequestState.CANCELED, ContentStatus.FAILED),
        (dg.DagsterRunStatus.SUCCESS, {}, RequestState.QUEUED, ContentStatus.GENERATING),
        (None, {}, RequestState.QUEUED, ContentStatus.GENERATING),
    ],
)
def test_reconciliation_settles_what_events_missed(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    status: dg.DagsterRunStatus | None,
    tags: dict[str, str],
    state: RequestState,
    item: ContentStatus,
) -> None:
    created = click(library, user)
    run_id = "11111111-1111-4111-8111-111111111111"
    if status is not None:
        create_run_for_test(
            instance,
            run_id=run_id,
            status=status,
            tags={"dagster/partition": str(created.request_id)} | tags,
        )
    services.requests.start(created.request_id, run_id)
    request = services.requests.get_request(created.request_id)
    assert request is not None
    changed = reconcile(instance, services, request)
    after, shown = (
        services.requests.get_request(created.request_id),
        library.get_item(user, created.content_item_id),
    )
    assert after is not None
    assert shown is not None
    assert (after.state, shown.status) == (state, item)
    assert changed == (state is not RequestState.RUNNING)
    if state is RequestState.QUEUED:
        assert after.attempt == 2
    if state is RequestState.FAILED:
        assert (after.error or {})["code"] == "run_crashed"


def test_a_run_lost_again_and_again_ends_as_failed(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    for number in range(3):
        services.requests.start(created.request_id, f"lost-{number}")
        request = services.requests.get_request(created.request_id)
        assert request is not None
        assert reconcile(instance, services, request)
    item = library.get_item(user, created.content_item_id)
    assert item is not None
    assert item.status is ContentStatus.FAILED
    assert "lost 3 times" in (item.error or {})["message"]
