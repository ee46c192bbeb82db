"""What Dagster and the user see when a step fails, in its inputs, its body or its output.

    bad input            the step fails at once, and the item becomes `failed` with the reason
    a fault              the step is retried with backoff; `failed` once the retries are spent
    an interruption      a person's stop ends the run; a shutdown has the request queued again

Left alone, Dagster would retry every one of them.

Belongs here: the translation of errors. Does not belong here: runs that end without a word of their
steps (`outcomes`).
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import uniform
from typing import Any

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.costs.retry_after import MAX_RETRY_AFTER_S
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.orchestration.attempts import Attempt, requested
from montage_pipeline.orchestration.partitions import request_id_in
from montage_pipeline.orchestration.watching.faults import fault_of
from montage_pipeline.orchestration.watching.outcome import failed, note_outcome
from montage_pipeline.requests.attempts.tries import Try
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.vocabulary import RequestState

_OUTAGE_PAUSES = (timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120))
"""How long a request waits for the store to come back, outside any slot, before each further run.
With the retries of the runs that is some seven minutes.
"""

_DISK_FULL = "There was no space left on the disk of the machine that makes the Reel."

log = logs.get_logger(__name__)


@contextmanager
def translated(attempt: Attempt, services: Services) -> Iterator[None]:
    """Turn whatever is raised inside into what Dagster should do about it.

    The request becomes `failed` when nothing will be tried again, if it is the attempt's run's own.
    """
    context = {"partition": attempt.partition, "run_id": attempt.run.run_id}
    if (request_id := request_id_in(attempt.run.tags)) is not None:
        context["request_id"] = str(request_id)
    with logs.bind(**context, asset=attempt.step.value):
        try:
            yield
        except (DagsterExecutionInterruptedError, KeyboardInterrupt) as interrupt:
            raise _interruption(attempt, services) from interrupt
        except (dg.Failure, dg.RetryRequested):
            raise
        except Exception as error:
            # Dagster stores the whole chain of causes, for whoever may see its UI.
            raise _failure(attempt, services, error) from logs.redacted(error)


def _interruption(attempt: Attempt, services: Services) -> dg.Failure:
    """What to raise when the process was told to stop: left alone, Dagster would pause and then
    retry the step in it.
    """
    run = attempt.instance.get_run_by_id(attempt.run.run_id)
    canceling = run is not None and run.status is dg.DagsterRunStatus.CANCELING
    if canceling or _is_canceled(attempt, services):
        return dg.Failure("A person stopped the run.", allow_retries=False)

    # Nobody asked for the run to end, so its process is being shut down, as on a deploy. The
    # request had no part in that, and goes on in another run. Where it cannot be queued now, the
    # run's heartbeat ends, which has the same effect.
    with suppress(Exception):
        request = requested(attempt, services)
        services.requests.requeue(
            request.id, attempt=request.attempt, run_id=attempt.run.run_id, lost=False
        )
    return dg.Failure(
        "The run's process was told to stop; its request goes on in another run.",
        allow_retries=False,
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
    tries = _note_try(attempt, services, failure)
    failure = failure.model_copy(update={"attempts": max(tries, attempt.number)})
    # A store that is away is asked for nothing that costs, and is waited for over several runs.
    spent = tries > attempt.max_retries and failure.code is not ErrorCode.STORE_UNAVAILABLE
    final = permanent or attempt.is_last or spent
    log.error(
        "step_failed",
        code=failure.code,
        message=failure.message,
        final=final,
        attempt=attempt.number,
        exc_info=not isinstance(error, MontageError),
    )

    if final:
        note_outcome(attempt.instance, attempt.run.run_id, failed(failure.code))
    if final and _waits_outside(attempt, services, failure):
        return dg.Failure(f"{failure.code}: {failure.message}", allow_retries=False)
    if final:
        _mark_failed(attempt, services, failure)
    elif isinstance(error, MontageError) and (wait_s := _asked_pause_s(attempt, error)):
        return dg.RetryRequested(max_retries=attempt.max_retries, seconds_to_wait=wait_s)
    return dg.Failure(
        f"{failure.code}: {failure.message}",
        metadata={
            "code": failure.code.value,
            "attempt": attempt.number,
            "whose_fault": fault_of(failure.code).value,
        },
        allow_retries=not final,
    )


def _note_try(attempt: Attempt, services: Services, failure: RequestFailure) -> int:
    """Put the try on the item; how often the step has failed for the request by now.

    A run that died is replaced by another, in which Dagster counts the tries of a step anew; here
    they go on, so that no provider is asked more often for it.
    """
    failed = Try(
        step=attempt.step,
        number=attempt.number,
        code=failure.code,
        message=failure.message,
        run_id=attempt.run.run_id,
        at=datetime.now(UTC),
    )
    with suppress(Exception):  # a database that is away must not hide why the step failed
        return services.tries.note(requested(attempt, services).id, failed) or attempt.number
    return attempt.number


def _waits_outside(attempt: Attempt, services: Services, failure: RequestFailure) -> bool:
    """Whether the request goes on later, in another run: the store is away, which is longer than a
    step may sleep while it holds a slot, and nothing that the request could help.
    """
    request = requested(attempt, services)
    waits = request.attempt - 1 - request.lost_runs
    if (
        failure.code is not ErrorCode.STORE_UNAVAILABLE
        or waits >= len(_OUTAGE_PAUSES)
        or not attempt.delivers
        or request.state is not RequestState.RUNNING
    ):
        return False
    pause = _OUTAGE_PAUSES[waits]
    log.warning("request_waits", code=failure.code, seconds=pause.total_seconds())
    return services.requests.requeue(
        request.id,
        attempt=request.attempt,
        run_id=attempt.run.run_id,
        lost=False,
        pause=pause,
    )


def _is_canceled(attempt: Attempt, services: Services) -> bool:
    """Whether somebody canceled the request; False while the database cannot tell."""
    with suppress(Exception):
        return requested(attempt, services).state is RequestState.CANCELED
    return False


def _described(attempt: Attempt, error: Exception) -> RequestFailure:
    """The error as the item will show it, without secrets."""
    clips: tuple[ClipReport, ...] = ()
    if _is_disk_full(error):
        code, message = ErrorCode.DISK_FULL, _DISK_FULL
        details: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"}
    elif isinstance(error, MontageError):
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


def _is_disk_full(error: BaseException) -> bool:
    """Whether there was no space left, whoever noticed: FFmpeg says so only in words."""
    link: BaseException | None = error
    seen: set[int] = set()  # an error may be raised from itself
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(link, MontageError) and os.strerror(errno.ENOSPC) in link.message:
            return True
        link = link.__cause__ or link.__context__
    return False


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
    # With jitter: whoever was told the same by the provider does not come back at the same moment.
    return min(max(float(asked_s) * uniform(1.0, 1.1), backoff_s), MAX_RETRY_AFTER_S)
