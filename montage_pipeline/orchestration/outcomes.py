"""What happens to a request when its run ends, is stopped, or is lost.

A step that fails for good marks its request itself (`failures`). Here is what it cannot do: runs
that crashed, were stopped by a person, were never launched, or vanished. Two sensors follow
Dagster's events; because events can be missed, a third compares the rows with the runs.
"""

import time
from datetime import timedelta

import dagster as dg
from dagster import (
    ResourceParam,
    RunFailureSensorContext,
    RunStatusSensorContext,
    SensorEvaluationContext,
)

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode
from montage_pipeline.orchestration.runs import is_live, request_id_of, runs_of
from montage_pipeline.orchestration.sensors import default_status
from montage_pipeline.requests.model import MontageRequest, RequestFailure
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import RequestState, Step

MAX_ATTEMPTS = 3
"""A request whose run was lost this often is taken to be what kills its runs."""

MAX_ROWS_PER_TICK = 50
"""A tick has 60 s; each row takes a query or two."""

_EVENTS_EVERY_S = 5
"""As often as the daemon evaluates sensors."""
_RECONCILE_EVERY_S = 30
"""Only what events missed waits for it."""

_GRACE = timedelta(seconds=90)
"""Longer than a healthy daemon needs to notice a row, or to create the retry of a failed run."""

_WILL_RETRY_TAG = "dagster/will_retry"
_MAX_DECISION_S = 5.0
"""How long Dagster may take to tag a failed run with its decision; usually well below a second."""

log = logs.get_logger(__name__)


def outcome_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The three sensors that end what cannot end itself."""
    return [run_failed_sensor(settings), run_canceled_sensor(settings), reconciliation(settings)]


def run_failed_sensor(settings: Settings) -> dg.SensorDefinition:
    """A failed run that is not retried fails its request."""

    @dg.run_failure_sensor(
        name="montage_run_failed",
        minimum_interval_seconds=_EVENTS_EVERY_S,
        default_status=default_status(settings),
        description="Marks a request as failed when its run failed and will not be retried.",
    )
    def montage_run_failed(
        context: RunFailureSensorContext, services: ResourceParam[Services]
    ) -> dg.SkipReason | None:
        run = context.dagster_run
        request_id = request_id_of(run)
        if request_id is None or _will_be_retried(context.instance, run):
            return dg.SkipReason("Not a montage run, or Dagster retries it.")
        if services.requests.fail(request_id, _failure_of(context)):
            log.error("request_failed", request_id=str(request_id), run_id=run.run_id)
        return None

    return montage_run_failed


def run_canceled_sensor(settings: Settings) -> dg.SensorDefinition:
    """A run that a person stopped cancels its request."""

    @dg.run_status_sensor(
        name="montage_run_canceled",
        run_status=dg.DagsterRunStatus.CANCELED,
        minimum_interval_seconds=_EVENTS_EVERY_S,
        default_status=default_status(settings),
        description="Marks a request as canceled when a person stopped its run.",
    )
    def montage_run_canceled(
        context: RunStatusSensorContext, services: ResourceParam[Services]
    ) -> dg.SkipReason | None:
        request_id = request_id_of(context.dagster_run)
        if request_id is None:
            return dg.SkipReason("Not a montage run.")
        services.requests.cancel(request_id, context.dagster_run.run_id)
        return None

    return montage_run_canceled


def reconciliation(settings: Settings) -> dg.SensorDefinition:
    """Requests under way whose run is over or lost are settled."""

    @dg.sensor(
        name="montage_reconciliation",
        minimum_interval_seconds=_RECONCILE_EVERY_S,
        default_status=default_status(settings),
        description="Compares requests under way with their runs, and settles those whose run is "
        "over or lost.",
    )
    def montage_reconciliation(
        context: SensorEvaluationContext, services: ResourceParam[Services]
    ) -> dg.SkipReason:
        settled = sum(
            reconcile(context.instance, services, request)
            for request in services.requests.active_since(_GRACE, MAX_ROWS_PER_TICK)
        )
        return dg.SkipReason(
            f"{settled} requests were settled."
            if settled
            else "Every request under way has its run."
        )

    return montage_reconciliation


def reconcile(instance: dg.DagsterInstance, services: Services, request: MontageRequest) -> bool:
    """Settle one request that has been under way for a while. True when something was changed."""
    runs = runs_of(instance, str(request.id))
    if any(is_live(run) for run in runs):
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
        failure = _crash(request.run_id or newest.run_id, len(runs))
        return services.requests.fail(request.id, failure)
    return _settle_lost(services, request)


def _settle_lost(services: Services, request: MontageRequest) -> bool:
    """Queue the request again, unless its run was lost too often."""
    if request.attempt >= MAX_ATTEMPTS:
        message = f"The run was lost {request.attempt} times before it finished."
        failure = _crash(request.run_id, request.attempt, message)
        return services.requests.fail(request.id, failure)

    log.warning(
        "lost_run_requeued",
        request_id=str(request.id),
        run_id=request.run_id,
        attempt=request.attempt + 1,
    )
    return services.requests.requeue(request.id, attempt=request.attempt, run_id=request.run_id)


def _failure_of(context: RunFailureSensorContext) -> RequestFailure:
    """The failure to store for a run whose steps did not store one.

    A step that Dagster itself failed (a value of another type, say) is named with its reason; else
    the run crashed.
    """
    run_id = context.dagster_run.run_id
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        if event.step_key in list(Step) and error is not None:
            reason = (error.cause or error).message.strip()
            return RequestFailure(
                code=ErrorCode.STEP_FAILED,
                message=logs.for_users(reason),
                step=Step(event.step_key),
                attempts=1,
                run_id=run_id,
            )
    group = context.instance.get_run_group(run_id)
    return _crash(run_id, len(list(group[1])) if group else 1)


def _crash(
    run_id: str | None,
    attempts: int,
    message: str = "The run ended without finishing; its process was lost.",
) -> RequestFailure:
    """The failure to store for a run that could not say anything itself."""
    return RequestFailure(
        code=ErrorCode.RUN_CRASHED, message=message, step=None, attempts=attempts, run_id=run_id
    )


def _will_be_retried(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether Dagster starts this failed run again.

    Dagster tags the run with its decision a moment after it stores the failure, and a sensor can
    come in between.
    """
    deadline_s = time.monotonic() + _MAX_DECISION_S
    while (
        instance.run_retries_enabled
        and _WILL_RETRY_TAG not in run.tags
        and time.monotonic() < deadline_s
    ):
        time.sleep(0.2)
        run = instance.get_run_by_id(run.run_id) or run
    return _will_retry(run)


def _will_retry(run: dg.DagsterRun) -> bool:
    return run.tags.get(_WILL_RETRY_TAG) == "true"
