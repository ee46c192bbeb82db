"""What Dagster and the user see when a step fails, in its inputs, its body or its output.

    bad input            the step fails at once, and the item becomes `failed` with the reason
    a fault              the step is retried with backoff; `failed` once the retries are spent. A
                         pause of more than a few seconds is not slept in a slot: the run ends, and
                         the request is queued again with a time before which nothing starts it
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
from montage_pipeline.costs.retry_after import MAX_WAIT_IN_PLACE_S
from montage_pipeline.errors import ErrorCode, MontageError, new_reference, our_fault
from montage_pipeline.metrics.faults import Fault, fault_of
from montage_pipeline.orchestration.attempts import Attempt, requested
from montage_pipeline.orchestration.partitions import request_id_in
from montage_pipeline.orchestration.watching.outcome import failed, note_outcome
from montage_pipeline.requests.attempts.tries import Try
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.vocabulary import RequestState

_OUTAGE_PAUSES_S = (30.0, 60.0, 120.0, 120.0)
"""How long a request waits for the store to come back, once the step's retries are spent. With them
that is some seven minutes.
"""

_MAX_PAUSE_IN_SLOT_S = 60.0
"""For runs that cannot give their request back: those that a person launched for some of the steps.
Less than what a lease takes for a hung run.
"""

_DISK_FULL = "There was no space left on the disk of the machine that makes the Reel."

_INTERRUPTIONS = (DagsterExecutionInterruptedError, KeyboardInterrupt)

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
        except _INTERRUPTIONS as interrupt:
            raise _interruption(attempt, services) from interrupt
        except (dg.Failure, dg.RetryRequested):
            raise
        except Exception as error:
            if hides_an_interruption(error):
                raise _interruption(attempt, services) from logs.redacted(error)
            # Dagster stores the whole chain of causes, for whoever may see its UI.
            raise _failure(attempt, services, error) from logs.redacted(error)


def _interruption(attempt: Attempt, services: Services) -> dg.Failure:
    """What to raise when the process was told to stop: left alone, Dagster would pause and then
    retry the step in it.
    """
    run = attempt.instance.get_run_by_id(attempt.run.run_id)
    canceling = run is not None and run.status is dg.DagsterRunStatus.CANCELING
    if canceling or _is_canceled(attempt, services):
        return _stopped("A person stopped the run.", attempt)

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
        return _stopped("The request was canceled.", attempt)
    failure = _described(attempt, error)
    tries = _note_try(attempt, services, failure)
    failure = failure.model_copy(update={"attempts": max(tries, attempt.number)})
    pause_s = _pause_s(attempt, services, error, failure)
    log.error(
        "step_failed",
        code=failure.code,
        message=failure.message,
        reference=failure.details.get("reference"),
        final=pause_s is None,
        attempt=attempt.number,
        exc_info="reference" in failure.details,
    )
    said = f"{failure.code}: {failure.message}"

    if pause_s is not None:
        in_place = pause_s <= MAX_WAIT_IN_PLACE_S and not attempt.is_last
        if not in_place and _waits_outside(attempt, services, failure, pause_s):
            return _final(
                f"{said} Its request goes on in another run in {pause_s:.0f} s.", attempt, failure
            )
        if not attempt.is_last:
            return dg.RetryRequested(
                max_retries=attempt.max_retries,
                seconds_to_wait=min(pause_s, _MAX_PAUSE_IN_SLOT_S),
            )
    _mark_failed(attempt, services, failure)
    return _final(said, attempt, failure)


def _stopped(description: str, attempt: Attempt) -> dg.Failure:
    """What fails because somebody ended it is no failure, and is not tried again."""
    note_outcome(attempt.instance, attempt.run.run_id, failed(ErrorCode.CANCELED))
    return dg.Failure(description, allow_retries=False)


def _final(description: str, attempt: Attempt, failure: RequestFailure) -> dg.Failure:
    """What ends the run, whose line in the list of runs says why."""
    note_outcome(attempt.instance, attempt.run.run_id, failed(failure.code))
    metadata: dict[str, str | int] = {
        "code": failure.code.value,
        "attempt": attempt.number,
        "whose_fault": fault_of(failure.code).value,
    }
    return dg.Failure(description, metadata=metadata, allow_retries=False)


def _pause_s(
    attempt: Attempt, services: Services, error: Exception, failure: RequestFailure
) -> float | None:
    """Seconds until the step is tried again; None when this was the last word.

    The backoff of the step's policy, or what a provider asked for, within reason. A store that is
    away is asked for nothing that costs, and is waited for longer.
    """
    if isinstance(error, MontageError) and not error.retryable:
        return None
    spent = failure.attempts - attempt.max_retries
    if spent > 0 or attempt.retry_policy is None:
        waits_longer = failure.code is ErrorCode.STORE_UNAVAILABLE
        left = _OUTAGE_PAUSES_S[max(spent, 1) - 1 :] if waits_longer else ()
        return left[0] if left else None

    pause_s = float(attempt.retry_policy.calculate_delay(failure.attempts))
    asked_s = error.details.get("retry_after_s") if isinstance(error, MontageError) else None
    if isinstance(asked_s, int | float):
        # With jitter: whoever was told the same by the provider does not come back at the same
        # moment.
        pause_s = max(float(asked_s) * uniform(1.0, 1.1), pause_s)
    return min(pause_s, services.settings.retry_after_max_s)


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


def _waits_outside(
    attempt: Attempt, services: Services, failure: RequestFailure, pause_s: float
) -> bool:
    """Whether the request goes on later, in another run: a slot is for work, not for waiting."""
    with suppress(Exception):  # a database that is away must not hide why the step failed
        request = requested(attempt, services)
        if not attempt.decides(request) or request.state is not RequestState.RUNNING:
            return False
        waits = services.requests.requeue(
            request.id,
            attempt=request.attempt,
            run_id=attempt.run.run_id,
            lost=False,
            pause=timedelta(seconds=pause_s),
            keeps_turn=fault_of(failure.code) is not Fault.USER,
        )
        if waits:
            log.warning("request_waits", code=failure.code, seconds=round(pause_s, 1))
        return waits
    return False


def _is_canceled(attempt: Attempt, services: Services) -> bool:
    """Whether somebody canceled the request; False while the database cannot tell."""
    with suppress(Exception):
        return requested(attempt, services).state is RequestState.CANCELED
    return False


def _described(attempt: Attempt, error: Exception) -> RequestFailure:
    """The error as the item will show it: without secrets, and without the text of exceptions that
    nobody wrote for users. Those are found in the log, by the reference.
    """
    clips: tuple[ClipReport, ...] = ()
    details: dict[str, Any] = {}
    reference = new_reference()
    if _is_disk_full(error):
        code, message, details = ErrorCode.DISK_FULL, _DISK_FULL, {"reference": reference}
    elif isinstance(error, MontageError):
        code, message, details = error.code, error.message, dict(error.details)
        clips = details.pop("clips", ())
    else:
        code, message, details = ErrorCode.INTERNAL_ERROR, our_fault(reference), {}
        details["reference"] = reference
    return RequestFailure(
        code=code,
        message=logs.for_users(message),
        step=attempt.step,
        attempts=attempt.number,
        run_id=attempt.run.run_id,
        details={name: logs.for_users(str(value)) for name, value in details.items()},
        clips=clips,
    )


def hides_an_interruption(error: Exception) -> bool:
    """Whether the error came up while something cleaned up after an interruption: a database driver
    that is stopped in the middle of a query cannot give its connection back.
    """
    return any(isinstance(link, _INTERRUPTIONS) for link in _chain_of(error))


def _is_disk_full(error: BaseException) -> bool:
    """Whether there was no space left, whoever noticed: FFmpeg says so only in words."""
    for link in _chain_of(error):
        if isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(link, MontageError) and os.strerror(errno.ENOSPC) in link.message:
            return True
    return False


def _chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from or came up in the handling of."""
    link: BaseException | None = error
    seen: set[int] = set()  # an error may be raised from itself
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _mark_failed(attempt: Attempt, services: Services, failure: RequestFailure) -> None:
    """Not when the Reel was delivered already, or when the request is another run's business."""
    request = requested(attempt, services)
    if request.state is RequestState.RUNNING and request.run_id == attempt.run.run_id:
        services.requests.fail(request.id, failure)
