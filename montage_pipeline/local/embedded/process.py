"""`ServerProcess`: a server we start, watch and end; and the locks, ports and secrets that local
servers need.

Every server leads its own process group, so that Ctrl-C in a terminal does not reach it before we
end things in order, and so that its workers can be ended with it. A keeper (`keeper.py`) ends the
groups when this process dies without doing so.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.local.embedded import keeper

LOG_KEPT_BYTES = 5_000_000
"""A log larger than this moves to `<name>.log.1` before its server starts again."""

_QUOTED_BYTES = 8000
"""More than a dozen lines of any log."""

_PORTS = range(15_000, 22_000)
"""Below the range from which kernels take ports for outgoing connections, and so is each port
10,000 above, on which SeaweedFS listens too.
"""

_PORT_TAKEN = re.compile(r"address already in use|failed to bind", re.IGNORECASE)

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class ServerProcess:
    """One running server. `name` is what people read in errors; output goes to `log_path`."""

    def __init__(
        self, name: str, popen: subprocess.Popen[bytes], log_path: Path, stop_signal: signal.Signals
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._popen = popen
        self._stop_signal = stop_signal

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log_path: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
        uid: int | None = None,
        gid: int | None = None,
    ) -> ServerProcess:
        """Start a program in its own process group.

        As user `uid` and group `gid` if given, which takes root.
        """
        log_path.parent.mkdir(parents=True, exist_ok=True)
        if log_path.exists() and log_path.stat().st_size > LOG_KEPT_BYTES:
            log_path.replace(log_path.with_name(log_path.name + ".1"))
        with log_path.open("ab") as log:
            popen = subprocess.Popen(
                [str(part) for part in argv],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
            )
        _keep(popen.pid, stop_signal)
        return cls(name, popen, log_path, stop_signal)

    @property
    def pid(self) -> int:
        """The process id, which is the id of its process group too."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether the server itself still runs (its zombie is reaped here)."""
        return self._popen.poll() is None

    @property
    def exit_status(self) -> int | None:
        """Exit code, or minus the signal that ended it; None while it runs."""
        return self._popen.poll()

    def listens_on(self, port: int) -> bool:
        """Whether this server, and not somebody else's, listens on a TCP port."""
        try:
            server = psutil.Process(self.pid)
            family = [server, *server.children(recursive=True)]
            connections = [
                connection for process in family for connection in process.net_connections("tcp")
            ]
        except psutil.Error:
            return False
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for connection in connections
        )

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait until `ready` says so.

        Raises MontageError(SERVER_DIED or SERVER_NOT_READY) quoting the end of the log.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if not self.alive:
                raise MontageError(
                    ErrorCode.SERVER_DIED,
                    f"{self.name} ended with status {self.exit_status} while starting. "
                    f"{self.log_end()}",
                    server=self.name,
                )
            if ready():
                return
            if time.monotonic() > deadline:
                raise MontageError(
                    ErrorCode.SERVER_NOT_READY,
                    f"{self.name} was not ready within {timeout_s:g} s. {self.log_end()}",
                    server=self.name,
                )
            time.sleep(0.05)

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self._stop_signal)

    def kill_family(self) -> None:
        """Kill the server and whatever it started, of other groups too, and return at once."""
        family: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.pid).children(recursive=True)
        keeper.signal_group(self.pid, signal.SIGKILL)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """End the server and everything in its group. Safe to call again.

        The stop signal comes first, SIGKILL after `timeout_s`.
        """
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout_s)
        keeper.signal_group(self.pid, signal.SIGKILL)
        self._popen.wait(10)
        _forget(self.pid)

    def log_end(self, lines: int = 12) -> str:
        """The last lines of the log as a sentence for an error."""
        return quoted_end(self.log_path, lines)


def quoted_end(log_path: Path, lines: int = 12) -> str:
    """Where a log is and its last lines."""
    try:
        with log_path.open("rb") as log:
            log.seek(max(0, log_path.stat().st_size - _QUOTED_BYTES))
            text = _COLOUR.sub("", log.read().decode(errors="replace"))
    except OSError:
        return f"(no log at {log_path})"
    end = text.strip().splitlines()[-lines:]
    return f"The end of {log_path}:\n" + "\n".join(f"  | {line}" for line in end)


class HomeLock:
    """Ownership of a folder by one live process.

    The kernel frees it when the owner dies, however it dies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def acquire(self) -> bool:
        """Take the lock; False when another owner has it."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock up; nothing happens when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def owned_by_somebody(self) -> bool:
        """Whether any live process, this one included, holds the lock."""
        if self.held:
            return True
        if not self._path.exists():
            return False
        probe = HomeLock(self._path)
        taken = not probe.acquire()
        probe.release()
        return taken


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this TCP port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers do, so that connections in TIME_WAIT do not make a remembered port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def free_port(accept: Callable[[int], bool] = lambda port: True) -> int:
    """A TCP port of 127.0.0.1 that is free now and that `accept` takes."""
    for _ in range(500):
        port = secrets.choice(_PORTS)
        if port_is_free(port) and accept(port):
            return port
    raise MontageError(
        ErrorCode.NO_FREE_PORT,
        f"found no free TCP port on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}",
    )


def lost_its_port(error: MontageError) -> bool:
    """Whether a server died while starting because somebody took its port after it was found free:
    others may do.
    """
    return error.code is ErrorCode.SERVER_DIED and bool(_PORT_TAKEN.search(error.message))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.replace(path)


def end_strays(
    is_ours: Callable[[psutil.Process], bool], *, first: signal.Signals, grace_s: float = 3.0
) -> int:
    """End processes left by an owner that died, by `first` and, `grace_s` later, by SIGKILL.

    `is_ours` must prove whose a process is. Returns how many there were.
    """
    strays = [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _runs(process) and _proved(process, is_ours)
    ]
    for number in (first, signal.SIGKILL):
        left = [process for process in strays if _runs(process)]
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        deadline = time.monotonic() + grace_s
        while any(_runs(process) for process in left) and time.monotonic() < deadline:
            time.sleep(0.05)
    return len(strays)


def _proved(process: psutil.Process, is_ours: Callable[[psutil.Process], bool]) -> bool:
    try:
        return is_ours(process)
    except psutil.Error:
        return False


def _runs(process: psutil.Process) -> bool:
    """Whether a process still does anything.

    A zombie may wait for its parent for ever, but it holds nothing.
    """
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


_keeper: subprocess.Popen[bytes] | None = None
_keeper_lock = threading.Lock()
_kept: dict[int, int] = {}


def _keep(pid: int, stop_signal: signal.Signals) -> None:
    """Have the keeper end this process group when we die."""
    with _keeper_lock:
        _kept[pid] = int(stop_signal)
        _order(f"+ {pid} {int(stop_signal)}")


def _forget(pid: int) -> None:
    with _keeper_lock:
        if _kept.pop(pid, None) is not None:
            _order(f"- {pid}")


def _order(line: str) -> None:
    """Send the keeper a line, starting it first if there is none."""
    global _keeper
    if _keeper is None or _keeper.poll() is not None:
        _keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
            env={},
        )
        atexit.register(_release_keeper, _keeper)
        # A keeper that was killed is replaced by one that knows everything the first one knew.
        line = "\n".join(f"+ {pid} {number}" for pid, number in _kept.items())
    if _keeper.stdin is not None and line:
        try:
            _keeper.stdin.write(line.encode() + b"\n")
            _keeper.stdin.flush()
        except BrokenPipeError:
            _keeper.wait(5)
            _order("")


def _release_keeper(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait(keeper.GRACE_S + 2)
