"""The sensor that brings requests in.

Does not belong here: what becomes of a request whose run has ended (`outcomes`).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster import ResourceParam, SensorEvaluationContext

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.assets.rendered_video import FILE_CHECKS
from montage_pipeline.orchestration.jobs import montage
from montage_pipeline.orchestration.partitions import montage_requests, tags_of
from montage_pipeline.orchestration.runs import (
    LIVE,
    attempt_number_of,
    request_id_of,
    run_key_of,
    runs_of,
    steps_left,
    steps_of,
)
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.requests.queue.turns import Attempted
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step

MAX_RUNS_PER_TICK = 25
"""A tick has 60 s, and each run takes the daemon about a second to create."""

REQUEST_SENSOR = "montage_requests"


def default_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Sensors run by themselves, except without a database, where they could only fail."""
    if settings.database_url:
        return dg.DefaultSensorStatus.RUNNING
    return dg.DefaultSensorStatus.STOPPED


def request_sensor(settings: Settings) -> dg.SensorDefinition:
    """Queued rows become partitions and runs, as many as there are places for, in fair order. One
    whose run died goes on with the step that was not finished.

    Rows are chosen by state, so one that was committed late is not passed over; a row leaves
    `queued` only when its run starts, so a daemon that dies in between loses nothing.
    """

    @dg.sensor(
        name=REQUEST_SENSOR,
        job=montage,
        minimum_interval_seconds=settings.sensor_interval_s,
        default_status=default_status(settings),
        description="Starts queued montage requests, in fair order between users.",
    )
    def montage_request_sensor(
        context: SensorEvaluationContext, services: ResourceParam[Services]
    ) -> dg.SensorResult | dg.SkipReason:
        # First the runs, then the rows: a run that takes its request over meanwhile is among both.
        ids = services.turns.next(starting(context.instance), MAX_RUNS_PER_TICK)
        next_ones = services.requests.get_requests(ids)
        if not next_ones:
            return dg.SkipReason("No request is queued, or every place is taken.")
        keys = [request.partition_key for request in next_ones]
        titles = services.requests.titles([request.content_item_id for request in next_ones])
        return dg.SensorResult(
            run_requests=[
                _run_request(context.instance, request, titles.get(request.content_item_id))
                for request in next_ones
            ],
            dynamic_partitions_requests=[montage_requests.build_add_request(keys)],
        )

    return montage_request_sensor


def starting(instance: dg.DagsterInstance) -> list[Attempted]:
    """The attempts of requests that have a run, which may not have taken them over yet."""
    runs = instance.get_runs(dg.RunsFilter(job_name=montage.name, statuses=LIVE))
    attempts = ((request_id_of(run), attempt_number_of(run)) for run in runs)
    return [
        Attempted(request_id, number)
        for request_id, number in attempts
        if request_id is not None and number is not None
    ]


def _run_request(
    instance: dg.DagsterInstance, request: MontageRequest, title: str | None
) -> dg.RunRequest:
    lost = _lost_run(instance, request) if request.attempt > 1 else None
    left = steps_left(instance, lost) if lost else []
    steps = left or request.steps
    return dg.RunRequest(
        run_key=run_key_of(request),
        partition_key=request.partition_key,
        asset_selection=[dg.AssetKey(step.value) for step in steps],
        asset_check_keys=_file_checks(steps),
        run_config=_config_for(lost, left) if lost and left else None,
        tags=tags_of(request, title),
    )


def _file_checks(steps: Sequence[Step]) -> list[dg.AssetCheckKey]:
    """The checks that belong to these steps. Without a list Dagster takes every check of the
    assets, and so each Reel would look for all that were ever delivered.
    """
    if Step.RENDERED_VIDEO not in steps:
        return []
    video = dg.AssetKey(Step.RENDERED_VIDEO.value)
    return [dg.AssetCheckKey(video, name) for name, _ in FILE_CHECKS.values()]


def _lost_run(instance: dg.DagsterInstance, request: MontageRequest) -> dg.DagsterRun | None:
    """The run that this attempt goes on from: the newest that was to deliver."""
    for run in runs_of(instance, request.partition_key):
        if attempt_number_of(run) != request.attempt and request.steps[-1] in steps_of(run):
            return run
    return None


def _config_for(lost: dg.DagsterRun, left: Sequence[Step]) -> dict[str, Any]:
    """What the lost run was told, as far as it concerns these steps."""
    told: dict[str, Any] = dict(lost.run_config)
    steps = {name: value for name, value in told.get("ops", {}).items() if name in list(left)}
    return told | {"ops": steps} if "ops" in told else told
