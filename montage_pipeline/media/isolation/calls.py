"""`isolated`: call a function in a worker, and say what it means when that does not return.

Belongs here: from ends of processes to errors with codes. Does not belong here: the processes
(workers).
"""

import importlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar, TypeVarTuple

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError, new_reference
from montage_pipeline.logs import get_logger
from montage_pipeline.media.isolation.effort import OverTime
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.media.isolation.wire import ForbiddenAnswer, LogLine, Raised
from montage_pipeline.media.isolation.worker import Call, is_worker
from montage_pipeline.media.isolation.workers import (
    WORKERS,
    OverMemory,
    WorkerDied,
)

R = TypeVar("R")
Arguments = TypeVarTuple("Arguments")

_log = get_logger(__name__)


def warm_up(modules: Sequence[str]) -> None:
    """Start loading the modules that calls will need; returns at once."""
    WORKERS.warm_up(modules)


def isolated(
    budget: Budget,
    stop: threading.Event | None,
    function: Callable[[*Arguments], R],
    *args: *Arguments,
) -> R:
    """What `function` (of a module, not a method) returns when it is called in a worker.

    Whoever sets `stop` has the call ended, which then raises `workers.Stopped`. Inside a worker
    the function is simply called.

    Errors with a code are raised as they were. Else PermanentError: CLIP_CRASHED (a decoder ended
    the process), CLIP_TOO_DEMANDING (time or memory ran out), CLIP_FAILED (any other error; its
    trace is logged). MontageError(DECODER_NOT_STARTED) when there can be no worker; OSError when
    a file could not be read or written.
    """
    if is_worker():
        return function(*args)
    try:
        with WORKERS.one() as worker:
            answer = worker.answer(Call(function, args, budget), stop)
            _pass_on(answer.log)
            if isinstance(answer, Raised):
                _raise(answer, budget)
            value: R = answer.value
            return value
    except OverTime as over:
        raise _too_slow(str(over)) from None
    except OverMemory:
        raise _too_large(budget) from None
    except WorkerDied as death:
        raise _died(death, budget) from None
    except ForbiddenAnswer as error:
        _log.error("answer_refused", reason=str(error))
        raise PermanentError(
            ErrorCode.CLIP_CRASHED, "its decoder ran wild and was ended"
        ) from error


def _raise(raised: Raised, budget: Budget) -> NoReturn:
    """Raise here what was raised in the worker."""
    module, name = raised.kind
    if raised.code is not None:
        raise _coded(raised)
    if raised.errno is not None:
        raise OSError(raised.errno, os.strerror(raised.errno))
    if name == "MemoryError":
        raise _too_large(budget)
    reference = new_reference()
    _log.error(
        "clip_failed",
        reference=reference,
        error=f"{module}.{name}",
        reason=raised.message,
        trace=raised.trace,
    )
    raise PermanentError(
        ErrorCode.CLIP_FAILED, f"it cannot be read; the reference {reference} is in our logs"
    )


def _coded(raised: Raised) -> MontageError:
    """The error with a code, of the class it had."""
    module, name = raised.kind
    code = raised.code
    if not isinstance(code, ErrorCode):
        raise ForbiddenAnswer(f"it has the code {code!r}")
    kind = PermanentError if code.permanent else MontageError
    if module.startswith("montage_pipeline.") and name.isidentifier():
        found = getattr(importlib.import_module(module), name, None)
        if isinstance(found, type) and issubclass(found, MontageError):
            kind = found
    error = kind.__new__(kind)
    MontageError.__init__(error, code, raised.message, **raised.details)
    return error


def _died(death: WorkerDied, budget: Budget) -> PermanentError:
    number = -death.exit_code
    if number == signal.SIGXCPU:
        return _too_slow(f"takes longer than {budget.work_s:.0f} s of every core's time")
    if number == signal.SIGKILL:
        message = "its decoder was ended by the system, most likely for want of memory"
        return PermanentError(ErrorCode.CLIP_TOO_DEMANDING, message)
    how = signal.Signals(number).name if number > 0 else f"exit {death.exit_code}"
    return PermanentError(ErrorCode.CLIP_CRASHED, f"it makes its decoder crash ({how})")


def _too_slow(how: str) -> PermanentError:
    return PermanentError(ErrorCode.CLIP_TOO_DEMANDING, f"reading it {how}")


def _too_large(budget: Budget) -> PermanentError:
    return PermanentError(
        ErrorCode.CLIP_TOO_DEMANDING,
        f"decoding it takes more than {budget.memory_bytes / 1e9:.1f} GB of memory",
    )


def _pass_on(lines: Sequence[LogLine]) -> None:
    """Log what a worker did, in the context of whoever made the call."""
    for line in lines:
        level = line.level if line.level in ("debug", "info", "warning", "error") else "info"
        getattr(_log, level)(line.event, **{str(key): value for key, value in line.facts.items()})
