"""A step ends when its request is canceled, wherever that was done.

Whoever cancels a request changes its row and nothing else: the command line and the API do not know
Dagster, and the run may be on another machine. So every step looks at its row now and then, and has
its run stopped as a person would in Dagster's UI.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.orchestration.attempts import Attempt
from montage_pipeline.requests.model import MontageRequest

POLL_INTERVAL_S = 1.0
"""One small query; a person who stops a Reel sees it end within three seconds."""

_GRACE_S = 1.5
"""For a step to end in order. Decoding in native code does not see that it is interrupted."""

log = logs.get_logger(__name__)


@contextmanager
def stopped_when_canceled(
    attempt: Attempt, services: Services, request: MontageRequest
) -> Iterator[None]:
    """Have the run stopped, and this step interrupted, should the request be canceled meanwhile."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_INTERVAL_S):
            # A database that is away for a moment is the step's business, not ours.
            with suppress(Exception):
                if services.requests.is_canceled(request.id):
                    _stop(attempt, over)
                    return

    watcher = threading.Thread(target=watch, name="cancellation", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()


def _stop(attempt: Attempt, over: threading.Event) -> None:
    log.info("request_canceled", run_id=attempt.run.run_id)
    run = attempt.instance.get_run_by_id(attempt.run.run_id)
    if run is not None and not run.is_finished:
        attempt.instance.report_run_canceling(run, message="The request was canceled.")
    os.kill(os.getpid(), signal.SIGINT)
    # A launcher gives a run a process of its own; elsewhere (tests, notebooks) it is not ours, and
    # has children that are none of the run's.
    if multiprocessing.parent_process() is None:
        return
    _end_children()
    if over.wait(_GRACE_S):
        return
    _end_children()
    if run is not None:
        attempt.instance.report_run_canceled(run, message="The request was canceled.")
    os._exit(1)


def _end_children() -> None:
    """FFmpeg, above all: nobody needs what it makes any more."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()
