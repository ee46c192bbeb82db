"""A run holds its request by a lease, and proves by heartbeats that it lives.

Dagster believes that a run lives until somebody says otherwise, and whoever could say so may have
died with it. So the process of a run writes a heartbeat every few seconds, from a thread with a
connection of its own: it goes on through a render that holds every core, and through an outage of
the database, after which it simply beats again. `reconciliation` takes a run whose heart stopped
for dead, wherever it ran.

The same thread looks whose the request is. Whoever cancels a request changes its row and nothing
else: the command line and the API do not know Dagster, and the run may be on another machine. A run
whose request was canceled, or given to another run because this one was taken for dead, is stopped
as a person would stop it in Dagster's UI.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import dagster as dg
import psutil

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.orchestration.attempts import Attempt
from montage_pipeline.requests.attempts.heartbeats import Claim
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.vocabulary import RequestState

POLL_INTERVAL_S = 1.0
"""One small query; a person who stops a Reel sees it end within three seconds."""

BEAT_INTERVAL_S = 3.0
"""Ten beats make a lease, so that one lost on the way, or a busy machine, ends none."""

LEASE = timedelta(seconds=30)
"""A run that did not beat for so long is dead. Starved threads were seen to pause for 5 s."""

MAX_SILENCE_S = 900.0
"""A step that says nothing for a quarter of an hour hangs; a slow one reports what it does."""

MAX_RUNTIME_S = 1800.0
"""A Reel takes a minute or two. A run still at it then gets nowhere, whatever it reports."""

_MAX_PAUSE_S = 90.0
"""Between two tries of a step: more than is slept in a slot. A run that pauses longer hangs."""

_MAX_PAUSE_ELSEWHERE_S = 2.0
"""The same for a run in a process that is not its own: that one may go on long after the run."""

_CONTAINER_MARK = "DAGSTER_RUN_JOB_NAME"
"""Set by Dagster's launchers for Kubernetes, Docker and ECS in the container of a run."""

_GRACE_S = 1.5
"""For a step to end in order. Decoding in native code does not see that it is interrupted."""

log = logs.get_logger(__name__)

_leases: dict[str, "Lease"] = {}
_registry_lock = threading.Lock()


def hold(
    attempt: Attempt, services: Services, request: MontageRequest, *, tracked: bool
) -> "Lease":
    """The lease of the attempt's run, from now on kept alive by this process.

    `tracked`: the run has the request, and ends when it is taken away.
    """
    with _registry_lock:
        lease = _leases.get(attempt.run.run_id)
        if lease is None or not lease.beating:
            lease = Lease(attempt, services, request, tracked=tracked)
            _leases[attempt.run.run_id] = lease
            lease.begin()
        lease.tracked = tracked
    return lease


class Lease:
    """The heartbeat of one run of one request, in this process."""

    def __init__(
        self, attempt: Attempt, services: Services, request: MontageRequest, *, tracked: bool
    ) -> None:
        self._run = attempt.run
        self._instance = attempt.instance
        self._heartbeats = services.heartbeats
        self._request_id = request.id
        self.tracked = tracked
        self._steps = 0
        self._began_s = self._heard_at_s = time.monotonic()
        self._stepped_down = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def beating(self) -> bool:
        """Whether it is still being kept alive."""
        return self._thread.is_alive()

    def begin(self) -> None:
        """Beat once, so that a run that dies at once has a heartbeat that stops; then go on."""
        with suppress(Exception):
            self._heartbeats.beat(self._run.run_id, self._request_id)
        self._thread.start()

    def heard(self) -> None:
        """The run got on with something."""
        self._heard_at_s = time.monotonic()

    @contextmanager
    def working(self) -> Iterator[None]:
        """A step is at work, and is stopped should the request be taken away meanwhile."""
        self.heard()
        self._stepped_down.clear()
        self._steps += 1
        try:
            yield
        finally:
            self._steps -= 1
            self.heard()
            self._stepped_down.set()

    def _keep(self) -> None:
        """Until the run's work is over: look every second, beat every few."""
        beat_at_s = time.monotonic()
        unheeded = 0
        while not self._is_over():
            time.sleep(POLL_INTERVAL_S)
            due = time.monotonic() - beat_at_s >= BEAT_INTERVAL_S
            # A database that is away for a moment ends no lease: nobody can take it for run out.
            with suppress(Exception):
                claim = (
                    self._heartbeats.beat(self._run.run_id, self._request_id)
                    if due
                    else self._heartbeats.claim(self._request_id)
                )
                if due:
                    beat_at_s = time.monotonic()
                    unheeded = unheeded + 1 if self._is_canceling() else 0
                if self._steps and (unheeded > 1 or (self.tracked and self._is_taken(claim))):
                    is_canceled = claim is not None and claim.state is RequestState.CANCELED
                    self._stop(canceled=is_canceled or unheeded > 1)
                    return

    def _is_over(self) -> bool:
        now_s = time.monotonic()
        silent_s = now_s - self._heard_at_s
        if self._steps:
            if silent_s > MAX_SILENCE_S:
                self._end_hung(f"A step said nothing for {MAX_SILENCE_S / 60:g} minutes.")
                return True
            if now_s - self._began_s > MAX_RUNTIME_S:
                self._end_hung(f"The run was not over after {MAX_RUNTIME_S / 60:g} minutes.")
                return True
            return False
        return silent_s > (_MAX_PAUSE_S if _is_own_process() else _MAX_PAUSE_ELSEWHERE_S)

    def _is_taken(self, claim: Claim | None) -> bool:
        """Whether the request was canceled, or is another run's, or waits for one."""
        if claim is None or claim.state is RequestState.CANCELED:
            return True
        return claim.run_id != self._run.run_id

    def _is_canceling(self) -> bool:
        """Whether a person stopped the run in Dagster. That interrupts the step, but an interrupt
        can be lost: Python ignores one that arrives in a finalizer.
        """
        if not _is_own_process():
            return False
        run = self._instance.get_run_by_id(self._run.run_id)
        return run is not None and run.status is dg.DagsterRunStatus.CANCELING

    def _stop(self, *, canceled: bool) -> None:
        log.info("request_canceled" if canceled else "lease_lost", run_id=self._run.run_id)
        run = self._instance.get_run_by_id(self._run.run_id)
        if canceled and run is not None and not run.is_finished:
            self._instance.report_run_canceling(run, message="The request was canceled.")
        os.kill(os.getpid(), signal.SIGINT)
        if not _is_own_process():
            return
        _end_children()
        if self._stepped_down.wait(_GRACE_S):
            return
        _end_children()
        if canceled and run is not None:
            self._instance.report_run_canceled(run, message="The request was canceled.")
        os._exit(1)

    def _end_hung(self, reason: str) -> None:
        """End a run that hangs; without its heartbeat it is taken for dead and tried again."""
        log.error("run_hangs", run_id=self._run.run_id, reason=reason)
        if not _is_own_process():
            return
        _end_children()
        with suppress(Exception):
            run = self._instance.get_run_by_id(self._run.run_id)
            if run is not None and not run.is_finished:
                self._instance.report_run_failed(run, reason)
        os._exit(1)


def own_process() -> None:
    """Say that this process is the run's own, where `multiprocessing` cannot know."""
    global _owned
    _owned = True


_owned = False


def _is_own_process() -> bool:
    """Whether this process is the run's own: a launcher gives it one; elsewhere (tests, notebooks)
    it is not ours, and has children that are none of the run's.

    The code server forks one; a container has it alone, and is told so by whoever launched it.
    """
    parent = multiprocessing.parent_process()
    return _owned or parent is not None or _CONTAINER_MARK in os.environ


def _end_children() -> None:
    """FFmpeg, above all: nobody needs what it makes any more."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()
