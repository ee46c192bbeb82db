"""What a person does in the studio, step by step, for every test that does it.

Belongs here: steps that several tests take, with what must hold at each of them. Does not belong
here: the browser and its windows (`browser`), the system behind them (`conftest`).
"""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, expect
from sqlalchemy.orm import Session

from montage_pipeline.composition import Services
from montage_pipeline.requests.attempts.measures import RunMeasures
from montage_pipeline.requests.tables import MontageRequestRow
from montage_pipeline.vocabulary import Service

MADE_MS = 240_000
"""Longest wait for a Reel of 8 s beside the other tests."""


def bring_clips(page: Page, clips: Sequence[Path]) -> None:
    """Choose files on the page for a new Reel, and wait until all are uploaded, each once."""
    begun: list[str] = []
    page.on("request", lambda sent: begun.append(sent.url) if _begins_upload(sent) else None)
    page.locator("input[type=file][multiple]").set_input_files([str(path) for path in clips])
    expect(page.get_by_text("Uploaded", exact=True)).to_have_count(len(clips), timeout=60_000)
    page.wait_for_load_state("networkidle")
    assert len(begun) == len(clips)


def _begins_upload(sent: Request) -> bool:
    path = urlsplit(sent.url).path
    return sent.method == "POST" and path in ("/api/uploads", "/api/uploads/multipart")


def swap_a_segment(page: Page, services: Services) -> None:
    """Another moment in a segment's place: known beforehand, and only that one is rendered."""
    number, total = choose_changeable(page), page.locator(".block").count()
    page.get_by_role("button", name="Lock", exact=True).press("Enter")
    expect(page.get_by_text(f"0 of {total} segments will be rendered")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    other = page.locator(".alternatives button").first
    expect(other).to_contain_text("than what is shown")
    other.click()
    expect(page.get_by_text(f"1 of {total} segments will be rendered")).to_be_visible()
    make_it = page.get_by_role("button", name="Make it")
    expect(make_it).to_have_css("opacity", "1")  # it fades in once it may be pressed
    no_barriers(page)
    make_it.click()

    expect(page.get_by_role("button", name="Before", exact=True)).to_be_visible(timeout=MADE_MS)
    page.get_by_role("button", name=f"Segment {number}:").click()
    expect(page.locator(".segment")).to_contain_text("as you asked")
    made = services.library.newest_request(UUID(page.url.rsplit("/", 1)[1]))
    assert made is not None
    with Session(services.engine) as session:
        request = session.get_one(MontageRequestRow, made)
        measures = RunMeasures.model_validate(request.measures)
    assert measures.chunks - measures.chunks_reused == 1
    again = services.ledger.entries(made)
    assert {entry.service for entry in again} == {Service.CLAUDE, Service.FAL}
    assert all(entry.reused and entry.cost_usd == 0 for entry in again)

    # The Reel before is still there after a reload.
    now = page.locator("video").get_attribute("src")
    page.reload()
    page.get_by_role("button", name="Before", exact=True).click()
    expect(page.locator("video")).not_to_have_attribute("src", now or "")
    # Its own edit is beside it, to be looked at and not to be changed.
    expect(page.locator(".alternatives")).to_be_hidden()
    page.get_by_role("button", name=f"Segment {number}:").click()
    expect(page.locator(".segment:visible")).not_to_contain_text("as you asked")
    page.get_by_role("button", name="After", exact=True).click()
    page.get_by_role("button", name=f"Segment {number}:").click()
    expect(page.locator(".segment:visible")).to_contain_text("as you asked")


def steps_by_single_frames(page: Page, number: int, first: int) -> None:
    """A segment is gone to by its first frame, and each press of a key shows the next one."""
    page.evaluate(_NOTE_FRAMES)
    page.get_by_role("button", name=f"Segment {number}:").click()
    _shows_frame(page, first)
    for key, by in [("ArrowRight", 1)] * 6 + [("ArrowLeft", -1)] * 7:
        first += by
        page.locator("video").press(key)
        _shows_frame(page, first)


def _shows_frame(page: Page, frame: int) -> None:
    # The page's policy forbids what `wait_for_function` does.
    assert page.evaluate(_AWAIT_FRAME, [frame, _SHOWN_MS]) == frame


_SHOWN_MS = 10_000
"""For a frame that is seeked to, on a machine that has more to do."""

_AWAIT_FRAME = """async ([frame, longestMs]) => {
  const end = performance.now() + longestMs;
  while (window.shownFrame !== frame && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return window.shownFrame;
}"""
"""The frame that the player shows once it is the one awaited, or at the end of the wait."""

_NOTE_FRAMES = """() => {
  const video = document.querySelector("video");
  const note = (_, shown) => {
    window.shownFrame = Math.round(shown.mediaTime * 30);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
}"""
"""Has `window.shownFrame` say which frame of the Reel the player shows."""


def choose_changeable(page: Page) -> int:
    """The first segment that something else could be shown in, chosen."""
    expect(page.locator(".block").first).to_be_visible()
    for number in range(1, page.locator(".block").count() + 1):
        segment = page.get_by_role("button", name=f"Segment {number}:")
        segment.click()
        expect(segment).to_have_attribute("aria-current", "true")
        if page.locator(".alternatives button").count():
            return number
    raise AssertionError("the clips leave nothing to choose")


def no_barriers(page: Page) -> None:
    """Nothing serious that axe knows of stands in the way of people with disabilities."""
    # axe is injected as a script, which the page's own policy forbids everybody else.
    findings = Axe().run(page).response["violations"]
    serious = [found for found in findings if found["impact"] in ("serious", "critical")]
    assert not serious, [(found["id"], found["nodes"][0]["html"]) for found in serious]
