"""How much of its time a call has used: as if nothing else ran on the machine.

A clock on the wall also counts what others do: on a machine that is busy, a sound clip would be
refused for taking too long. So a call is over time when one thread of its worker has computed for
as long as the budget allows, which no idle machine could do sooner; when it stands still, because
whoever computes nothing waits for nothing but a hang; and, to be sure, when the clock on the wall
says many times as much.

Belongs here: what a call uses, as the system tells it. Does not belong here: what becomes of a
worker (workers).
"""

import time

import psutil

from montage_pipeline.media.isolation.limits import Budget

_LOOK_S = 0.5
"""Between two looks: each reads a file of the system for every thread."""

_MIN_STILL_S = 5.0
"""For less, a process may be left out on a machine that is very busy."""

_MIN_SHARE = 0.01
"""Of a core: whoever has less all the while does not compute. A machine that has a hundred times as
much to do as it can leaves each that much.
"""


class OverTime(Exception):
    """A call took longer than its budget allows; its text says in which way."""


class Effort:
    """What one call has used since now."""

    def __init__(self, pid: int, budget: Budget) -> None:
        self._process = psutil.Process(pid) if psutil.pid_exists(pid) else None
        self._budget = budget
        self._still_s = max(budget.work_s, _MIN_STILL_S)
        self._began_s = self._marked_s = time.monotonic()
        self._look_at_s = self._began_s + min(_LOOK_S, budget.work_s / 2)
        self._before_s = self._threads_s()
        self._computed_s = self._all_s()

    def check(self) -> None:
        """Raises OverTime."""
        now_s = time.monotonic()
        if now_s - self._began_s > self._budget.wall_s:
            raise OverTime(f"takes longer than {self._budget.wall_s:.0f} s")
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + _LOOK_S
        if self._busiest_s() > self._budget.work_s:
            raise OverTime(f"takes longer than {self._budget.work_s:.0f} s of a core's time")
        if now_s - self._marked_s > self._still_s:
            computed_s = self._all_s()
            if computed_s - self._computed_s < _MIN_SHARE * (now_s - self._marked_s):
                raise OverTime(f"takes longer than {self._still_s:.0f} s, in which it stands still")
            self._marked_s, self._computed_s = now_s, computed_s

    def _busiest_s(self) -> float:
        """What the thread has computed that has computed most."""
        used = (
            seconds - self._before_s.get(thread, 0.0)
            for thread, seconds in self._threads_s().items()
        )
        return max(used, default=0.0)

    def _threads_s(self) -> dict[int, float]:
        """What each thread has computed; nothing where the system does not tell. The system's own
        limit, for all of them together, holds in any case (`limits.limit_call`).
        """
        if self._process is None:
            return {}
        try:
            return {each.id: each.user_time + each.system_time for each in self._process.threads()}
        except psutil.Error:
            return {}

    def _all_s(self) -> float:
        """What the worker and the programs it started have computed."""
        if self._process is None:
            return 0.0
        try:
            family = [self._process, *self._process.children(recursive=True)]
        except psutil.Error:
            return 0.0
        return sum(_computed_s(process) for process in family)


def _computed_s(process: psutil.Process) -> float:
    """By it, and by those of its children that are over."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    over = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + over)
