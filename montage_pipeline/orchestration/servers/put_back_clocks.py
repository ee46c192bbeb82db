"""A clock that was put back, which Dagster's daemon would wait out.

Its loops reckon with the time of day. When a clock that was two hours fast is put right, a sensor
that ticked "in two hours" is not due before then, an idle loop sleeps until then, and no heartbeat
is written: nothing would start for two hours, and nothing would say so.

So the daemon ends when its clock is put back, is started again by whoever looks after it, and
begins by forgetting ticks that lie ahead. A clock that is put forward harms none of this.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dagster._core.scheduler.instigation import SensorInstigatorData

from montage_pipeline import logs

if TYPE_CHECKING:
    from dagster import DagsterInstance

MIN_JUMP_S = 5.0
"""What is put back by less costs a sensor no more than that, once."""

_POLL_S = 1.0

_MAX_READING_S = 1.0
"""What a reading of the clocks may take, and be wrong by: far less than a jump that counts."""

log = logs.get_logger(__name__)


class ClockWatch:
    """Compares the time of day with a clock that nobody can set."""

    def __init__(self) -> None:
        self._ahead_s = _ahead_s()

    def put_back_s(self) -> float:
        """By how many seconds the clock was put back since the last look; negative: forward."""
        before_s, self._ahead_s = self._ahead_s, _ahead_s()
        return before_s - self._ahead_s


def _ahead_s() -> float:
    """The time of day, less a clock that nobody can set."""
    while True:
        before_s, now_s, after_s = time.monotonic(), time.time(), time.monotonic()
        # A process that is starved can stand still for many seconds between two clocks.
        if after_s - before_s < _MAX_READING_S:
            return now_s - before_s


def end_when_put_back(end: Callable[[int], object] = os._exit) -> threading.Thread:
    """From now on, end this process when its clock is put back.

    At once, as a crash would: its threads may be asleep until a time that is hours away, and
    whatever the daemon is at is safe against its death.
    """
    watch = ClockWatch()

    def look() -> None:
        while True:
            time.sleep(_POLL_S)
            put_back_s = watch.put_back_s()
            if put_back_s >= MIN_JUMP_S:
                log.warning("clock_put_back", seconds=round(put_back_s))
                end(1)
                return

    thread = threading.Thread(target=look, name="clock-watch", daemon=True)
    thread.start()
    return thread


def forget_ticks_ahead(instance: "DagsterInstance") -> int:
    """Make sensors due whose last tick lies ahead of now; how many there were."""
    latest_s = time.time() + MIN_JUMP_S
    forgotten = 0
    for state in instance.all_instigator_state():
        data = state.instigator_data
        if not isinstance(data, SensorInstigatorData):
            continue
        ticks_s = (data.last_tick_timestamp or 0.0, data.last_tick_start_timestamp or 0.0)
        if max(ticks_s) > latest_s:
            due = data._replace(last_tick_timestamp=None, last_tick_start_timestamp=None)
            instance.update_instigator_state(state.with_data(due))
            forgotten += 1
    if forgotten:
        log.warning("ticks_ahead_forgotten", sensors=forgotten)
    return forgotten
