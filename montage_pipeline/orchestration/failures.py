"""What Dagster and the user see when a step fails, in its inputs, its body or its output.

    bad input            the step fails at once, and the item becomes `failed` with the reason
    a fault              the step is retried with backoff; `failed` once the retries are spent
    an interruption      a person's stop ends the run; a shutdown lets the whole run be retried

Left alone, Dagster would retry every one of them.

Belongs here: the translation of errors. Does not belong here: runs that end without a word of their
steps (`outcomes`).
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.orchestration.attempts import Attempt, requested
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.vocabulary import RequestState

MAX_RETRY_AFTER_S = 60.0
"""A provider may ask for a very long pause; a user would rather see the request fail."""

RETRY_RUN_TAG = "dagster/retry_on_asset_or_op_failure"
"""On a run: whether it is retried although a step of it failed; see run_retries in dagster.yaml."""

log = logs.get_logger(__name__)


@contextmanager
def translated(attempt: Attempt, services: Services) -> Iterator[None]:
    """Turn whatever is raised inside into what Dagster should do about it.

    The request becomes `failed` when nothing will be tried again, if it is the attempt's run's own.
    """
    context = {"request_id": attempt.request_key, "run_id": attempt.run.run_id}
    with logs.bind(**context, asset=attempt.step.value):
        _forbid_another_run(attempt)
        try:
            yield
        except (DagsterExecutionInterruptedError, KeyboardInterrupt) as interrupt:
            raise _interruption(attempt, services) from interrupt
        except (dg.Failure, dg.RetryRequested):
            raise
        except Exception as error:
            # Dagster stores the whole chain of causes, for whoever may see its UI.
            raise _failure(attempt, services, error) from logs.redacted(error)


def _forbid_another_run(attempt: Attempt) -> None:
    """Take back a run's permission to be retried after a failed step.

    A run that replaces an interrupted one inherits that permission, which was for once only.
    """
    if attempt.run.tags.get(RETRY_RUN_TAG) == "true":
        attempt.instance.add_run_tags(attempt.run.run_id, {RETRY_RUN_TAG: "false"})


def _interruption(attempt: Attempt, services: Services) -> dg.Failure:
    """What to raise when the process was told to stop: left alone, Dagster would pause and then
    retry the step in it.
    """
    run = attempt.instance.get_run_by_id(attempt.run.run_id)
    canceling = run is not None and run.status is dg.DagsterRunStatus.CANCELING
    if canceling or _is_canceled(attempt, services):
        return dg.Failure("A person stopped the run.", allow_retries=False)

    # Nobody asked for the run to end, so its process is being shut down, as on a deploy. That is a
    # crash, not a failing step.
    attempt.instance.add_run_tags(attempt.run.run_id, {RETRY_RUN_TAG: "true"})
    return dg.Failure(
        "The run's process was told to stop; the run is retried.", allow_retries=False
    )


def _failure(
    attempt: Attempt, services: Services, error: Exception
) -> dg.Failure | dg.RetryRequested:
    """What to raise for an error; marks the request as failed when it is the last word."""
    if _is_canceled(attempt, services):
        # What fails because it was ended is no failure, and is not tried again.
        return dg.Failure("The request was canceled.", allow_retries=False)
    failure = _described(attempt, error)
    permanent = isinstance(error, MontageError) and not error.retryable
    final = permanent or attempt.is_last
    log.error(
        "step_failed",
        code=failure.code,
        message=failure.message,
        final=final,
        attempt=attempt.number,
        exc_info=not isinstance(error, MontageError),
    )

    if final:
        _mark_failed(attempt, services, failure)
    elif isinstance(error, MontageError) and (wait_s := _asked_pause_s(attempt, error)):
        return dg.RetryRequested(max_retries=attempt.max_retries, seconds_to_wait=wait_s)
    return dg.Failure(
        f"{failure.code}: {failure.message}",
        metadata={"code": failure.code.value, "attempt": attempt.number},
        allow_retries=not final,
    )


def _is_canceled(attempt: Attempt, services: Services) -> bool:
    """Whether somebody canceled the request; False while the database cannot tell."""
    with suppress(Exception):
        return services.requests.is_canceled(UUID(attempt.request_key))
    return False


def _described(attempt: Attempt, error: Exception) -> RequestFailure:
    """The error as the item will show it, without secrets."""
    clips: tuple[ClipReport, ...] = ()
    if isinstance(error, MontageError):
        code, message, details = error.code, error.message, dict(error.details)
        clips = details.pop("clips", ())
    else:
        code, message, details = ErrorCode.INTERNAL_ERROR, f"{type(error).__name__}: {error}", {}
    return RequestFailure(
        code=code,
        message=logs.for_users(message),
        step=attempt.step,
        attempts=attempt.number,
        run_id=attempt.run.run_id,
        details={name: logs.for_users(str(value)) for name, value in details.items()},
        clips=clips,
    )


def _mark_failed(attempt: Attempt, services: Services, failure: RequestFailure) -> None:
    """Not when the Reel was delivered already, or when the request is another run's business."""
    request = requested(attempt, services)
    if request.state is RequestState.RUNNING and request.run_id == attempt.run.run_id:
        services.requests.fail(request.id, failure)


def _asked_pause_s(attempt: Attempt, error: MontageError) -> float | None:
    """The pause that a provider asked for, within reason; None to go by the backoff alone."""
    asked_s = error.details.get("retry_after_s")
    if attempt.retry_policy is None or not isinstance(asked_s, int | float):
        return None
    backoff_s = float(attempt.retry_policy.calculate_delay(attempt.number))
    return min(max(float(asked_s), backoff_s), MAX_RETRY_AFTER_S)
