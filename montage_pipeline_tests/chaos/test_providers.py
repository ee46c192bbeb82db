"""Claude and fal refuse, break, hang, and answer nonsense."""

import pytest

from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.chaos.conftest import CLAUDE_TIMEOUT_S, FAL_TIMEOUT_S
from montage_pipeline_tests.chaos.scene import Scene
from montage_pipeline_tests.fakes import anthropic_server as claude
from montage_pipeline_tests.fakes import fal_server as fal

REQUESTS = 2

_RETRY_AFTER = {"short": "1", "long": "8", "absurd": "86400"}
"""Seconds: less than a slot is held for, more, and more than anybody waits."""

_CLAUDE = {
    "500": claude.Fault.server_error(),
    "529": claude.Fault.overloaded(),
    "hangs": claude.Fault.slow(CLAUDE_TIMEOUT_S + 2),
    "is-cut": claude.Fault.cut(),
    "garbage": claude.Fault.broken_body(),
}

_FAL: dict[str, tuple[fal.Place, fal.Fault]] = {
    "submit-500": ("submit", fal.Fault.http(500, {"detail": "no"})),
    "status-503": ("status", fal.Fault.http(503, "<html>no</html>")),
    "result-500": ("result", fal.Fault.http(500, {"detail": "no"})),
    "status-is-cut": ("status", fal.Fault.cut_after()),
    "status-garbage": ("status", fal.Fault.garbage()),
    "result-garbage": ("result", fal.Fault.garbage()),
    "file-is-cut": ("file", fal.Fault.cut_after()),
    "file-404": ("file", fal.Fault.http(404, {"detail": "no"})),
}


@pytest.mark.parametrize("length", list(_RETRY_AFTER))
def test_claude_429(scene: Scene, length: str) -> None:
    fault = claude.Fault.rate_limited(int(_RETRY_AFTER[length]))
    scene.system.anthropic.script(*[fault] * REQUESTS)
    _ask_and_see_them_wait(scene, length)


@pytest.mark.parametrize("length", list(_RETRY_AFTER))
def test_fal_429(scene: Scene, length: str) -> None:
    fault = fal.Fault.http(429, {"detail": "slow down"}, Retry_After=_RETRY_AFTER[length])
    scene.system.fal.script("submit", *[fault] * REQUESTS)
    _ask_and_see_them_wait(scene, length)


@pytest.mark.parametrize("fault", list(_CLAUDE))
def test_claude(scene: Scene, fault: str) -> None:
    scene.system.anthropic.script(*[_CLAUDE[fault]] * REQUESTS)
    scene.click(REQUESTS)
    scene.all_is_well()
    _every_request_tried_again(scene, Step.CLIP_ANALYSIS)


@pytest.mark.parametrize("fault", list(_FAL))
def test_fal(scene: Scene, fault: str) -> None:
    place, what = _FAL[fault]
    scene.system.fal.script(place, *[what] * REQUESTS)
    jobs = len(scene.system.fal.jobs)
    scene.click(REQUESTS)
    scene.all_is_well()
    lost = {"file-404": 1}.get(fault, 0)
    assert len(scene.system.fal.jobs) - jobs <= REQUESTS * (1 + lost), "a job was bought twice"


def test_fal_order_without_an_answer(scene: Scene) -> None:
    """Nobody knows whether it was taken: it is not sent again."""
    scene.system.fal.script("submit", fal.Fault.cut_after())
    scene.click(REQUESTS)
    scene.all_is_well(one_fails="music_submit_uncertain")


def test_fal_job_never_ends(scene: Scene) -> None:
    """It is waited for as often as any step is tried, and never bought again."""
    scene.system.fal.plan(fal.JobPlan(never=True))
    scene.click(REQUESTS)
    scene.all_is_well(one_fails="music_timeout")
    scene.asserted.append(f"given up after 4 waits of {FAL_TIMEOUT_S:g} s")


def _ask_and_see_them_wait(scene: Scene, length: str) -> None:
    """Who is told to wait for longer than a moment waits outside of any slot."""
    scene.click(REQUESTS)
    if length != "short":
        ids = ",".join(f"'{item['requestId']}'" for item in scene.items)
        waiting = (
            "SELECT count(*) FROM montage_requests WHERE state = 'queued' AND attempt > 1 "
            f"AND not_before > now() AND run_id IS NULL AND id IN ({ids})"
        )
        scene.wait_for(lambda: scene.sql(waiting) != [(0,)], "waiting outside its slot")
        scene.asserted.append("waited outside its slot")
    scene.all_is_well()


def _every_request_tried_again(scene: Scene, step: Step) -> None:
    """Each fault is on the item that met it."""
    with scene.system.client(scene.user) as client:
        tries = [
            failed
            for item in scene.items
            for failed in client.get(f"/api/content-items/{item['id']}").json()["tries"]
            if failed["step"] == step
        ]
    assert len(tries) >= REQUESTS, f"{scene.name}: {tries}"
    scene.asserted.append(f"{len(tries)} tries on the items")
