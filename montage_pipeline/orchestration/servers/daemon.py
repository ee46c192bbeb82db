"""Dagster's `dagster-daemon`, with all of its options, woken by each request instead of by the
clock alone.

Dagster turns its loop of sensors every 5 s, and that of its queue every second. Here a nudge turns
both at once; without any they turn as often as Dagster has it, which finds whatever was missed.
"""

import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dagster._daemon import cli
from dagster._daemon.controller import create_daemons_from_instance, daemon_controller_from_instance
from dagster._daemon.daemon import DaemonIterator, DagsterDaemon, SensorDaemon, SpanMarker
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon
from dagster._utils.error import serializable_error_info_from_exc_info

from montage_pipeline import logs
from montage_pipeline.orchestration.servers.liveness import Turns, noting
from montage_pipeline.orchestration.servers.put_back_clocks import (
    end_when_put_back,
    forget_ticks_ahead,
)
from montage_pipeline.requests.queue.nudges import Nudges
from montage_pipeline.settings import Settings, get_settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

_CONTROLLER = daemon_controller_from_instance.__name__
_TURN = "_check_add_heartbeat"

_POLL_S = 0.25
"""How soon a loop that waits for a nudge notices that the daemon ends."""

_ALERT_S = 3.0
"""After a nudge the queue is looked at often: its run is there within a second or two."""

_ALERT_INTERVAL_S = 0.1

_SETTLE_S = 0.2
"""How much later than its shortest interval a sensor is sure to be due."""


class Bell:
    """Rung by nudges; each loop that waits has its own."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self.rung_at_s = -_ALERT_S

    def ring(self) -> None:
        """Wake the loop, or have it not sleep the next time."""
        self.rung_at_s = time.monotonic()
        self._rung.set()

    def wait(self, shutdown: threading.Event, timeout_s: float) -> bool:
        """Wait for a ring, the end of the daemon or the time; whether it rang."""
        deadline_s = time.monotonic() + timeout_s
        while not shutdown.is_set():
            left_s = deadline_s - time.monotonic()
            if self._rung.wait(max(0.0, min(left_s, _POLL_S))):
                self._rung.clear()
                return True
            if left_s <= 0:
                return False
        return False


class Pause:
    """What Dagster's loop of sensors takes for its event of shutdown, and waits on between turns.

    A ring ends the wait. A sensor that ticked less than its interval before is not due then, and
    one that is at it is passed by; so the loop turns once more when that is over.
    """

    def __init__(self, shutdown: threading.Event, bell: Bell, interval_s: float) -> None:
        self._shutdown = shutdown
        self._bell = bell
        self._again_after_s = interval_s + _SETTLE_S
        self._again_at_s: float | None = None

    def is_set(self) -> bool:
        """Whether the daemon ends."""
        return self._shutdown.is_set()

    def wait(self, timeout: float) -> bool:
        """Until the next turn; whether the daemon ends."""
        if self._again_at_s is not None:
            timeout = min(timeout, max(0.0, self._again_at_s - time.monotonic()))
            self._again_at_s = None
        if self._bell.wait(self._shutdown, timeout):
            self._again_at_s = time.monotonic() + self._again_after_s
        return self._shutdown.is_set()


class NudgedSensorDaemon(SensorDaemon):
    """Dagster's loop of sensors, turned by nudges too."""

    bell: Bell
    interval_s: float

    def core_loop(self, workspace_process_context: Any, shutdown_event: Any) -> DaemonIterator:
        """Run until the daemon ends."""
        pause: Any = Pause(shutdown_event, self.bell, self.interval_s)
        yield from super().core_loop(workspace_process_context, pause)


class NudgedQueueDaemon(QueuedRunCoordinatorDaemon):
    """Dagster's queue, looked at ten times a second for a while after each nudge."""

    bell: Bell

    def core_loop(self, workspace_process_context: Any, shutdown_event: Any) -> DaemonIterator:
        """Run until the daemon ends: Dagster's loop, with another pause between its turns."""
        while True:
            began_s = time.monotonic()
            yield SpanMarker.START_SPAN
            try:
                yield from self.run_iteration(workspace_process_context)
            except Exception:
                error = serializable_error_info_from_exc_info(sys.exc_info())
                self._logger.error("Caught error:\n%s", error)
                yield error
            yield SpanMarker.END_SPAN

            alert = began_s - self.bell.rung_at_s < _ALERT_S
            interval_s = _ALERT_INTERVAL_S if alert else self.interval_seconds
            self.bell.wait(shutdown_event, interval_s - (time.monotonic() - began_s))
            yield None


def nudged_daemons(
    instance: "DagsterInstance", *, bells: Sequence[Bell], settings: Settings, turns: Turns
) -> list[DagsterDaemon[Any]]:
    """Dagster's daemons, the two that start runs woken by these bells, with every sensor due that
    ticked while the clock was fast. Each notes its turns.
    """
    forget_ticks_ahead(instance)
    sensor_bell, queue_bell = bells
    daemons: list[DagsterDaemon[Any]] = []
    for daemon in create_daemons_from_instance(instance):
        if isinstance(daemon, SensorDaemon):
            sensors = NudgedSensorDaemon(settings=instance.get_sensor_settings())
            sensors.bell, sensors.interval_s = sensor_bell, settings.sensor_interval_s
            daemons.append(sensors)
        elif isinstance(daemon, QueuedRunCoordinatorDaemon):
            queue = NudgedQueueDaemon(interval_seconds=daemon.interval_seconds)
            queue.bell = queue_bell
            daemons.append(queue)
        else:
            daemons.append(daemon)
    _note_turns(daemons, turns)
    return daemons


def _note_turns(daemons: Sequence[DagsterDaemon[Any]], turns: Turns) -> None:
    """Dagster looks on each turn of a loop whether a heartbeat is due, and goes on when it cannot
    be stored.
    """
    for daemon in daemons:
        if not hasattr(daemon, _TURN):
            raise RuntimeError(f"{type(daemon).__name__} has no {_TURN}: nobody would see it stand")
        setattr(
            daemon, _TURN, noting(getattr(daemon, _TURN), partial(turns.note, daemon.daemon_type()))
        )
    turns.watch([daemon.daemon_type() for daemon in daemons])


def main() -> None:
    """Run Dagster's command, which has no place for daemons of others, with ours for its own.

    `run` may be left out. The other commands of `dagster-daemon` are as Dagster has them, so that
    this can stand in for it.
    """
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "run":
        del sys.argv[1]
    elif command in cli.cli.commands:
        cli.main()
        return

    if _CONTROLLER not in vars(cli):
        raise RuntimeError(f"dagster._daemon.cli has no {_CONTROLLER}: requests would wait for it")
    settings, bells, turns = get_settings(), (Bell(), Bell()), Turns()
    logs.configure(settings, in_dagsters_program=True)
    vars(cli)[_CONTROLLER] = partial(
        daemon_controller_from_instance,
        gen_daemons=partial(nudged_daemons, bells=bells, settings=settings, turns=turns),
    )
    turns.keep_writing()
    if settings.database_url:

        def ring() -> None:
            for bell in bells:
                bell.ring()

        Nudges(settings, ring).start()
    end_when_put_back()
    cli.run_command()


if __name__ == "__main__":
    main()
