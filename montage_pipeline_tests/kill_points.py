"""Processes that die by SIGKILL at a chosen point of a paid call.

Belongs here: choosing the point and dying there. Does not belong here: what is bought, and what the
ledger must say afterwards.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from montage_pipeline.costs.ledger import CostLedger

_PRELOADED = (
    "psycopg",
    "montage_pipeline.analysis.claude.analyst",
    "montage_pipeline.music.fal.composer",
)


@dataclass(frozen=True)
class KillPoint:
    """Right before or right after a method of the ledger has done its work."""

    method: str
    after: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'}-{self.method}"


def begun(work: Callable[..., Any], *args: Any) -> BaseProcess:
    """The work, begun in a process of its own."""
    # A server that has the libraries loaded forks in milliseconds; starting anew takes seconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *_PRELOADED])
    process = context.Process(target=work, args=args)
    process.start()
    return process


def run_and_die(work: Callable[[], Any], point: KillPoint) -> None:
    """Do the work in a process of its own, which is killed at the point; it must get there."""
    process = begun(_die_at, work, point)
    process.join(90)
    assert process.exitcode == -signal.SIGKILL, f"it ended with {process.exitcode}, not at {point}"


def _die_at(work: Callable[[], Any], point: KillPoint) -> None:
    real = getattr(CostLedger, point.method)

    def dying(*args: Any, **values: Any) -> Any:
        if point.after:
            real(*args, **values)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(CostLedger, point.method, dying)
    work()
