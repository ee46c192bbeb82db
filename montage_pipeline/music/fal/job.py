"""A job in fal's queue: waiting for it and fetching its result, patiently.

A job that has finished is paid for, so it is asked for its result again and again: only its own
failure (`status.error`), or the model's refusal of the order, ends it without one.

Belongs here: polling, its deadline and its tolerated faults. Does not belong here: the ledger
(bill) and what the result is good for (purchase).
"""

import time
from collections.abc import Callable
from random import uniform
from typing import Any, TypeVar

import fal_client

from montage_pipeline.costs.retry_after import MAX_WAIT_IN_PLACE_S
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.music.fal.queue import QueueFault, refusal_of

_MAX_POLL_FAULTS = 5
"""Faults in a row after which a poll is given up.

With the pause doubling from one second, they outlast a gateway's restart of half a minute.
"""

T = TypeVar("T")


class JobLost(Exception):
    """fal does not know the job, or no longer has its file."""


class JobFailed(Exception):
    """The job ended without a result.

    `error` says why. `usage` is what the ledger keeps of it. `may_be_charged`: fal charges for an
    order that the model refuses (HTTP 422) as it likes, and for no other failure.
    """

    def __init__(self, error: MontageError, usage: dict[str, Any], *, may_be_charged: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.usage = usage
        self.may_be_charged = may_be_charged


class Patience:
    """How often jobs are polled, and until when they are waited for."""

    def __init__(self, *, poll_interval_s: float, timeout_s: float) -> None:
        self.poll_interval_s = poll_interval_s
        self.timeout_s = timeout_s
        self._deadline_s = time.monotonic() + timeout_s

    def pause(self, seconds: float, job_id: str) -> None:
        """Sleep. MontageError `music_timeout` when that would take longer than the patience."""
        if time.monotonic() + seconds > self._deadline_s:
            raise MontageError(
                ErrorCode.MUSIC_TIMEOUT,
                f"fal's music job {job_id} is not finished after {self.timeout_s:g} s. The next "
                "attempt resumes it.",
                provider_request_id=job_id,
            )
        time.sleep(seconds)


class MusicJob:
    """One submitted job, new or left by an earlier attempt."""

    def __init__(
        self, client: fal_client.SyncClient, endpoint: str, job_id: str, patience: Patience
    ) -> None:
        self.id = job_id
        self._handle = client.get_handle(endpoint, job_id)
        self._patience = patience

    def result(self) -> Any:
        """Wait for the end of the job; its result as fal's JSON.

        Raises JobFailed, JobLost, and MontageError `music_timeout`, `music_unavailable` or
        `fal_refused_key`.
        """
        status = self._end()
        if status.error is not None:
            raise self._failure_of(status)
        try:
            return self._ask(self._get)
        except QueueFault as fault:
            raise JobFailed(
                self._error(f"HTTP {fault.status}: {fault.detail}", fault),
                {"error": fault.reason, "detail": fault.detail, "status": fault.status},
                may_be_charged=True,
            ) from fault

    def poll(self) -> Any | None:
        """The result if the job has finished, else None; asks once.

        Raises JobFailed as `result` does, and QueueFault for every other trouble.
        """
        status = self._handle.status()
        if not isinstance(status, fal_client.Completed):
            return None
        if status.error is not None:
            raise self._failure_of(status)
        return self._get()

    def _end(self) -> fal_client.Completed:
        while True:
            status = self._ask(self._handle.status)
            if isinstance(status, fal_client.Completed):
                return status
            self._patience.pause(self._patience.poll_interval_s, self.id)

    def _get(self) -> Any:
        return self._handle.get(interval=self._patience.poll_interval_s)

    def _ask(self, question: Callable[[], T]) -> T:
        """Ask again after faults that pass by themselves; asking is free and changes nothing.

        Raises JobLost for a job that stays unknown, QueueFault for the model's own refusal,
        PermanentError for a refused key.
        """
        faults = 0
        while True:
            try:
                return question()
            except QueueFault as fault:
                if fault.status in (401, 403):
                    raise refusal_of(fault) from fault
                if fault.is_refusal and fault.status != 404:
                    raise
                trouble: Exception = fault
                # A job that is not known is asked for again soon, whatever the answer says of when.
                pause_s = 0.0 if fault.status == 404 else fault.retry_after_s or 0.0
            except (KeyError, TypeError, ValueError) as error:
                # The answer is not what fal's client expects.
                trouble, pause_s = error, 0.0

            faults += 1
            if faults > _MAX_POLL_FAULTS or pause_s > MAX_WAIT_IN_PLACE_S:
                if isinstance(trouble, QueueFault) and trouble.status == 404:
                    raise JobLost("HTTP 404") from trouble
                raise MontageError(
                    ErrorCode.MUSIC_UNAVAILABLE,
                    f"fal does not answer about the music job {self.id}: {trouble}. The next "
                    "attempt resumes it.",
                    provider_request_id=self.id,
                    retry_after_s=pause_s,
                ) from trouble
            backoff_s = self._patience.poll_interval_s * 2 ** (faults - 1) * uniform(0.75, 1.25)
            self._patience.pause(max(pause_s, backoff_s), self.id)

    def _failure_of(self, status: fal_client.Completed) -> JobFailed:
        """The failure that a status reports, with what the result adds to it."""
        usage: dict[str, Any] = {"error": status.error, "error_type": status.error_type}
        refused: QueueFault | None = None
        try:
            self._get()
        except QueueFault as fault:
            usage |= {"status": fault.status, "detail": fault.detail}
            refused = fault
        except (KeyError, TypeError, ValueError):
            pass
        rejected = refused is not None and refused.status == 422
        return JobFailed(self._error(str(status.error), refused), usage, may_be_charged=rejected)

    def _error(self, reason: str, refused: QueueFault | None) -> MontageError:
        """HTTP 422 is the model's word that the order itself is wrong."""
        if refused is not None and refused.status == 422:
            return PermanentError(
                ErrorCode.MUSIC_REJECTED,
                f"The model rejects the music order: {reason}",
                provider_request_id=self.id,
            )
        return MontageError(
            ErrorCode.MUSIC_FAILED,
            f"fal's music job {self.id} failed: {reason}",
            provider_request_id=self.id,
        )
