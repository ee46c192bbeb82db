"""Nudges: whoever starts requests is woken when there is one to start, or a place for one.

Triggers announce it (migration 0014), from whatever process. A nudge that is missed costs a moment,
not a request: who starts them also looks by the clock.
"""

import threading
from collections.abc import Callable
from typing import LiteralString

import psycopg

from montage_pipeline.logs import get_logger
from montage_pipeline.requests.changes import CONNECTION, RECONNECT_S
from montage_pipeline.settings import Settings

CHANNEL: LiteralString = "montage_requests"
"""What the triggers notify."""

_LOOK_UP_S = 1.0
"""How soon the thread notices that it is to end."""

log = get_logger(__name__)


class Nudges:
    """A thread that listens, over a connection of its own, and calls `nudge` for what it hears."""

    def __init__(self, settings: Settings, nudge: Callable[[], object]) -> None:
        """Connects to nothing yet."""
        self._conninfo = settings.sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://")
        self._nudge = nudge
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="nudges", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._ending.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._ending.is_set():
            try:
                self._pass_on()
            except (psycopg.Error, OSError) as error:
                log.warning("listening_failed", error=str(error).splitlines()[:1])
                self._ending.wait(RECONNECT_S)

    def _pass_on(self) -> None:
        """Until the connection breaks or the thread is to end."""
        with psycopg.connect(
            self._conninfo,
            autocommit=True,
            **CONNECTION,  # type: ignore[arg-type]
        ) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            # What was announced before that is lost.
            self._nudge()
            while not self._ending.is_set():
                # Several at a time are one reason to look.
                if list(connection.notifies(timeout=_LOOK_UP_S, stop_after=1)):
                    self._nudge()
