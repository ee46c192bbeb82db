"""`Background`: one thread per process that does what is due, over and over."""

import threading
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from montage_pipeline.logs import get_logger

log = get_logger(__name__)

TICK_S = 2.0
"""Between two looks at the database for what is due; a query each."""

_TICK_OUTAGE_S = 15.0
"""The same after a failure: a database that is down, or not migrated yet, is not pressed."""

_STOP_S = 5.0
"""How long closing waits for the job at hand; what is cut off is taken up again later."""


class Background:
    """Runs jobs over and over; a job says whether there may be more to do at once."""

    def __init__(self, jobs: Sequence[Callable[[], bool]]) -> None:
        self._jobs = jobs
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to do now."""
        self._wanted.set()

    def close(self) -> None:
        """Stop after the job at hand."""
        self._stopping = True
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        while not self._stopping:
            self._wanted.wait(self._round())
            self._wanted.clear()

    def _round(self) -> float:
        """Do every job once; seconds until the next round."""
        try:
            more = [job() for job in self._jobs if not self._stopping]
        except SQLAlchemyError as error:
            log.warning("background_failed", error=str(error).splitlines()[0])
            return _TICK_OUTAGE_S
        except Exception:
            # One job's fault must not end the others for good.
            log.exception("background_failed")
            return _TICK_OUTAGE_S
        return 0.0 if any(more) else TICK_S
