"""The sensors that bring requests in and take old partitions out.

Does not belong here: what becomes of a request whose run has ended (`outcomes`).
"""

from datetime import timedelta
from uuid import UUID

import dagster as dg
from dagster import ResourceParam, SensorEvaluationContext

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.jobs import montage
from montage_pipeline.orchestration.partitions import montage_requests
from montage_pipeline.orchestration.runs import runs_of
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.settings import Settings

REQUEST_TAG = "montage/request_id"
ITEM_TAG = "montage/content_item_id"
USER_TAG = "montage/user_id"

MAX_RUNS_PER_TICK = 25
"""A tick has 60 s, and each run takes the daemon about a second to create."""

MAX_RETIRED_PER_TICK = 100
"""Well within the 60 s of a tick; more wait for the next hour."""

_RETIRE_EVERY_S = 3600


def default_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Sensors run by themselves, except without a database, where they could only fail."""
    if settings.database_url:
        return dg.DefaultSensorStatus.RUNNING
    return dg.DefaultSensorStatus.STOPPED


def run_key_of(request: MontageRequest) -> str:
    """The same for the same attempt, so that a repeated tick starts nothing twice."""
    return f"{request.id}:{request.attempt}"


def request_sensor(settings: Settings) -> dg.SensorDefinition:
    """Queued rows become partitions and runs.

    Rows are chosen by state, so one that was committed late is not passed over; a row leaves
    `queued` only when its run starts, so a daemon that dies in between loses nothing.
    """

    @dg.sensor(
        name="montage_requests",
        job=montage,
        minimum_interval_seconds=settings.sensor_interval_s,
        default_status=default_status(settings),
        description="Starts a run for every queued montage request.",
    )
    def montage_request_sensor(
        services: ResourceParam[Services],
    ) -> dg.SensorResult | dg.SkipReason:
        queued = services.requests.queued(MAX_RUNS_PER_TICK)
        if not queued:
            return dg.SkipReason("No request is queued.")
        keys = [str(request.id) for request in queued]
        return dg.SensorResult(
            run_requests=[_run_request(request) for request in queued],
            dynamic_partitions_requests=[montage_requests.build_add_request(keys)],
        )

    return montage_request_sensor


def retirement_sensor(settings: Settings) -> dg.SensorDefinition:
    """Bounds the number of live partitions: Dagster's caches are rebuilt from all of them."""
    days = settings.partition_retention_days

    @dg.sensor(
        name="partition_retirement",
        minimum_interval_seconds=_RETIRE_EVERY_S,
        default_status=default_status(settings),
        description=f"Removes partitions of requests that ended more than {days} days ago; "
        "their rows stay.",
    )
    def partition_retirement_sensor(
        context: SensorEvaluationContext, services: ResourceParam[Services]
    ) -> dg.SensorResult | dg.SkipReason:
        idle = _idle_partitions(context.instance, services, timedelta(days=days))
        if not idle:
            return dg.SkipReason("No partition is old enough.")
        retired = montage_requests.build_delete_request(idle[:MAX_RETIRED_PER_TICK])
        return dg.SensorResult(dynamic_partitions_requests=[retired])

    return partition_retirement_sensor


def _run_request(request: MontageRequest) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=run_key_of(request),
        partition_key=str(request.id),
        tags={
            REQUEST_TAG: str(request.id),
            ITEM_TAG: str(request.content_item_id),
            USER_TAG: str(request.user_id),
        },
    )


def _idle_partitions(instance: dg.DagsterInstance, services: Services, age: timedelta) -> list[str]:
    """Keys of partitions whose requests ended longer ago than `age` and that no run works on: a run
    that loses its partition dies when it stores its output.
    """
    assert montage_requests.name is not None
    keys = {UUID(key): key for key in instance.get_dynamic_partitions(montage_requests.name)}
    old = services.requests.finished_before(list(keys), age)
    return [
        keys[request_id]
        for request_id in sorted(old)
        if not runs_of(instance, keys[request_id], live=True, limit=1)
    ]
