"""What every step of a montage does around its own work.

It takes the request over from `queued` (or from the crashed run it replaces), shows progress on the
content item, notes its seconds, and turns errors into what Dagster and the user should see: bad
input fails
at once, a fault is retried with backoff, and the item becomes `failed` when the retries are spent.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import dagster as dg
from dagster import AssetExecutionContext, DagsterExecutionInterruptedError

from montage_pipeline import logs
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.orchestration.services import Services
from montage_pipeline.requests.model import MontageRequest, RequestFailure
from montage_pipeline.vocabulary import RequestState, Step

# Share of the whole that is done when a step begins, in percent; the next value is where it ends.
_PROGRESS_BEGINS = {
    Step.CLIP_ANALYSIS: 2,
    Step.MUSIC_TRACK: 25,
    Step.EDIT_TIMELINE: 38,
    Step.RENDERED_VIDEO: 42,
    Step.R2_OBJECT: 95,
}
_PROGRESS_ENDS = dict(
    zip(_PROGRESS_BEGINS, [*list(_PROGRESS_BEGINS.values())[1:], 99], strict=True)
)

# A provider may ask for a very long pause; a user should rather see the request fail.
_LONGEST_RETRY_AFTER_S = 60.0

# Lets a run be retried although a step of it failed; see run_retries in dagster.yaml.
_RETRY_RUN_TAG = "dagster/retry_on_asset_or_op_failure"

log = logs.get_logger(__name__)


class StepScope:
    """The request a step works for, and a way to say how far it is."""

    def __init__(
        self, services: Services, request: MontageRequest, run_id: str, step: Step, *, tracked: bool
    ) -> None:
        self.request = request
        self.run_id = run_id
        self._services = services
        self._step = step
        self._tracked = tracked
        self._shown = -1
        self._shown_at = -math.inf

    def progress(self, done: float) -> None:
        """Show the share of this step that is done, 0..1, on the item; at most twice a second."""
        begins, ends = _PROGRESS_BEGINS[self._step], _PROGRESS_ENDS[self._step]
        percent = begins + int((ends - begins) * min(max(done, 0.0), 1.0))
        now = time.monotonic()
        if not self._tracked or percent <= self._shown or (now - self._shown_at < 0.5 and done < 1):
            return
        self._shown, self._shown_at = percent, now
        self._services.requests.progress(self.request.id, self.run_id, self._step, percent)

    @property
    def tracked(self) -> bool:
        """Whether this run moves the item's status; a run that stops before delivery does not."""
        return self._tracked


@contextmanager
def montage_step(
    context: AssetExecutionContext, services: Services, step: Step
) -> Iterator[StepScope]:
    """Run the body of one asset for one request."""
    logs.configure(services.settings)
    request = _request(context, services)
    user = {
        "request_id": str(request.id),
        "content_item_id": str(request.content_item_id),
        "user_id": str(request.user_id),
    }
    with logs.bind(**user, run_id=context.run.run_id, asset=step.value):
        _fails_like_any_run(context)
        tracked = _claim(context, services, request)
        scope = StepScope(services, request, context.run.run_id, step, tracked=tracked)
        started = time.monotonic()
        log.info("step started", attempt=context.retry_number + 1)
        try:
            scope.progress(0.0)
            yield scope
        except (DagsterExecutionInterruptedError, KeyboardInterrupt) as interrupt:
            raise _interruption(context) from interrupt
        except Exception as error:
            raise _failure(context, services, scope, step, error) from error
        seconds = time.monotonic() - started
        if tracked:
            services.requests.note_step(request.id, step, seconds)
        log.info("step done", seconds=round(seconds, 2))


def _request(context: AssetExecutionContext, services: Services) -> MontageRequest:
    try:
        request_id = UUID(context.partition_key)
    except ValueError:
        raise dg.Failure(
            f"Partition {context.partition_key!r} is not a montage request's id.",
            allow_retries=False,
        ) from None
    request = services.requests.get_request(request_id)
    if request is None:
        raise dg.Failure(
            f"There is no montage request {request_id} in the database.", allow_retries=False
        )
    return request


def _claim(context: AssetExecutionContext, services: Services, request: MontageRequest) -> bool:
    """Make the request this run's.

    False: the run works on a finished request without delivering, so it tracks nothing.
    """
    group = context.instance.get_run_group(context.run.run_id)
    earlier = [run.run_id for run in group[1] if run.run_id != context.run.run_id] if group else []
    if services.requests.start(request.id, context.run.run_id, earlier_runs=earlier):
        return True
    delivers = _delivers(context)
    if delivers and services.requests.reopen(request.id, context.run.run_id):
        return True
    now = services.requests.get_request(request.id)
    if now is not None and now.state.is_terminal and not delivers:
        return False
    raise dg.Failure(
        f"Montage request {request.id} is {now.state.value if now else 'gone'} under run {now.run_id if now else None}, "
        "or another request of its content item is under way. Wait until that is done.",
        allow_retries=False,
    )


def _delivers(context: AssetExecutionContext) -> bool:
    run = context.run
    assets = run.asset_selection
    in_selection = assets is None or dg.AssetKey(Step.R2_OBJECT.value) in assets
    return in_selection and (
        run.step_keys_to_execute is None or Step.R2_OBJECT.value in run.step_keys_to_execute
    )


def _interruption(context: AssetExecutionContext) -> Exception:
    """What to raise when the process was told to stop: left alone, Dagster would retry the step in
    it after a pause.
    """
    run = context.instance.get_run_by_id(context.run.run_id)
    if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
        return dg.Failure("A person stopped the run.", allow_retries=False)
    # Nobody asked for the run to end, so its process is being shut down, as on a deploy. That is a
    # crash, not a failing step.
    context.instance.add_run_tags(context.run.run_id, {_RETRY_RUN_TAG: "true"})
    return dg.Failure(
        "The run's process was told to stop; the run is retried.", allow_retries=False
    )


def _fails_like_any_run(context: AssetExecutionContext) -> None:
    """A run that replaces an interrupted one inherits its permission to be retried, which was for
    that once only.
    """
    if context.run.tags.get(_RETRY_RUN_TAG) == "true":
        context.instance.add_run_tags(context.run.run_id, {_RETRY_RUN_TAG: "false"})


def _failure(
    context: AssetExecutionContext,
    services: Services,
    scope: StepScope,
    step: Step,
    error: Exception,
) -> Exception:
    """What to raise for Dagster; marks the request as failed when nothing will be tried again."""
    policy = context.assets_def.op.retry_policy
    retries = policy.max_retries if policy else 0
    code = error.code if isinstance(error, MontageError) else ErrorCode.INTERNAL_ERROR
    message = logs.hide_secrets(
        error.message if isinstance(error, MontageError) else f"{type(error).__name__}: {error}"
    )
    details = error.details if isinstance(error, MontageError) else {}
    final = isinstance(error, PermanentError) or context.retry_number >= retries
    log.error(
        "step failed",
        code=code,
        message=message,
        final=final,
        attempt=context.retry_number + 1,
        exc_info=not isinstance(error, MontageError),
    )
    if final and scope.tracked and scope.request.state is not RequestState.SUCCEEDED:
        failure = RequestFailure(
            code=code,
            message=message,
            step=step,
            attempts=context.retry_number + 1,
            run_id=context.run.run_id,
            details={name: logs.hide_secrets(str(value)) for name, value in details.items()},
        )
        services.requests.fail(scope.request.id, failure)
    wait_s = details.get("retry_after_s")
    if not final and policy and isinstance(wait_s, int | float):
        backoff_s = float(policy.calculate_delay(context.retry_number + 1))
        return dg.RetryRequested(
            max_retries=retries,
            seconds_to_wait=min(max(float(wait_s), backoff_s), _LONGEST_RETRY_AFTER_S),
        )
    return dg.Failure(
        f"{code}: {message}",
        metadata={"code": code, "attempt": context.retry_number + 1},
        allow_retries=not final,
    )
