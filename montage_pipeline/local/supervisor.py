"""`Supervisor`: starts servers, starts again those that died, ends those that only seem to live.

Belongs here: what is the same for every server. Does not belong here: which servers there are and
in what order they start and stop (`local.stack`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from montage_pipeline import logs
from montage_pipeline.local.embedded.process import ServerProcess
from montage_pipeline.local.embedded.servers import ServerCommand

_MIN_BACKOFF_S = 0.5
_MAX_BACKOFF_S = 30.0
"""A server that dies again and again is started again ever later."""

_HEALTHY_AFTER_S = 60.0
"""A server that ran this long has got over what ended it before."""

_CALL_INTERVAL_S = 10.0
"""Between two calls to see whether a server works."""

log = logs.get_logger(__name__)


@dataclass
class _Supervised:
    """A server that has to run for as long as the system does."""

    command: ServerCommand
    process: ServerProcess
    started_at: float
    worked_at: float
    backoff_s: float = _MIN_BACKOFF_S
    restart_at: float | None = None


class Supervisor:
    """The servers of one home besides its stores."""

    def __init__(self, home: Path, *, after_death: Callable[[str], object]) -> None:
        """`after_death` is called with the name of a server that died, before it starts again."""
        self.environment: dict[str, str] = {}
        self._home = home
        self._after_death = after_death
        self._running: dict[str, _Supervised] = {}
        self._stopping = threading.Event()
        self._caller: threading.Thread | None = None

    def launch(self, command: ServerCommand) -> None:
        """Start a server; `wait_for` waits until it works."""
        process = ServerProcess.start(
            command.name,
            command.argv,
            cwd=self._home / "dagster",
            env=self.environment,
            log_path=self._home / "logs" / f"{command.name}.log",
            stop_signal=SIGTERM,
        )
        now = time.monotonic()
        self._running[command.name] = _Supervised(command, process, now, worked_at=now)

    def wait_for(self, name: str) -> None:
        """Wait until a server that was launched is ready. Raises MontageError quoting its log."""
        process, command = self._running[name].process, self._running[name].command

        def ready() -> bool:
            return command.ready() and (command.port is None or process.listens_on(command.port))

        process.wait_until(ready, timeout_s=command.start_limit_s)

    def pid_of(self, name: str) -> int | None:
        """The process id of a server; None while it does not run."""
        supervised = self._running.get(name)
        return (
            supervised.process.pid if supervised is not None and supervised.process.alive else None
        )

    def begin_calling(self) -> None:
        """From now on, call the servers now and then, and end those that do not answer."""
        self._caller = threading.Thread(target=self._call, name="stack-watchdog", daemon=True)
        self._caller.start()

    def look_after_everything(self) -> None:
        """Start again what died, once its pause is over."""
        for supervised in list(self._running.values()):
            if self._stopping.is_set():
                return
            self._look_after(supervised)

    def ask_to_stop(self, *, but: str) -> None:
        """Ask every server to stop, except that one; nothing is started any more."""
        self._stopping.set()
        for supervised in self._running.values():
            if supervised.command.name != but:
                supervised.process.ask_to_stop()

    def kill_all(self) -> None:
        """Kill every server and what it started, and return at once; `stop` waits for each."""
        self._stopping.set()
        for supervised in list(self._running.values()):
            supervised.process.kill_family()

    def stop(self, name: str, *, timeout_s: float) -> None:
        """End a server, if it was launched."""
        if name in self._running:
            self._running.pop(name).process.stop(timeout_s=timeout_s)

    def _look_after(self, supervised: _Supervised) -> None:
        now = time.monotonic()
        if supervised.process.alive:
            if now - supervised.started_at > _HEALTHY_AFTER_S:
                supervised.backoff_s = _MIN_BACKOFF_S
            return
        if self._stopping.is_set():
            return
        name = supervised.command.name
        if supervised.restart_at is None:
            supervised.restart_at = now + supervised.backoff_s
            log.warning(
                "server_died",
                server=name,
                exit_status=supervised.process.exit_status,
                restart_in_s=supervised.backoff_s,
            )
            # Its group may have survived it: runs that nobody watches any more, for instance.
            supervised.process.stop(timeout_s=0)
            self._after_death(name)
        elif now >= supervised.restart_at:
            backoff_s = min(supervised.backoff_s * 2, _MAX_BACKOFF_S)
            self.launch(supervised.command)
            self._running[name].backoff_s = backoff_s

    def _call(self) -> None:
        while not self._stopping.wait(_CALL_INTERVAL_S):
            for supervised in list(self._running.values()):
                if self._stopping.is_set():
                    return
                try:
                    self._end_if_silent(supervised)
                except Exception:
                    log.exception("call_failed", server=supervised.command.name)

    def _end_if_silent(self, supervised: _Supervised) -> None:
        """End a server that has not worked for as long as its command allows; it is started again
        like one that died by itself.
        """
        command = supervised.command
        if command.works is None or not supervised.process.alive:
            return
        if command.works():
            supervised.worked_at = time.monotonic()
            return
        silent_s = time.monotonic() - supervised.worked_at
        if silent_s > command.silence_limit_s and not self._stopping.is_set():
            log.error("server_does_not_work", server=command.name, silent_s=round(silent_s))
            supervised.process.stop(timeout_s=0)
