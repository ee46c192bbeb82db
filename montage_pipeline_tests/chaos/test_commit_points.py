"""A run dies by SIGKILL right before or right after each thing that it commits: rows, documents,
files; and in the midst of each step. Whatever is not committed is done again, and nothing else.
"""

import random
from typing import NamedTuple

import pytest

from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.chaos.conftest import SEED
from montage_pipeline_tests.chaos.crowd import Member
from montage_pipeline_tests.chaos.scene import Death


class Point(NamedTuple):
    """Before or after a call of a function, with arguments that contain `match`."""

    when: str
    function: str
    match: str = ""

    def __str__(self) -> str:
        name = self.match or self.function.rpartition(".")[2]
        return f"{self.when}-{name}".replace("_", "-").removesuffix(".json")

    @property
    def code(self) -> str:
        """Nothing fails."""
        return ""

    def arrange(self, member: Member) -> None:
        """Nothing."""

    @property
    def death(self) -> Death:
        """Where the first run of the request is to die."""
        return Death(self.when, self.function, self.match)


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

_IN_FLIGHT: dict[str, tuple[int, int, int]] = {
    # Marked, and not sent any more.
    "after-mark-sent": (1, 1, 1),
    # fal has taken the order, and its answer was not written down yet: the one thing that can be
    # bought twice, for as long as a call and one UPDATE take.
    "before-attach": (1, 2, 1),
}
"""Calls that Claude and fal charge, and rows of which nobody knows, where that is not 1, 1, 0."""

_DELIVERED = {"after-succeed", "after-r2-object"}
"""Where a run that is killed has nothing left to do."""


@pytest.mark.parametrize("trouble", POINTS, ids=str)
def test_killed_at(member: Member, trouble: Point) -> None:
    assert member.killed_s is not None, f"no run came {trouble}"
    place = f"{trouble.when} {trouble.function} {trouble.match}".rstrip()
    member.scene.asserted.append(f"killed {place}")
    claude, music, in_doubt = _IN_FLIGHT.get(str(trouble), (1, 1, 0))
    member.is_well(claude=claude, music=music, in_doubt=in_doubt)
    member.went_on(may_be_over=str(trouble) in _DELIVERED)


class Midway(NamedTuple):
    """In the midst of a step, wherever the run has got to."""

    step: Step

    def __str__(self) -> str:
        return self.step

    @property
    def code(self) -> str:
        """Nothing fails."""
        return ""

    def arrange(self, member: Member) -> None:
        """Nothing."""

    @property
    def death(self) -> Death:
        """Within half a second of the step's begin."""
        delay_s = random.Random(f"{SEED} {self.step}").uniform(0.0, 0.5)
        return Death("after", "RequestLifecycle.progress", f"'{self.step}'", delay_s)


@pytest.mark.parametrize("trouble", [Midway(step) for step in Step], ids=str)
def test_run_killed_in(member: Member, trouble: Midway) -> None:
    member.scene.asserted.append(f"killed {1000 * trouble.death.delay_s:.0f} ms into the step")
    member.is_well_after_a_kill()
    # Delivering takes less than that.
    member.went_on(may_be_over=trouble.step is Step.R2_OBJECT)
