"""The sensors that bring requests in and take old partitions out."""

from datetime import timedelta
from uuid import UUID

import dagster as dg
from dagster import ResourceParam, SensorEvaluationContext

from montage_pipeline.orchestration.jobs import montage
from montage_pipeline.orchestration.partitions import montage_requests
from montage_pipeline.orchestration.services import Services
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.settings import Settings

REQUEST_TAG = "montage/request_id"
ITEM_TAG = "montage/content_item_id"
USER_TAG = "montage/user_id"

# A tick has 60 s, and each run takes the daemon about a second to create.
_MOST_RUNS_PER_TICK = 25
_MOST_RETIRED_PER_TICK = 100


def run_key_of(request: MontageRequest) -> str:
    """The same for the same attempt, so that a repeated tick starts nothing twice."""
    return f"{request.id}:{request.attempt}"


def request_sensor(settings: Settings) -> dg.SensorDefinition:
    """Queued rows become partitions and runs.

    Rows are chosen by state, so one that was committed late is not passed by; the row leaves
    `queued` only when
    its run starts, so a daemon that dies in between loses nothing.
    """

    @dg.sensor(
        name="montage_requests",
        job=montage,
        minimum_interval_seconds=settings.sensor_interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run for every queued montage request.",
    )
    def montage_request_sensor(
        services: ResourceParam[Services],
    ) -> dg.SensorResult | dg.SkipReason:
        queued = services.requests.queued(_MOST_RUNS_PER_TICK)
        if not queued:
            return dg.SkipReason("No request is queued.")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=run_key_of(request),
                    partition_key=str(request.id),
                    tags={
                        REQUEST_TAG: str(request.id),
                        ITEM_TAG: str(request.content_item_id),
                        USER_TAG: str(request.user_id),
                    },
                )
                for request in queued
            ],
            dynamic_partitions_requests=[
                montage_requests.build_add_request([str(request.id) for request in queued])
            ],
        )

    return montage_request_sensor


def retirement_sensor(settings: Settings) -> dg.SensorDefinition:
    """Keeps the number of live partitions bounded:

    Dagster's caches are rebuilt from all of them.
    """

    @dg.sensor(
        name="partition_retirement",
        minimum_interval_seconds=3600,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Removes partitions of requests that ended more than {settings.partition_retention_days} days ago; their rows stay.",
    )
    def partition_retirement_sensor(
        context: SensorEvaluationContext, services: ResourceParam[Services]
    ) -> dg.SensorResult | dg.SkipReason:
        assert montage_requests.name is not None
        keys = {
            UUID(key): key for key in context.instance.get_dynamic_partitions(montage_requests.name)
        }
        old = services.requests.finished_before(
            list(keys), timedelta(days=settings.partition_retention_days)
        )
        # A run that loses its partition under way dies when it stores its output.
        idle = [
            keys[request_id]
            for request_id in sorted(old)
            if not _has_live_run(context.instance, keys[request_id])
        ]
        if not idle:
            return dg.SkipReason("No partition is old enough.")
        return dg.SensorResult(
            dynamic_partitions_requests=[
                montage_requests.build_delete_request(idle[:_MOST_RETIRED_PER_TICK])
            ]
        )

    return partition_retirement_sensor


def _has_live_run(instance: dg.DagsterInstance, partition_key: str) -> bool:
    live = [status for status in dg.DagsterRunStatus if status not in _FINISHED]
    return bool(
        instance.get_runs(
            dg.RunsFilter(tags={"dagster/partition": partition_key}, statuses=live), limit=1
        )
    )


_FINISHED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
