"""What happens to a request when its run fails, dies, or is stopped.

A step that fails for good marks its request itself (`failures`). Here is what it cannot do: runs
that crashed, were never launched, or were stopped by a person. Two sensors follow Dagster's events;
because events can be missed, `reconciliation` looks at everything under way.

There is one rule for a run that died: its request is queued again, and goes on with the step that
was not finished (`sensors`), until it has lost so many runs that it must be what kills them.
Dagster retries no run of ours: it gives up when the code server is away, which is when runs die.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
from dagster import ResourceParam, RunFailureSensorContext, RunStatusSensorContext

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, new_reference, our_fault
from montage_pipeline.orchestration.partitions import PARTITION_TAG, montage_requests
from montage_pipeline.orchestration.retirement import retire
from montage_pipeline.orchestration.runs import LIVE, attempt_number_of, request_id_of, runs_of
from montage_pipeline.orchestration.sensors import default_status
from montage_pipeline.orchestration.watching.outcome import asks_nothing_of_operators
from montage_pipeline.orchestration.watching.unmade import forget_planned_checks
from montage_pipeline.requests.model import MontageRequest, RequestFailure
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import RequestState, Step

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

MAX_LOST_RUNS = 4
"""One run and three more. A request whose run died this often is taken to be what kills it."""

_EVENTS_EVERY_S = 5
"""As often as the daemon evaluates sensors."""

_OUTAGES = {"OperationalError", "InterfaceError"}
"""What SQLAlchemy and the drivers call a database that is away. A step that ends so had no part in
it, and could not say so in the database either.
"""

_STOPS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}
"""What ends a step whose process is told to stop while Dagster's own code is at work in it."""

_LOST = "The run ended without finishing; its process was lost."

_DELETED = (
    "The partition of this request was deleted in Dagster while its Reel was being made, which "
    "ended its run."
)

log = logs.get_logger(__name__)


def outcome_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The two sensors that end what cannot end itself."""
    return [run_failed_sensor(settings), run_canceled_sensor(settings)]


def run_failed_sensor(settings: Settings) -> dg.SensorDefinition:
    """A run that died gives its request to another; one that Dagster itself failed fails it."""

    @dg.run_failure_sensor(
        name="montage_run_failed",
        minimum_interval_seconds=_EVENTS_EVERY_S,
        default_status=default_status(settings),
        description="Queues a request again when its run died; takes the partitions and unmade "
        "checks of requests that failed by their user's input out of the pages of the assets.",
    )
    def montage_run_failed(
        context: RunFailureSensorContext, services: ResourceParam[Services]
    ) -> dg.SkipReason | None:
        request_id = request_id_of(context.dagster_run)
        if request_id is None:
            return dg.SkipReason("Not a montage run.")
        request = services.requests.get_request(request_id)
        if request is not None and has(request, context.dagster_run):
            _settle_failed(services, request, context)
        elif request is not None and request.state.is_terminal:
            _leave_no_red(request, context)
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
        run = context.dagster_run
        request_id = request_id_of(run)
        if request_id is None:
            return dg.SkipReason("Not a montage run.")
        services.requests.cancel(request_id, run.run_id, attempt=attempt_number_of(run) or 0)
        return None

    return montage_run_canceled


def has(request: MontageRequest, run: dg.DagsterRun) -> bool:
    """Whether the request is the run's: it works on it, or was to, for the attempt under way."""
    if request.state is RequestState.QUEUED:
        return attempt_number_of(run) == request.attempt
    return request.state is RequestState.RUNNING and request.run_id == run.run_id


def settle_lost(services: Services, request: MontageRequest, reason: str = _LOST) -> bool:
    """Queue a request again whose run died, unless that has happened too often. True when this
    changed anything.
    """
    lost_runs = request.lost_runs + 1
    if lost_runs >= MAX_LOST_RUNS:
        message = f"The run was lost {lost_runs} times before it finished. The last time: {reason}"
        failure = _failure(ErrorCode.RUN_CRASHED, message, request.run_id, attempts=lost_runs)
        log.error("request_failed", request_id=str(request.id), run_id=request.run_id)
        return services.requests.fail(request.id, failure, attempt=request.attempt)

    log.warning(
        "lost_run_requeued",
        request_id=str(request.id),
        run_id=request.run_id,
        attempt=request.attempt + 1,
        reason=reason,
    )
    return services.requests.requeue(request.id, attempt=request.attempt, run_id=request.run_id)


def _settle_failed(
    services: Services, request: MontageRequest, context: RunFailureSensorContext
) -> None:
    """A step that Dagster itself failed (a value of another type, say) fails its request, with the
    reason; else the run died.
    """
    run = context.dagster_run
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        if event.step_key not in list(Step) or error is None or _is_blameless(error):
            continue
        reference = new_reference()
        code, message = ErrorCode.STEP_FAILED, our_fault(reference)
        if not _has_partition(context.instance, run):
            code, message = ErrorCode.PARTITION_DELETED, _DELETED
        failure = _failure(code, message, run.run_id, step=Step(event.step_key))
        log.error(
            "request_failed",
            request_id=str(request.id),
            run_id=run.run_id,
            code=code,
            reference=reference,
            reason=logs.hide_secrets((error.cause or error).message.strip()),
        )
        services.requests.fail(request.id, failure, attempt=request.attempt)
        return
    settle_lost(services, request)


def _leave_no_red(request: MontageRequest, context: RunFailureSensorContext) -> None:
    """Take the partition of a request that its user's input ended out of Dagster, and the checks
    of what was never made: what is red in the pages of the assets is something to be mended here.
    The run stays, and says why.
    """
    if not asks_nothing_of_operators(context.dagster_run):
        return
    forget_planned_checks(context.instance, context.dagster_run.run_id)
    live = (run for run in runs_of(context.instance, request.partition_key) if run.status in LIVE)
    if next(live, None) is None:
        retire(context.instance, [request.partition_key])


def _has_partition(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    assert montage_requests.name is not None
    return instance.has_dynamic_partition(montage_requests.name, run.tags[PARTITION_TAG])


def _is_blameless(error: "SerializableErrorInfo") -> bool:
    """Whether the step had no part in its end."""
    return any(link.cls_name in _OUTAGES | _STOPS for link in _chain(error))


def _chain(error: "SerializableErrorInfo | None") -> "Iterator[SerializableErrorInfo]":
    while error is not None:
        yield error
        error = error.cause or error.context


def _failure(
    code: ErrorCode,
    message: str,
    run_id: str | None,
    *,
    step: Step | None = None,
    attempts: int = 1,
) -> RequestFailure:
    return RequestFailure(code=code, message=message, step=step, attempts=attempts, run_id=run_id)
