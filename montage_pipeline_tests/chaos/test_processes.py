"""Processes die: runs, the daemon, the code server, everything."""

import os
import signal
import time
from contextlib import suppress

import psutil

from montage_pipeline.local.embedded.keeper import signal_group
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.chaos.conftest import SLOTS
from montage_pipeline_tests.chaos.scene import Scene

REQUESTS = SLOTS + 1
"""More than there are slots for, so that some wait, too."""


def _kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def _kill_workers(scene: Scene) -> int:
    workers = scene.system.run_workers()
    for worker in workers:
        with suppress(psutil.Error):
            worker.kill()
    return len(workers)


def test_all_runs_killed(scene: Scene) -> None:
    first, *_ = scene.click(REQUESTS)
    scene.wait_for_step(Step.RENDERED_VIDEO, first)
    run_id = scene.run_of(first)
    assert _kill_workers(scene) >= 1
    scene.wait_until_it_goes_on(first, run_id, time.monotonic())
    scene.all_is_well()


def test_runs_killed_at_random(scene: Scene) -> None:
    scene.click(REQUESTS)
    scene.wait_for_step(Step.CLIP_ANALYSIS)
    for _ in range(3):
        time.sleep(scene.random.uniform(0, 8))
        _kill_workers(scene)
    scene.all_is_well()


def test_run_terminated_as_on_a_deploy(scene: Scene) -> None:
    scene.click(REQUESTS)
    scene.wait_for_step(Step.RENDERED_VIDEO)
    for worker in scene.system.run_workers():
        worker.terminate()
    scene.all_is_well()


def test_run_hangs(scene: Scene) -> None:
    """A process that lives and does nothing is dead: its heart does not beat."""
    scene.click(REQUESTS)
    scene.wait_for_step(Step.RENDERED_VIDEO)
    stopped = scene.system.run_workers()
    for worker in stopped:
        worker.suspend()
    try:
        beats = "SELECT count(*) FROM montage_requests WHERE lost_runs > 0 AND state = 'queued'"
        ids = ",".join(f"'{item['requestId']}'" for item in scene.items)
        scene.wait_for(lambda: scene.sql(f"{beats} AND id IN ({ids})")[0][0] >= 1, "given up")
    finally:
        # Woken up, it finds that its request is another run's, and ends.
        for worker in stopped:
            with suppress(psutil.Error):
                worker.resume()
    scene.all_is_well()


def test_daemon_killed_mid_tick(scene: Scene) -> None:
    scene.click(REQUESTS)
    for _ in range(3):
        _kill_the_daemon(scene)
        time.sleep(scene.random.uniform(0, 10))
    scene.all_is_well()


def _kill_the_daemon(scene: Scene) -> None:
    """And wait for the next, which is another process."""
    killed = scene.system.stack.pid_of("daemon")
    _kill(killed)
    scene.wait_for(lambda: scene.system.stack.pid_of("daemon") not in {killed, None}, "daemon back")


def test_code_server_alone(scene: Scene) -> None:
    """Its runs outlive it for a moment; the supervisor ends them with it."""
    scene.click(REQUESTS)
    scene.wait_for_step(Step.RENDERED_VIDEO)
    _kill(scene.system.stack.pid_of("code-server"))
    scene.all_is_well()


def test_code_server_with_its_runs(scene: Scene) -> None:
    scene.click(REQUESTS)
    scene.wait_for_step(Step.CLIP_ANALYSIS)
    server = scene.system.stack.pid_of("code-server")
    assert server is not None
    signal_group(server, signal.SIGKILL)
    scene.all_is_well()


def test_code_server_hangs(scene: Scene) -> None:
    """It lives, but does not answer: only a call can tell."""
    scene.click(REQUESTS)
    scene.wait_for_step(Step.CLIP_ANALYSIS)
    hung = scene.system.stack.pid_of("code-server")
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    scene.wait_for(
        lambda: scene.system.stack.pid_of("code-server") not in {hung, None}, "restarted"
    )
    scene.all_is_well()


def test_two_daemons(scene: Scene) -> None:
    """Somebody starts a second one by mistake."""
    daemon = scene.system.stack.pid_of("daemon")
    assert daemon is not None
    process = psutil.Process(daemon)
    with psutil.Popen(
        process.cmdline(), env=process.environ(), cwd=process.cwd(), stdout=-3, stderr=-3
    ) as second:
        try:
            scene.click(REQUESTS)
            scene.all_is_well()
        finally:
            second.terminate()
