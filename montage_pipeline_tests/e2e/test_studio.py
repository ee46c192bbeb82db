"""The studio in a real browser: from dropped clips to a Reel that plays to its end."""

from uuid import UUID, uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from montage_pipeline.composition import Services
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.requests.attempts.measures import RunMeasures
from montage_pipeline.requests.tables import MontageRequestRow
from montage_pipeline_tests.e2e.browser import StudioWindow
from montage_pipeline_tests.e2e.conftest import System, TokenFor, click

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_MADE_MS = 240_000
"""Longest wait for a Reel of 8 s beside the other tests."""


def test_clips_become_a_reel_that_plays_to_its_end(
    studio: StudioWindow, system: System, token_for: TokenFor, user: UUID
) -> None:
    page = studio.open(token=token_for(user))
    assert "token" not in page.url
    page.get_by_role("link", name="Make your first Reel").click()
    _no_barriers(page)

    clips = [str(path) for path in demo_clips()]
    page.locator("input[type=file][multiple]").set_input_files(clips)
    expect(page.get_by_text("Uploaded", exact=True)).to_have_count(len(clips), timeout=60_000)
    page.get_by_role("slider", name="Length").fill("8")
    page.get_by_text("Square 1:1").first.click()
    page.get_by_role("button", name="Make the Reel").click()

    expect(page.get_by_role("heading", name="Your Reel is being made")).to_be_visible()
    video = page.locator("video")
    expect(video).to_be_visible(timeout=_MADE_MS)
    for path in demo_clips():
        expect(page.locator(".accounted").get_by_text(path.name)).to_be_visible()
    _no_barriers(page)

    # Each segment says why it is there, and choosing one goes to it.
    expect(page.locator(".segment")).to_contain_text("Opens the Reel")
    page.get_by_role("button", name="Segment 2:").click()
    expect(page.get_by_role("button", name="Segment 2:")).to_have_attribute("aria-current", "true")
    expect(page.locator(".segment")).to_contain_text("Cuts at")
    video.evaluate("video => { video.muted = true; video.currentTime = 6; return video.play() }")
    expect(video).to_have_js_property("ended", True, timeout=60_000)

    _swap_a_segment(page, system.services)

    page.get_by_role("button", name="Cover 2,").click()
    expect(page.get_by_role("button", name="Cover 2,")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Title").fill("Sunday in the park")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Sunday in the park")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.path().stat().st_size > 100_000

    studio.open()
    expect(page.get_by_text("Ready")).to_be_visible()
    page.get_by_text("Sunday in the park").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    assert not studio.complaints


def _swap_a_segment(page: Page, services: Services) -> None:
    """Another moment in a segment's place: known beforehand, and only that one is rendered."""
    number = _changeable(page)
    page.get_by_role("button", name="Lock", exact=True).press("Enter")
    expect(page.get_by_text("0 of 3 segments will be rendered")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    other = page.locator(".alternatives button").first
    expect(other).to_contain_text("than what is shown")
    other.click()
    expect(page.get_by_text("1 of 3 segments will be rendered")).to_be_visible()
    make_it = page.get_by_role("button", name="Make it")
    expect(make_it).to_have_css("opacity", "1")  # it fades in once it may be pressed
    _no_barriers(page)
    make_it.click()

    expect(page.get_by_role("button", name="Before", exact=True)).to_be_visible(timeout=_MADE_MS)
    page.get_by_role("button", name=f"Segment {number}:").click()
    expect(page.locator(".segment")).to_contain_text("as you asked")
    made = services.library.newest_request(UUID(page.url.rsplit("/", 1)[1]))
    assert made is not None
    with Session(services.engine) as session:
        request = session.get_one(MontageRequestRow, made)
        measures = RunMeasures.model_validate(request.measures)
    assert measures.chunks - measures.chunks_reused == 1
    assert services.ledger.entries(made) == []


def _changeable(page: Page) -> int:
    """The first segment that something else could be shown in, chosen."""
    for number in (1, 2, 3):
        segment = page.get_by_role("button", name=f"Segment {number}:")
        segment.click()
        expect(segment).to_have_attribute("aria-current", "true")
        if page.locator(".alternatives button").count():
            return number
    raise AssertionError("three clips for 8 s leave nothing to choose")


def test_an_expired_token_asks_for_another(
    studio: StudioWindow, token_for: TokenFor, user: UUID
) -> None:
    page = studio.open(token=token_for(user, ttl_s=-120))
    expect(page.get_by_role("alert")).to_contain_text("expired")
    _no_barriers(page)


def test_another_persons_reel_is_not_there(
    studio: StudioWindow, system: System, token_for: TokenFor, user: UUID
) -> None:
    with system.client(user) as client:
        created = click(client, demo_clips()[:1])
    page = studio.open(f"/items/{created['id']}", token=token_for(uuid4()))
    expect(page.get_by_role("alert")).to_contain_text("There is no content item")
    studio.open(token=token_for(uuid4()))
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()


def test_a_phone_is_wide_enough(
    system: System, browser: Browser, token_for: TokenFor, user: UUID
) -> None:
    phone = StudioWindow(browser, system.address.api_url, width=390)
    page = phone.open("/new", token=token_for(user))
    expect(page.get_by_role("button", name="Choose clips")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    phone.close()


def _no_barriers(page: Page) -> None:
    """Nothing serious that axe knows of stands in the way of people with disabilities."""
    # axe is injected as a script, which the page's own policy forbids everybody else.
    findings = Axe().run(page).response["violations"]
    serious = [found for found in findings if found["impact"] in ("serious", "critical")]
    assert not serious, [(found["id"], found["nodes"][0]["html"]) for found in serious]
