"""What happens inside a worker: one call after the other, each with its limits.

Belongs here: running a call, and telling how it ended. Does not belong here: what the end means
(calls).
"""

import os
import pickle
import signal
import socket
import traceback
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

from montage_pipeline.errors import MontageError
from montage_pipeline.media.isolation.limits import Budget, limit_call, limit_worker
from montage_pipeline.media.isolation.wire import Answer, LogLine, Raised, Returned, receive, send

_MAX_LOG_LINES = 200  # of a call; a file may be wrong in a million places
_MAX_CHARS = 2000  # of any text in an answer

_here = False


@dataclass(frozen=True)
class Call:
    """A function of a module, what it is called with, and what it may use."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    budget: Budget


def is_worker() -> bool:
    """Whether this process is a worker."""
    return _here


def work(connection: socket.socket) -> None:
    """Answer calls until nobody is there to make any."""
    global _here
    _here = True
    # A person's Ctrl-C is for whoever waits for us; they end us when they mean it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_worker()
    lines: list[LogLine] = []
    _collect_log(lines)
    while True:
        try:
            call = pickle.loads(receive(connection))  # noqa: S301 - from who made us
        except (EOFError, OSError):
            return
        lines.clear()
        answer = _answer(call, lines)
        try:
            send(connection, answer)
        except OSError:
            return


def _answer(call: Call, lines: list[LogLine]) -> Answer:
    try:
        limit_call(call.budget)
        value = call.function(*call.args)
    except MontageError as error:
        kind = (type(error).__module__, type(error).__qualname__)
        details = {name: _plain(value) for name, value in error.details.items()}
        return Raised(kind, error.message, tuple(lines), code=error.code, details=details)
    except BaseException as error:
        kind = (type(error).__module__, type(error).__qualname__)
        of_system = isinstance(error, OSError) and not kind[0].startswith("av.")
        return Raised(
            kind,
            str(error)[:_MAX_CHARS],
            tuple(lines),
            errno=error.errno if of_system and isinstance(error, OSError) else None,
            trace=traceback.format_exc()[-4 * _MAX_CHARS :],
        )
    return Returned(value, tuple(lines))


def _collect_log(lines: list[LogLine]) -> None:
    """Keep what is logged for whoever made the call: the context is theirs."""

    def collect(_logger: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping:  # type: ignore[type-arg]
        if len(lines) < _MAX_LOG_LINES:
            facts = {name: _plain(value) for name, value in event.items() if name != "event"}
            lines.append(LogLine(level, str(event.get("event")), facts))
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.processors.format_exc_info, collect],
        wrapper_class=structlog.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _plain(value: Any) -> Any:
    """The value, if it is a plain one; else its text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value)[:_MAX_CHARS]


def main(connection: socket.socket) -> None:
    """Be a worker, and never return."""
    try:
        work(connection)
    finally:
        os._exit(0)
