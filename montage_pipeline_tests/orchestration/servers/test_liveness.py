"""The daemon's health check: cheap, and as true as Dagster's own."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._daemon.daemon import DagsterDaemon

from montage_pipeline.orchestration.servers import liveness
from montage_pipeline.orchestration.servers.daemon import Bell, nudged_daemons
from montage_pipeline.orchestration.servers.liveness import LIVE, STANDS, UNKNOWN, Turns, check
from montage_pipeline.settings import Settings
from montage_pipeline_tests.package_tree import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the daemon writes."""
    return tmp_path / "turned"


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_BEAT_S", 0)
    monkeypatch.setenv("DAGSTER_DAEMON_HEARTBEAT_TOLERANCE", "1.5")


@pytest.mark.usefixtures("short_patience")
def test_one_loop_that_stands_is_enough(path: Path) -> None:
    turns = Turns(path)
    turns.watch(["SENSOR", "SCHEDULER"])
    deadline_s = time.monotonic() + 2.2
    while time.monotonic() < deadline_s:
        turns.note("SENSOR")
        time.sleep(0.05)
    turns.write()
    assert check(path)[0] == STANDS
    turns.note("SCHEDULER")
    turns.write()
    assert check(path)[0] == LIVE


@pytest.mark.usefixtures("short_patience")
def test_a_daemon_that_stopped_as_a_whole_or_never_began_stands(path: Path) -> None:
    Turns(path).write()
    assert check(path)[0] == LIVE
    time.sleep(2.2)
    assert check(path)[0] == STANDS


def test_what_cannot_be_told_is_not_said_to_stand(path: Path) -> None:
    assert check(path)[0] == UNKNOWN
    path.write_text("")
    assert check(path)[0] == UNKNOWN
    # Of a day before the machine was last started, whose clock began anew.
    path.write_text(f"{time.monotonic() + 86_400:.0f}")
    assert check(path)[0] == UNKNOWN


@pytest.mark.usefixtures("short_patience")
def test_dagsters_loops_turn_while_the_database_is_away(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Dagster's own loop around each daemon, as its controller starts it."""
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    turns, shutdown = Turns(path), threading.Event()

    def away(*_: object) -> None:
        raise ConnectionError("the database is away")

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        daemons = nudged_daemons(instance, bells=(Bell(), Bell()), settings=Settings(), turns=turns)
        names = [daemon.daemon_type() for daemon in daemons]
        monkeypatch.setattr(dg.DagsterInstance, "get_daemon_heartbeats", away)
        standing = daemons[-1]
        threads = [_loop(daemon, instance, shutdown, daemon is standing) for daemon in daemons]
        try:
            time.sleep(2.5)
            turns.write()
            assert check(path)[0] == STANDS
            turns.watch(names[:-1])
            time.sleep(0.5)
            turns.write()
            assert check(path)[0] == LIVE, names
        finally:
            shutdown.set()
            for thread in threads:
                thread.join(5)


def _loop(
    daemon: DagsterDaemon[Any],
    instance: dg.DagsterInstance,
    shutdown: threading.Event,
    hangs: bool,
) -> threading.Thread:
    """The daemon's loop, whose turns take a moment; or are never over."""

    def core_loop(_context: object, ends: threading.Event) -> object:
        while True:
            ends.wait(60 if hangs else 0.1)
            yield None

    class Context:
        def __init__(self) -> None:
            self.instance = instance

    daemon.core_loop = core_loop  # type: ignore[method-assign, assignment]
    arguments = (Context(), "id", shutdown, 30.0, 300)
    thread = threading.Thread(target=daemon.run_daemon_loop, args=arguments, daemon=True)
    thread.start()
    return thread


def test_the_check_as_a_program_imports_nothing_that_takes_time(tmp_path: Path) -> None:
    """Run as in the container, where `TMPDIR` is not set and the file is in /tmp."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    program = [sys.executable, "-X", "importtime", "-m", liveness.__name__]
    unknown = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert unknown.returncode == UNKNOWN
    assert "No daemon has written" in unknown.stderr
    imported = {
        line.rpartition("|")[2].strip().split(".")[0] for line in unknown.stderr.splitlines()
    }
    assert not imported & {"dagster", "pydantic", "sqlalchemy", "structlog", "psycopg", "grpc"}

    Turns(tmp_path / "montage-daemon-turned").write()
    live = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert live.returncode == LIVE
