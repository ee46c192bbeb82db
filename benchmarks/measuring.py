"""What a piece of work takes: seconds, processor seconds, memory."""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import psutil

PAUSE_S = 3.0
"""Before a click: nobody clicks the moment that what they asked for is there, as they look at it
first. What ends behind it meanwhile is not to be waited for.
"""

_SAMPLE_EVERY_S = 0.05  # a peak that is shorter than this may be missed
_MB = 1e6

T = TypeVar("T")


@dataclass
class Usage:
    """Wall seconds, and processor seconds (user and system).

    The latter are of this process and of the children it has waited for.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Peak:
    """The peak memory of a process and all below it, in MB.

    `rss_mb` counts what processes share once for each of them, `pss_mb` once in all; 0 where the
    system does not tell.
    """

    rss_mb: float
    pss_mb: float


@contextmanager
def timed() -> Iterator[Usage]:
    """Fills in the usage when the block ends."""
    usage = Usage()
    wall_s, cpu_s = time.perf_counter(), _cpu_s()
    yield usage
    usage.wall_s, usage.cpu_s = time.perf_counter() - wall_s, _cpu_s() - cpu_s


def in_new_process(work: Callable[..., T], *args: Any) -> tuple[T, Peak]:
    """The result of `work` in a Python process of its own, and the peak memory of that process.

    Memory includes that of its children. `work` and its arguments must be picklable; what it raises
    is raised here. Sampling takes a few percent of a core.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(there, work, args))
    process.start()
    there.close()
    rss_mb = pss_mb = 0.0
    try:
        root = psutil.Process(process.pid)
        while not here.poll(_SAMPLE_EVERY_S):
            rss, pss = _memory_mb(root)
            rss_mb, pss_mb = max(rss_mb, rss), max(pss_mb, pss)
        result = here.recv()
    except EOFError:
        process.join()
        raise RuntimeError(
            f"the process that ran {work.__name__} died (exit {process.exitcode})"
        ) from None
    finally:
        process.join(10)
        process.kill()
    if isinstance(result, Exception):
        raise result
    return result, Peak(rss_mb, pss_mb)


def _report(pipe: Connection, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        pipe.send(work(*args))
    except Exception as error:
        pipe.send(error)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _memory_mb(root: psutil.Process) -> tuple[float, float]:
    rss = pss = 0.0
    with suppress(psutil.NoSuchProcess):
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                held = process.memory_full_info()
                rss += held.rss / _MB
                pss += getattr(held, "pss", 0) / _MB
    return rss, pss
