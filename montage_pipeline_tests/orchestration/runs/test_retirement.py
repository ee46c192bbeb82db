"""Old partitions are retired, those that may still be needed are not, however many there are."""

from datetime import timedelta
from uuid import UUID, uuid4

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.retirement import idle_partitions, retirement_sensor
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline_tests.clicks import click, finish
from montage_pipeline_tests.orchestration.conftest import add_partition


def test_partitions_retire_only_when_old_and_idle(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    old, old_but_running, fresh, under_way = (click(library, user) for _ in range(4))
    for created in (old, old_but_running, fresh, under_way):
        add_partition(instance, created)
    for created in (old, old_but_running, fresh):
        finish(services.requests, created.request_id)
    with services.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE montage_requests SET finished_at = now() - interval '99 days'"
                " WHERE id IN (:old, :running)"
            ),
            {"old": old.request_id, "running": old_but_running.request_id},
        )
    create_run_for_test(
        instance,
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": old_but_running.partition_key},
    )
    context = dg.build_sensor_context(instance=instance, resources={"services": services})
    retirement_sensor(services.settings)(context)
    kept = {created.partition_key for created in (old_but_running, fresh, under_way)}
    assert set(instance.get_dynamic_partitions("montage_requests")) == kept


def test_the_oldest_beyond_a_bound_retire_once_they_are_over(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    under_way, *over = (click(library, user) for _ in range(6))
    for created in (under_way, *over):
        add_partition(instance, created)
    for created in over:
        finish(services.requests, created.request_id)
    just_ended = over[0]
    with services.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE montage_requests SET finished_at = now() - interval '2 hours'"
                " WHERE state = 'succeeded' AND id <> :id"
            ),
            {"id": just_ended.request_id},
        )

    settings = services.settings.model_copy(update={"partition_max": 2})
    context = dg.build_sensor_context(instance=instance, resources={"services": services})
    retirement_sensor(settings)(context)
    # Beyond the newest two, what is under way and what ended a moment ago stay all the same.
    kept = [created.partition_key for created in (under_way, just_ended, *over[-2:])]
    assert instance.get_dynamic_partitions("montage_requests") == kept


@pytest.mark.slow
def test_seventy_thousand_partitions_retire_at_once(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    kept = add_partition(instance, click(library, user))
    # More than a query of Postgres may have parameters.
    gone = [str(uuid4()) for _ in range(70_000)]
    for begin in range(0, len(gone), 10_000):
        instance.add_dynamic_partitions("montage_requests", gone[begin : begin + 10_000])
    instance.add_dynamic_partitions("somebody_elses", gone[:1])

    assert len(idle_partitions(instance, services, timedelta(days=30), 20_000)) == len(gone)
    context = dg.build_sensor_context(instance=instance, resources={"services": services})
    retirement_sensor(services.settings)(context)
    assert instance.get_dynamic_partitions("montage_requests") == [kept]
    assert instance.get_dynamic_partitions("somebody_elses") == gone[:1]
