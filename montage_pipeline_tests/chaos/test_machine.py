"""The machine itself: its disk is full, its clock jumps."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.chaos.scene import Scene

_SMALL = "200k"
"""Less than any render needs."""


def test_disk_full(scene: Scene) -> None:
    """It says so; what comes after there is space again goes well."""
    scratch = scene.system.settings.home / "scratch"
    scratch.mkdir(exist_ok=True)
    with _tiny_disk(scratch):
        [full] = scene.click()
        scene.wait_for(
            lambda: scene.system.services.requests.get_request(full).state.is_terminal,  # type: ignore[union-attr]
            "over",
        )
    scene.click()
    scene.all_is_well(**{str(full): "disk_full"})


def test_disk_full_for_a_moment(scene: Scene) -> None:
    """A step that is tried again finds space, and goes on."""
    scratch = scene.system.settings.home / "scratch"
    scratch.mkdir(exist_ok=True)
    with _tiny_disk(scratch):
        [full] = scene.click()
        scene.wait_for(
            lambda: scene.sql(
                "SELECT 1 FROM content_items WHERE jsonb_array_length(tries) > 0 "
                f"AND id = '{scene.items[0]['id']}'"
            ),
            "tried in vain",
        )
    scene.all_is_well()
    assert scene.run_of(full) is not None


@pytest.mark.parametrize("off_s", [7200.0, -7200.0], ids=["forward", "back"])
def test_clock_jumps(scene: Scene, off_s: float) -> None:
    """By two hours, while Reels are made, and back again."""
    scene.click(2)
    scene.wait_for_step(Step.MUSIC_TRACK)
    scene.world.set_clocks(off_s)
    scene.wait_for_step(Step.RENDERED_VIDEO)
    scene.world.set_clocks(0.0)
    scene.click(1)
    scene.all_is_well()


@contextmanager
def _tiny_disk(folder: Path) -> Iterator[None]:
    """A file system of its own at the folder, with no space for anything."""
    options = f"size={_SMALL},mode=0700"
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], stderr=subprocess.DEVNULL
    )
    if not mounted:
        pytest.skip("only root may mount the small disk that gets full")
    try:
        yield
    finally:
        subprocess.check_call(["umount", "--lazy", str(folder)])
