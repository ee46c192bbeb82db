"""The studio in a real browser: from dropped clips to a Reel that plays to its end.

Needs Chromium (Debian: `apt-get install chromium`), or MONTAGE_TEST_CHROMIUM naming one.
"""

import os
import shutil
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from montage_pipeline.api.auth import issue_token
from montage_pipeline.local.footage import demo_clips
from montage_pipeline_tests.e2e.conftest import System, click

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_MADE_MS = 240_000
"""Longest wait for a Reel of 15 s beside the other tests."""

# The machine of a test may have no graphics, no sandbox for root, and no way to the internet.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("MONTAGE_TEST_CHROMIUM") or shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("the studio's tests need Chromium: apt-get install chromium")
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


class Studio:
    """One person's browser window, and what it complained of."""

    def __init__(self, system: System, browser: Browser, *, width: int) -> None:
        self.complaints: list[str] = []
        self._system = system
        self._context = browser.new_context(viewport={"width": width, "height": 900})
        self.page = self._context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )

    def open(self, path: str = "", *, user: UUID | None = None, ttl_s: int = 600) -> Page:
        """The studio at `path`, signed in as `user` by the address, as `montage up` opens it."""
        fragment = ""
        if user is not None:
            fragment = f"#token={issue_token(self._system.settings, user, ttl_s=ttl_s)}"
        self.page.goto("about:blank")
        self.page.goto(f"{self._system.address.api_url}/studio{path}{fragment}")
        return self.page

    def close(self) -> None:
        """End the person's session."""
        self._context.close()


@pytest.fixture
def studio(system: System, browser: Browser) -> Iterator[Studio]:
    window = Studio(system, browser, width=1440)
    yield window
    window.close()


def test_clips_become_a_reel_that_plays_to_its_end(studio: Studio, user: UUID) -> None:
    page = studio.open(user=user)
    assert "token" not in page.url
    page.get_by_role("link", name="Make your first Reel").click()
    _no_barriers(page)

    clips = [str(path) for path in demo_clips()]
    page.locator("input[type=file][multiple]").set_input_files(clips)
    expect(page.get_by_text("Uploaded", exact=True)).to_have_count(len(clips), timeout=60_000)
    page.get_by_role("slider", name="Length").fill("8")
    page.get_by_text("Square 1:1").click()
    page.get_by_role("button", name="Make the Reel").click()

    expect(page.get_by_role("heading", name="Your Reel is being made")).to_be_visible()
    video = page.locator("video")
    expect(video).to_be_visible(timeout=_MADE_MS)
    for path in demo_clips():
        expect(page.locator(".accounted").get_by_text(path.name)).to_be_visible()
    _no_barriers(page)

    page.get_by_role("button", name="Segment 2:").click()
    expect(page.get_by_role("button", name="Segment 2:")).to_have_attribute("aria-current", "true")
    video.evaluate("video => { video.muted = true; video.currentTime = 6; return video.play() }")
    expect(video).to_have_js_property("ended", True, timeout=60_000)

    studio.open()
    expect(page.get_by_text("Ready")).to_be_visible()
    assert not studio.complaints


def test_an_expired_token_asks_for_another(studio: Studio, user: UUID) -> None:
    page = studio.open(user=user, ttl_s=-120)
    expect(page.get_by_role("alert")).to_contain_text("expired")
    _no_barriers(page)


def test_another_persons_reel_is_not_there(
    studio: Studio, system: System, small_clip: object, user: UUID
) -> None:
    with system.client(user) as client:
        created = click(client, demo_clips()[:1])
    page = studio.open(f"/items/{created['id']}", user=uuid4())
    expect(page.get_by_role("alert")).to_contain_text("There is no content item")
    studio.open(user=uuid4())
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()


def test_a_phone_is_wide_enough(system: System, browser: Browser, user: UUID) -> None:
    phone = Studio(system, browser, width=390)
    page = phone.open("/new", user=user)
    expect(page.get_by_role("button", name="Choose clips")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    phone.close()


def _no_barriers(page: Page) -> None:
    """Nothing serious that axe knows of stands in the way of people with disabilities."""
    # axe is injected as a script, which the page's own policy forbids everybody else.
    findings = Axe().run(page).response["violations"]
    serious = [found for found in findings if found["impact"] in ("serious", "critical")]
    assert not serious, [(found["id"], found["nodes"][0]["html"]) for found in serious]
