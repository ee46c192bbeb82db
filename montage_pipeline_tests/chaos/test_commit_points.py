"""A run dies by SIGKILL right before or right after each thing that it commits: rows, documents,
files. Whatever is not committed is done again, and nothing else.
"""

import time
from typing import NamedTuple

import pytest

from montage_pipeline_tests.chaos.scene import Scene


class Point(NamedTuple):
    """Before or after a call of a function, with arguments that contain `match`."""

    when: str
    function: str
    match: str = ""

    def __str__(self) -> str:
        name = self.match or self.function.rpartition(".")[2]
        return f"{self.when}-{name}".replace("_", "-").removesuffix(".json")


_ROWS = [
    "RequestLifecycle.start",
    "CostLedger.open",
    "CostLedger.mark_sent",
    "CostLedger.attach",
    "CostLedger.settle",
    "note_plan",
    "RequestLifecycle.note_step",
    "RequestLifecycle.succeed",
]
_DOCUMENTS = [
    "clip_analysis.json",
    "music_track.json",
    "edit_timeline.json",
    "edit_view.json",
    "rendered_video.json",
    "r2_object.json",
]
_FILES = ["music", "storyboard.png", "video.mp4"]

POINTS = [
    *[Point(when, function) for function in _ROWS for when in ("before", "after")],
    *[Point("after", "ObjectStore.put_bytes", name) for name in _DOCUMENTS],
    *[Point("after", "ObjectStore.put_file", name) for name in _FILES],
    Point("before", "ObjectStore.copy", "reels/"),
    Point("after", "ObjectStore.copy", "reels/"),
]


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_killed_at(scene: Scene, point: Point) -> None:
    scene.world.kill_at(point.function, point.when, point.match)
    scene.click(2)
    scene.wait_for(lambda: scene.world.killed, f"killed {point}")
    scene.asserted.append(f"killed {point.when} {point.function} {point.match}".rstrip())
    killed_at_s = time.monotonic()
    scene.all_is_well()
    scene.asserted.append(f"all over {time.monotonic() - killed_at_s:.0f} s after the kill")
