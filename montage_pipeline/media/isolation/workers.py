"""The workers of this process: started when they are needed, used again, ended when they must be.

Belongs here: their lives. Does not belong here: what the end of a call means (calls).
"""

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.media.isolation.effort import Effort, OverTime
from montage_pipeline.media.isolation.fork_server import FORK, ORDER, REAP, REPLY
from montage_pipeline.media.isolation.limits import Budget, bare_environment
from montage_pipeline.media.isolation.wire import Answer, read_answer, receive, send
from montage_pipeline.media.isolation.worker import Call

_WATCH_S = 0.05  # between two looks at a worker's memory, and at what it has used of its time
_START_S = 60.0  # for loading the libraries, on a machine that is busy
_MAX_KEPT_BYTES = 1 << 30  # of memory of an idle worker; one that holds more is not used again


class OverMemory(Exception):
    """A worker holds more than its budget allows."""


class Stopped(Exception):
    """Nobody wants the answer any more."""


class WorkerDied(Exception):
    """A worker ended in the middle of a call; `exit_code` is minus the signal, where one did it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code = exit_code


@dataclass
class Worker:
    """A worker: its process, and our end of the pipe."""

    pid: int
    connection: socket.socket

    def answer(self, call: Call, stop: threading.Event | None) -> Answer:
        """Make a call and wait. Raises OverTime, OverMemory, Stopped, EOFError, ForbiddenAnswer."""
        deadline_s = time.monotonic() + call.budget.wall_s
        self.connection.settimeout(call.budget.wall_s)
        try:
            effort = Effort(self.pid, call.budget)
            send(self.connection, call)
            self._wait(call.budget, effort, stop)
            self.connection.settimeout(max(1.0, deadline_s - time.monotonic()))
            return read_answer(receive(self.connection))
        except TimeoutError:
            raise OverTime(f"takes longer than {call.budget.wall_s:.0f} s") from None
        except (BrokenPipeError, ConnectionResetError):
            raise EOFError from None

    def _wait(self, budget: Budget, effort: Effort, stop: threading.Event | None) -> None:
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        while not poll.poll(_WATCH_S * 1000):
            if stop is not None and stop.is_set():
                raise Stopped
            effort.check()
            if self.memory_bytes() > budget.memory_bytes:
                raise OverMemory

    def memory_bytes(self) -> int:
        """What it holds; 0 when it is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0


class _ForkServer:
    """A running fork server."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_START_S)
        environment = bare_environment() | {
            "PYTHONPATH": os.pathsep.join(place for place in sys.path if place),
            "PYTHONSAFEPATH": "1",
            # The work is shared out by clips; and arenas by the dozen would look like memory used.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",
            "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        }
        program = "montage_pipeline.media.isolation.fork_server"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", program, str(theirs.fileno()), *modules],
                stdin=subprocess.DEVNULL,
                env=environment,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def fork(self) -> Worker:
        """A new worker."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [ORDER.pack(FORK, 0)], [theirs.fileno()])
            return Worker(self._reply(), ours)

    def reap(self, pid: int) -> int:
        """The exit code of a worker that ends; it is waited for."""
        self._control.sendall(ORDER.pack(REAP, pid))
        return self._reply()

    def end(self) -> None:
        """End it, and all workers with it."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
            return
        self._process.kill()
        self._process.wait()

    def _reply(self) -> int:
        data = self._control.recv(REPLY.size)
        if len(data) < REPLY.size:
            raise EOFError
        return int(REPLY.unpack(data)[0])


class Workers:
    """All workers of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _ForkServer | None = None
        self._modules: tuple[str, ...] = ()
        self._idle: list[Worker] = []

    def warm_up(self, modules: Sequence[str]) -> None:
        """Start loading the modules that calls will need; returns at once."""
        with self._lock:
            if self._server is None:
                self._modules = tuple(modules)
                self._server = _ForkServer(self._modules)

    @contextmanager
    def one(self) -> Iterator[Worker]:
        """A worker for a call; it is ended when the block is left by an exception.

        Raises WorkerDied where the worker died, and MontageError(DECODER_NOT_STARTED).
        """
        worker = self._take()
        try:
            yield worker
        except EOFError:
            raise WorkerDied(self._discard(worker)) from None
        except BaseException:
            self._discard(worker)
            raise
        if worker.memory_bytes() > _MAX_KEPT_BYTES:
            self._discard(worker)
            return
        with self._lock:
            self._idle.append(worker)

    def end(self) -> None:
        """End all workers; the next call starts anew."""
        with self._lock:
            server, self._server = self._server, None
            for worker in self._idle:
                worker.connection.close()
            self._idle.clear()
        if server is not None:
            server.end()

    def forget(self) -> None:
        """In a fork of this process: the workers are the other's."""
        self.__init__()  # type: ignore[misc]

    def _take(self) -> Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            try:
                return self._forked()
            except (EOFError, OSError):
                # It was ended, for want of memory perhaps: that is no clip's fault.
                self._drop_server()
            try:
                return self._forked()
            except (EOFError, OSError) as error:
                self._drop_server()
                raise MontageError(
                    ErrorCode.DECODER_NOT_STARTED,
                    f"No process for reading clips can be started: {error or 'it ended at once'}",
                ) from error

    def _forked(self) -> Worker:
        if self._server is None:
            self._server = _ForkServer(self._modules)
        return self._server.fork()

    def _drop_server(self) -> None:
        if self._server is not None:
            self._server.end()
        self._server = None

    def _discard(self, worker: Worker) -> int:
        """End a worker; its exit code."""
        # One that dies of something else keeps the exit code that it dies with.
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        worker.connection.close()
        with self._lock:
            try:
                return 0 if self._server is None else self._server.reap(worker.pid)
            except (EOFError, OSError):
                self._drop_server()
                return -signal.SIGKILL


WORKERS = Workers()
"""Those of this process."""

atexit.register(WORKERS.end)
os.register_at_fork(after_in_child=WORKERS.forget)
