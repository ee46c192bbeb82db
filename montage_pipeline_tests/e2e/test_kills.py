"""A run whose process is ended in the middle of any step becomes a draft by itself, and nothing is
bought twice.
"""

import signal
import time
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from montage_pipeline.vocabulary import CostState, Service, Step
from montage_pipeline_tests.e2e.conftest import System, click, wait_for
from montage_pipeline_tests.fakes.anthropic_server import Fault

CLOSED_WITHIN_S = 240
"""The reconciler's grace of 120 s, a tick of 30 s, and a slow machine."""

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(700)]


@pytest.mark.parametrize(
    "interruptions",
    [
        [
            (Step.CLIP_ANALYSIS, signal.SIGKILL),
            (Step.EDIT_TIMELINE, signal.SIGKILL),
            (Step.R2_OBJECT, signal.SIGKILL),
        ],
        # SIGTERM is what a deploy sends: nobody asked for the run itself to end.
        [
            (Step.MUSIC_TRACK, signal.SIGKILL),
            (Step.RENDERED_VIDEO, signal.SIGKILL),
            (Step.RENDERED_VIDEO, signal.SIGTERM),
        ],
    ],
    ids=["analysis, edit, delivery", "music, render, render"],
)
def test_an_interrupted_run_is_finished_by_its_retries(
    system: System, user: UUID, small_clip: Path, interruptions: list[tuple[Step, signal.Signals]]
) -> None:
    calls_before, jobs_before = len(system.anthropic.usages), len(system.fal.jobs)
    with system.client(user) as client:
        created = click(client, [small_clip])
        request_id, item_id = UUID(created["requestId"]), UUID(created["id"])
        interrupted: list[str] = []
        for step, number in interruptions:
            run_id = _wait_for_step(system, user, item_id, request_id, step, after=interrupted)
            for worker in system.run_workers():
                worker.send_signal(number)
            interrupted.append(run_id)
        status, _ = wait_for(client, created["id"])
    assert status["status"] == "draft", status["error"]
    request = system.services.requests.get_request(request_id)
    assert request is not None
    assert request.run_id not in interrupted, "the draft must come from a retry"
    entries = system.services.ledger.entries(request_id)
    assert [entry.service for entry in entries] == [Service.CLAUDE, Service.FAL]
    assert all(entry.state is CostState.SETTLED for entry in entries)
    assert len(system.anthropic.usages) == calls_before + 1
    assert len(system.fal.jobs) == jobs_before + 1
    _nothing_left_behind(system)


def test_a_person_stops_a_run_in_the_ui(system: System, user: UUID, small_clip: Path) -> None:
    with system.client(user) as client:
        created = click(client, [small_clip])
        run_id = _wait_for_step(
            system, user, UUID(created["id"]), UUID(created["requestId"]), Step.RENDERED_VIDEO
        )
        system.graphql(
            "mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id
        )
        status, _ = wait_for(client, created["id"], limit_s=60)
    request = system.services.requests.get_request(UUID(created["requestId"]))
    assert status["status"] == "failed", request
    assert status["error"]["code"] == "canceled"
    _nothing_left_behind(system)


def _wait_for_step(
    system: System,
    user: UUID,
    item_id: UUID,
    request_id: UUID,
    step: Step,
    after: list[str] | None = None,
) -> str:
    """The id of the run, other than those in `after`, that has begun the step."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        item = system.services.library.get_item(user, item_id)
        request = system.services.requests.get_request(request_id)
        assert item is not None
        assert request is not None
        assert item.status.value == "generating", (
            f"it was over before {step} could be interrupted: {item.error}"
        )
        if (
            item.progress_step is step
            and request.run_id is not None
            and request.run_id not in (after or ())
        ):
            return request.run_id
        time.sleep(0.01)
    raise AssertionError(f"{step} did not begin")


def _nothing_left_behind(system: System) -> None:
    """No FFmpeg outlives the run that started it."""
    home = str(system.settings.home.resolve())
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        strays = [process for process in psutil.process_iter() if _is_ffmpeg_of(process, home)]
        if not strays:
            return
        time.sleep(0.1)
    raise AssertionError(f"left behind: {strays}")


def _is_ffmpeg_of(process: psutil.Process, home: str) -> bool:
    try:
        return "ffmpeg" in process.name() and any(home in part for part in process.cmdline())
    except psutil.Error:
        return False


def test_a_call_in_flight_is_closed_although_its_step_never_runs_again(
    system: System, user: UUID, small_clip: Path
) -> None:
    system.anthropic.received.clear()
    system.anthropic.script(Fault.slow(300))
    calls_before = len(system.anthropic.usages)
    with system.client(user) as client:
        created = click(client, [small_clip])
    request_id, item_id = UUID(created["requestId"]), UUID(created["id"])
    assert system.anthropic.received.wait(120)
    for worker in system.run_workers():
        worker.kill()
    assert system.services.requests.withdraw(request_id)
    [row] = system.services.ledger.entries(request_id)
    assert row.state is CostState.PENDING

    deadline = time.monotonic() + CLOSED_WITHIN_S
    while row.state is CostState.PENDING and time.monotonic() < deadline:
        time.sleep(2)
        [row] = system.services.ledger.entries(request_id)
    assert (row.state, row.in_doubt) == (CostState.ESTIMATED, True)
    assert row.cost_usd == row.predicted_usd
    item = system.services.library.get_item(user, item_id)
    assert item is not None
    assert row.doubt in item.warnings
    assert len(system.anthropic.usages) == calls_before + 1
