"""The stores go away: Postgres, restarted or down for a minute; the object store."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.chaos.scene import Scene
from montage_pipeline_tests.chaos.store_proxy import Trouble

REQUESTS = 3


def _stores(scene: Scene) -> object:
    stores = scene.system.stack._stores
    assert stores is not None
    return stores


@contextmanager
def _nothing_revived(scene: Scene) -> Iterator[None]:
    """The supervisor does not start the stores again meanwhile: it is not told that they died."""
    back = threading.Event()
    stores = _stores(scene)
    original = stores.revive  # type: ignore[attr-defined]
    with patch.object(stores, "revive", lambda: original() if back.is_set() else []):
        yield
        back.set()


def _postgres_pid(scene: Scene) -> int:
    path = scene.system.settings.home / "postgres" / "data" / "postmaster.pid"
    return int(path.read_text().splitlines()[0])


def test_postgres_restarted(scene: Scene) -> None:
    scene.click(REQUESTS)
    scene.wait_for_step(Step.RENDERED_VIDEO)
    os.kill(_postgres_pid(scene), signal.SIGKILL)
    scene.wait_for(lambda: scene.sql("SELECT 1"), "Postgres back")
    scene.all_is_well()


@pytest.mark.parametrize("step", [Step.CLIP_ANALYSIS, Step.RENDERED_VIDEO])
def test_postgres_down_for_a_minute(scene: Scene, step: Step) -> None:
    scene.click(REQUESTS)
    scene.wait_for_step(step)
    with _nothing_revived(scene):
        os.kill(_postgres_pid(scene), signal.SIGINT)
        time.sleep(60)
    scene.wait_for(lambda: scene.sql("SELECT 1"), "Postgres back")
    scene.all_is_well()


def test_run_killed_while_postgres_is_down(scene: Scene) -> None:
    """Nobody can note that the run is dead; what would have noted it dies of it."""
    scene.click(REQUESTS)
    scene.wait_for_step(Step.RENDERED_VIDEO)
    with _nothing_revived(scene):
        os.kill(_postgres_pid(scene), signal.SIGINT)
        time.sleep(3)
        for worker in scene.system.run_workers():
            worker.kill()
        time.sleep(20)
    scene.wait_for(lambda: scene.sql("SELECT 1"), "Postgres back")
    scene.all_is_well()


def test_object_store_killed(scene: Scene) -> None:
    scene.click(REQUESTS)
    scene.wait_for_step(Step.RENDERED_VIDEO)
    pid = _stores(scene)._objects.pid  # type: ignore[attr-defined]
    os.kill(pid, signal.SIGKILL)
    scene.all_is_well()


def test_object_store_down_for_a_minute(scene: Scene) -> None:
    scene.click(REQUESTS)
    scene.wait_for_step(Step.CLIP_ANALYSIS)
    with _nothing_revived(scene):
        os.kill(_stores(scene)._objects.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        time.sleep(60)
    scene.all_is_well()


def test_everything_at_once(scene: Scene) -> None:
    """Daemon, code server with its runs, Postgres and the object store, in the same moment."""
    scene.click(REQUESTS)
    scene.wait_for_step(Step.RENDERED_VIDEO)
    stack = scene.system.stack
    pids = [stack.pid_of("daemon"), stack.pid_of("code-server"), _postgres_pid(scene)]
    pids.append(_stores(scene)._objects.pid)  # type: ignore[attr-defined]
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    scene.all_is_well()


_TROUBLES = {
    "slow": Trouble("slow", left=60, seconds=1.0),
    # More in a row than one call is tried, so that steps fail and are tried again.
    "500": Trouble("500", left=14),
    "503": Trouble("503", left=14),
    "cut-uploads": Trouble("cut_upload", left=14, methods=("PUT", "POST")),
    "cut-answers": Trouble("cut_answer", left=14),
}


@pytest.mark.parametrize("trouble", list(_TROUBLES))
def test_store_answers(scene: Scene, trouble: str) -> None:
    scene.click(2)
    scene.wait_for_step(Step.CLIP_ANALYSIS)
    scene.world.store.order(_TROUBLES[trouble])
    scene.wait_for(lambda: scene.world.store.troubles >= 10, "in trouble")
    scene.all_is_well()
    scene.asserted.append(f"{scene.world.store.troubles} troubles met")
