"""What happens to a request when its run ends, is stopped, or is lost.

A step that fails for good marks its request itself. Here is what it cannot do: runs that crashed,
were stopped
by a person, never launched, or vanished. Two sensors follow Dagster's events; because events can be
missed,
a third compares the rows with the runs.
"""

import time
from datetime import timedelta
from uuid import UUID

import dagster as dg
from dagster import (
    ResourceParam,
    RunFailureSensorContext,
    RunStatusSensorContext,
    SensorEvaluationContext,
)

from montage_pipeline import logs
from montage_pipeline.errors import ErrorCode
from montage_pipeline.orchestration.services import Services
from montage_pipeline.requests.model import MontageRequest, RequestFailure
from montage_pipeline.vocabulary import RequestState, Step

_WILL_RETRY_TAG = "dagster/will_retry"
_DECISION_S = 5.0
_RECONCILE_EVERY_S = 30
# Longer than a healthy daemon needs to notice a row, or a failed run's retry to be created.
_GRACE = timedelta(seconds=90)
_MOST_ATTEMPTS = 3
_MOST_ROWS_PER_TICK = 50
_LIVE = tuple(
    status
    for status in dg.DagsterRunStatus
    if status
    not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
)

log = logs.get_logger(__name__)


def _request_id(run: dg.DagsterRun) -> UUID | None:
    key = run.tags.get("dagster/partition")
    try:
        return UUID(key) if key else None
    except ValueError:
        return None


def _will_retry(run: dg.DagsterRun) -> bool:
    return run.tags.get(_WILL_RETRY_TAG) == "true"


def _will_be_retried(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether Dagster starts this failed run again.

    Dagster tags the run with its decision a moment after it stores the failure, and a sensor can be
    in between.
    """
    deadline = time.monotonic() + _DECISION_S
    while (
        instance.run_retries_enabled
        and _WILL_RETRY_TAG not in run.tags
        and time.monotonic() < deadline
    ):
        time.sleep(0.2)
        run = instance.get_run_by_id(run.run_id) or run
    return _will_retry(run)


def crash_of(
    run_id: str | None,
    attempts: int,
    message: str = "The run ended without finishing; its process was lost.",
) -> RequestFailure:
    """The failure to store for a run that could not say anything itself."""
    return RequestFailure(
        code=ErrorCode.RUN_CRASHED, message=message, step=None, attempts=attempts, run_id=run_id
    )


def _failure_of(context: RunFailureSensorContext) -> RequestFailure:
    """A step that failed outside its own body (storing its output, say) is named with its reason;
    else the run crashed.
    """
    run_id = context.dagster_run.run_id
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        if event.step_key in list(Step) and error is not None:
            reason = logs.hide_secrets((error.cause or error).message.strip())
            return RequestFailure(
                code=ErrorCode.STEP_FAILED,
                message=reason,
                step=Step(event.step_key),
                attempts=1,
                run_id=run_id,
            )
    group = context.instance.get_run_group(run_id)
    return crash_of(run_id, len(list(group[1])) if group else 1)


@dg.run_failure_sensor(
    name="montage_run_failed",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks a request as failed when its run failed and will not be retried.",
)
def run_failed_sensor(
    context: RunFailureSensorContext, services: ResourceParam[Services]
) -> dg.SkipReason | None:
    run = context.dagster_run
    request_id = _request_id(run)
    if request_id is None or _will_be_retried(context.instance, run):
        return dg.SkipReason("Not a montage run, or Dagster retries it.")
    if services.requests.fail(request_id, _failure_of(context)):
        log.error("request failed with its run", request_id=str(request_id), run_id=run.run_id)
    return None


@dg.run_status_sensor(
    name="montage_run_canceled",
    run_status=dg.DagsterRunStatus.CANCELED,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks a request as canceled when a person stopped its run.",
)
def run_canceled_sensor(
    context: RunStatusSensorContext, services: ResourceParam[Services]
) -> dg.SkipReason | None:
    request_id = _request_id(context.dagster_run)
    if request_id is None:
        return dg.SkipReason("Not a montage run.")
    services.requests.cancel(request_id, context.dagster_run.run_id)
    return None


@dg.sensor(
    name="montage_reconciliation",
    minimum_interval_seconds=_RECONCILE_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Compares requests under way with their runs, and settles those whose run is over or lost.",
)
def reconciliation_sensor(
    context: SensorEvaluationContext, services: ResourceParam[Services]
) -> dg.SkipReason:
    settled = 0
    for request in services.requests.active_since(_GRACE, _MOST_ROWS_PER_TICK):
        settled += reconcile(context.instance, services, request)
    return dg.SkipReason(
        f"{settled} requests were settled." if settled else "Every request under way has its run."
    )


def reconcile(instance: dg.DagsterInstance, services: Services, request: MontageRequest) -> bool:
    """Settle one request that has been under way for a while. True when something was changed."""
    runs = list(instance.get_runs(dg.RunsFilter(tags={"dagster/partition": str(request.id)})))
    if any(run.status in _LIVE for run in runs):
        return False
    newest = runs[0] if runs else None
    if newest is None and request.state is RequestState.QUEUED:
        # The request sensor is behind or stopped; the row is still where it will find it.
        return False
    if newest is not None and newest.status is dg.DagsterRunStatus.CANCELED:
        return services.requests.cancel(request.id, request.run_id)
    if newest is not None and newest.status is dg.DagsterRunStatus.FAILURE:
        if _will_retry(newest):
            return False
        return services.requests.fail(
            request.id, crash_of(request.run_id or newest.run_id, len(runs))
        )
    if request.attempt >= _MOST_ATTEMPTS:
        message = f"The run was lost {request.attempt} times before it finished."
        return services.requests.fail(
            request.id, crash_of(request.run_id, request.attempt, message)
        )
    log.warning(
        "run lost, queued again",
        request_id=str(request.id),
        run_id=request.run_id,
        attempt=request.attempt + 1,
    )
    return services.requests.requeue(request.id, attempt=request.attempt, run_id=request.run_id)
