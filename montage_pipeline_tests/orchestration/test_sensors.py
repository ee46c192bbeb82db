"""The request sensor picks up queued rows, and may be repeated or interrupted at any point."""

from datetime import UTC
from uuid import UUID

import dagster as dg
import pytest
from dagster._core.execution.plan.objects import StepSuccessData
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text

from montage_pipeline.composition import Services
from montage_pipeline.definitions import build_definitions
from montage_pipeline.orchestration.assets.rendered_video import FILE_CHECKS
from montage_pipeline.orchestration.partitions import REQUEST_TAG
from montage_pipeline.orchestration.sensors import request_sensor
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.vocabulary import RequestState, Step
from montage_pipeline_tests.clicks import REEL, click, next_requests


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
    created = click(library, user, style="travel", title="  Two days\nin Lisbon ")
    first, again = tick(services, instance), tick(services, instance)
    assert isinstance(first, dg.SensorResult)
    assert isinstance(again, dg.SensorResult)
    assert first.run_requests is not None
    [run] = first.run_requests
    assert run.run_key == f"{created.request_id}:1"
    now = next_requests(services.engine)[0].created_at.astimezone(UTC)
    assert run.partition_key == f"{now:%Y%m%d-%H%M}-travel-{str(created.request_id)[:8]}"
    assert run.tags[REQUEST_TAG] == str(created.request_id)
    assert run.tags["montage/content_item_id"] == str(created.content_item_id)
    assert run.tags["montage/user_id"] == str(user)
    assert run.tags["montage/style"] == "travel, square, 8 s"
    assert run.tags["montage/title"] == "Two days in Lisbon"
    assert first.dynamic_partitions_requests is not None
    assert list(first.dynamic_partitions_requests[0].partition_keys) == [run.partition_key]
    # A tick that is lost after its evaluation is simply repeated: the body changed nothing.
    assert again.run_requests == first.run_requests
    assert next_requests(services.engine)[0].state is RequestState.QUEUED


@pytest.mark.parametrize("only_plan", [False, True])
def test_a_run_has_its_steps_and_nothing_else(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    only_plan: bool,
) -> None:
    """The daily look at every Reel in the bucket is a check of one of these assets."""
    click(library, user, options=MontageOptions(plan_only=only_plan))
    result = tick(services, instance)
    assert isinstance(result, dg.SensorResult)
    [run] = result.run_requests or ()
    assert run.asset_selection is not None
    assert run.asset_check_keys is not None
    job = build_definitions(services.settings).resolve_job_def("montage")
    part = job.get_subset(
        asset_selection=set(run.asset_selection), asset_check_selection=set(run.asset_check_keys)
    )
    steps = [step.value for step in Step][: 3 if only_plan else None]
    assert {node.name for node in part.nodes} == set(steps)
    assert {key.name for key in run.asset_check_keys} == {
        name for name, _ in (() if only_plan else FILE_CHECKS.values())
    }


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
    assert [run.partition_key for run in result.run_requests or ()] == [older.partition_key]


def test_a_tick_fills_the_places_that_are_free(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = [click(library, user) for _ in range(4)]
    first = _keys(tick(services, instance))
    assert first == [one.partition_key for one in created[:2]]

    # A run that has not taken its request over yet holds a place, and is not asked for again.
    for one in created[:2]:
        tags = {
            REQUEST_TAG: str(one.request_id),
            "dagster/partition": one.partition_key,
            "dagster/run_key": f"{one.request_id}:1",
        }
        create_run_for_test(
            instance, job_name="montage", tags=tags, status=dg.DagsterRunStatus.STARTING
        )
    assert isinstance(tick(services, instance), dg.SkipReason)

    # It still holds the same place when it has, and none when its Reel is delivered.
    assert services.requests.start(created[0].request_id, "run")
    assert isinstance(tick(services, instance), dg.SkipReason)
    assert services.requests.succeed(created[0].request_id, "run", REEL)
    assert _keys(tick(services, instance)) == [created[2].partition_key]


def test_without_limits_a_tick_starts_as_many_as_it_can(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    changes = {"max_running": 0, "max_running_per_user": 0}
    unlimited = Services(services.settings.model_copy(update=changes))
    created = [click(library, user).partition_key for _ in range(27)]
    assert _keys(tick(unlimited, instance)) == created[:25]
    unlimited.close()


def _keys(result: dg.SensorResult | dg.SkipReason) -> list[str | None]:
    assert isinstance(result, dg.SensorResult), result
    return [run.partition_key for run in result.run_requests or ()]


def test_a_request_whose_run_died_goes_on_with_the_step_that_was_not_finished(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    tags = {"dagster/partition": created.partition_key}
    config = {"ops": {"rendered_video": {"config": {"text": "Hello"}}}}
    lost = create_run_for_test(
        instance,
        status=dg.DagsterRunStatus.FAILURE,
        tags=tags | {"dagster/run_key": f"{created.request_id}:1"},
        run_config=config,
    )
    for step in (Step.CLIP_ANALYSIS, Step.MUSIC_TRACK):
        _succeeded(instance, lost.run_id, step)
    # A person looked at something meanwhile: that run was not to deliver.
    create_run_for_test(
        instance,
        status=dg.DagsterRunStatus.SUCCESS,
        tags=tags,
        asset_selection=frozenset({dg.AssetKey(Step.CLIP_ANALYSIS.value)}),
    )
    services.requests.start(created.request_id, lost.run_id)
    services.requests.requeue(created.request_id, attempt=1, run_id=lost.run_id)

    result, again = tick(services, instance), tick(services, instance)
    assert isinstance(result, dg.SensorResult)
    assert isinstance(again, dg.SensorResult)
    [run] = result.run_requests or ()
    assert run.run_key == f"{created.request_id}:2"
    assert run.asset_selection == [
        dg.AssetKey(step.value)
        for step in (Step.EDIT_TIMELINE, Step.RENDERED_VIDEO, Step.R2_OBJECT)
    ]
    assert run.run_config == config
    # The run that is made of it changes nothing about what the next tick would ask for.
    create_run_for_test(instance, tags=tags | {"dagster/run_key": run.run_key})
    assert again.run_requests == result.run_requests


def _succeeded(instance: dg.DagsterInstance, run_id: str, step: Step) -> None:
    done = StepSuccessData(duration_ms=1.0)  # type: ignore[no-untyped-call]
    event = dg.DagsterEvent(
        "STEP_SUCCESS", "montage", step_key=step.value, event_specific_data=done
    )
    instance.report_dagster_event(event, run_id)
