"""The daemon's loops turn when a request is made, and by the clock when nobody says anything."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._daemon import cli
from dagster._daemon.controller import create_daemons_from_instance
from dagster._daemon.daemon import DaemonIterator

from montage_pipeline.orchestration.servers.daemon import (
    Bell,
    NudgedQueueDaemon,
    NudgedSensorDaemon,
    Pause,
    main,
    nudged_daemons,
)
from montage_pipeline.orchestration.servers.liveness import LIVE, Turns, check
from montage_pipeline.settings import Settings
from montage_pipeline_tests.package_tree import ROOT

LONG_S = 30.0
"""Nothing here may take that long: whatever does was not woken."""


@pytest.fixture
def shutdown() -> threading.Event:
    return threading.Event()


def test_a_pause_ends_with_a_nudge_and_is_short_once_more_after_it(
    shutdown: threading.Event,
) -> None:
    bell = Bell()
    pause = Pause(shutdown, bell, interval_s=0.3)
    threading.Timer(0.2, bell.ring).start()
    assert _waited_s(pause, LONG_S) < LONG_S / 2
    # The sensor may have ticked right before the nudge, and was not due: it is by now.
    again_s = _waited_s(pause, LONG_S)
    assert 0.3 <= again_s < LONG_S / 2
    # After that by the clock again.
    assert _waited_s(pause, 0.6) >= 0.6


def test_a_nudge_while_the_loop_is_busy_is_not_lost(shutdown: threading.Event) -> None:
    bell = Bell()
    bell.ring()
    assert _waited_s(Pause(shutdown, bell, interval_s=1), LONG_S) < LONG_S / 2


def test_a_pause_ends_with_the_daemon(shutdown: threading.Event) -> None:
    pause = Pause(shutdown, Bell(), interval_s=1)
    threading.Timer(0.2, shutdown.set).start()
    assert pause.wait(LONG_S)
    assert pause.is_set()


def _waited_s(pause: Pause, timeout_s: float) -> float:
    began_s = time.monotonic()
    pause.wait(timeout_s)
    return time.monotonic() - began_s


class CountedQueue(NudgedQueueDaemon):
    """A queue that only counts how often it is looked at; one look goes wrong."""

    turns = 0

    def run_iteration(
        self, workspace_process_context: Any, fixed_iteration_time: float | None = None
    ) -> DaemonIterator:
        self.turns += 1
        if self.turns == 2:
            raise RuntimeError("the database is away")
        yield None


def test_the_queue_is_looked_at_often_after_a_nudge_and_survives_an_error(
    shutdown: threading.Event,
) -> None:
    queue = CountedQueue(interval_seconds=LONG_S)
    queue.bell = Bell()
    queue.bell.ring()
    errors = []

    def turn() -> None:
        for said in queue.core_loop(None, shutdown):
            if said is not None and hasattr(said, "message"):
                errors.append(said.message)
            if queue.turns >= 5 or shutdown.is_set():
                return

    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    thread.join(LONG_S / 2)
    shutdown.set()
    assert queue.turns >= 5  # thirty seconds apart, but for the nudge
    assert any("the database is away" in message for message in errors)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--help"], "--workspace"),
        (["run", "--help"], "--workspace"),
        (["liveness-check", "--help"], "recent heartbeat"),
        (["debug", "--help"], "heartbeat-dump"),
    ],
    ids=" ".join,
)
def test_it_stands_in_for_dagsters_own(
    arguments: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The image has it under that name: the chart runs it, health checks ask it."""
    controller = "daemon_controller_from_instance"
    monkeypatch.setattr(cli, controller, getattr(cli, controller))  # put back afterwards
    monkeypatch.setattr("sys.argv", ["dagster-daemon", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert told in capsys.readouterr().out


def test_all_of_dagsters_daemons_run_and_two_of_them_are_nudged(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        usual = create_daemons_from_instance(instance)
        bells = (Bell(), Bell())
        settings, turns = Settings(sensor_interval_s=7), Turns(tmp_path / "turned")
        ours = nudged_daemons(instance, bells=bells, settings=settings, turns=turns)
        assert [each.daemon_type() for each in ours] == [each.daemon_type() for each in usual]
        kinds = {type(each): each for each in ours}
        sensors, queue = kinds[NudgedSensorDaemon], kinds[NudgedQueueDaemon]
        assert isinstance(sensors, NudgedSensorDaemon)
        assert isinstance(queue, NudgedQueueDaemon)
        assert (sensors.bell, queue.bell) == bells
        assert sensors.interval_s == 7
        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        assert queue.interval_seconds == instance.run_coordinator.dequeue_interval_seconds


def test_the_program_says_each_line_once_in_json_and_that_it_lives(tmp_path: Path) -> None:
    """The real daemon, without code locations, on a storage of its own."""
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "MONTAGE_LOG_FORMAT": "json",
        "DATABASE_URL": "",
    }
    program = [sys.executable, "-m", "montage_pipeline.orchestration.servers.daemon"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*program, "--empty-workspace", "--log-format", "json"],
            env=environment,
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline_s = time.monotonic() + 90
        while "configured with the following daemons" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.1)
        time.sleep(1)  # for a second line of the same
        assert check(tmp_path / "montage-daemon-turned")[0] == LIVE
    finally:
        process.terminate()
        process.wait(30)
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    configured = [event for event in events if "configured with the following" in event]
    assert len(configured) == 1
    assert "SensorDaemon" in configured[0]
