"""A run whose process is killed in the middle of any step ends in a draft by itself, and nothing is bought twice."""

import time
from uuid import UUID

import psutil
import pytest

from montage_pipeline.requests.vocabulary import CostState, Service, Step
from montage_pipeline_tests.e2e.conftest import System, click, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("system"), pytest.mark.timeout(400)]


@pytest.mark.parametrize("step", list(Step))
def test_a_killed_run_is_finished_by_its_retry(system: System, user: UUID, step: Step) -> None:
    calls_before, jobs_before = len(system.anthropic.usages), len(system.fal.jobs)
    with system.client(user) as client:
        created = click(client, durationSec=7)
        request_id, item_id = UUID(created["requestId"]), UUID(created["id"])
        killed_run = _kill_run_in(system, user, item_id, request_id, step)
        status, _ = wait_for(client, created["id"])
    assert status["status"] == "draft", status["error"]
    request = system.requests.get_request(request_id)
    assert request is not None
    assert request.run_id != killed_run, "the draft must come from the retry"
    entries = system.ledger.entries(request_id)
    assert [entry.service for entry in entries] == [Service.CLAUDE, Service.FAL]
    assert all(entry.state is CostState.SETTLED for entry in entries)
    assert len(system.anthropic.usages) == calls_before + 1
    assert len(system.fal.jobs) == jobs_before + 1
    _nothing_left_behind(system)


def _kill_run_in(system: System, user: UUID, item_id: UUID, request_id: UUID, step: Step) -> str:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        item = system.requests.get_item(user, item_id)
        assert item is not None
        assert item.status.value == "generating", f"it was over before {step} could be interrupted: {item.error}"
        if item.progress_step is step:
            break
        time.sleep(0.01)
    workers = system.run_workers()
    assert workers, "the run has no process"
    request = system.requests.get_request(request_id)
    for worker in workers:
        worker.kill()
    assert request is not None
    assert request.run_id is not None
    return request.run_id


def _nothing_left_behind(system: System) -> None:
    """No FFmpeg outlives the run that started it."""
    home = str(system.settings.home.resolve())
    strays = []
    for process in psutil.process_iter():
        try:
            if "ffmpeg" in process.name() and any(home in part for part in process.cmdline()):
                strays.append(process)
        except psutil.Error:
            continue
    assert not strays
