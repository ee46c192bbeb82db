"""The studio in a real browser: from dropped clips to a Reel that plays to its end."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.engine import Engine

from montage_pipeline.api.auth import issue_token
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.plans import note_plan
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.api.routes.test_artefacts import plan
from montage_pipeline_tests.api.routes.test_events import running
from montage_pipeline_tests.clicks import click as new_item
from montage_pipeline_tests.clicks import new_user
from montage_pipeline_tests.e2e.browser import StudioWindow
from montage_pipeline_tests.e2e.conftest import System, TokenFor, click
from montage_pipeline_tests.e2e.studio_steps import (
    MADE_MS,
    bring_clips,
    no_barriers,
    steps_by_single_frames,
    swap_a_segment,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

PHONE = 390
"""Points across, of most phones."""


def test_clips_become_a_reel_that_plays_to_its_end(
    studio: StudioWindow, token_for: TokenFor, user: UUID
) -> None:
    """The shortest way; what else can be done on it is in the next test."""
    _make_a_reel(studio, token_for(user), demo_clips()[1:], "Square 1:1")
    _plays_to_its_end(studio.page)
    assert not studio.complaints


# Each in a shape of its own: what the other has rendered is no chunk of this one.
@pytest.mark.slow
@pytest.mark.parametrize(("width", "shape"), [(1440, "Square 1:1"), (PHONE, "Feed 4:5")])
def test_a_reel_is_looked_at_changed_named_downloaded_and_deleted(
    browser: Browser, system: System, token_for: TokenFor, user: UUID, width: int, shape: str
) -> None:
    studio = StudioWindow(browser, system.address.api_url, width=width)
    _make_a_reel(studio, token_for(user), demo_clips(), shape)
    page = studio.page
    no_barriers(page)

    # Each segment says why it is there, and choosing one goes to it.
    expect(page.locator(".segment")).to_contain_text("Opens the Reel")
    page.get_by_role("button", name="Segment 2:").click()
    expect(page.get_by_role("button", name="Segment 2:")).to_have_attribute("aria-current", "true")
    expect(page.locator(".segment")).to_contain_text("Cuts at")
    steps_by_single_frames(page, 2, first=_first_frame(system, user, page.url, 2))
    _lies_on_the_ruler(page)
    _plays_to_its_end(page)

    swap_a_segment(page, system.services)
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.get_by_role("slider", name="Place in the Reel").fill("90")
    expect(page.get_by_text("3.00 / 8.0 s")).to_be_visible()
    page.get_by_role("button", name="Cover 2,").click()
    expect(page.get_by_role("button", name="Cover 2,")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Title").fill("Sunday in the park")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Sunday in the park")).to_be_visible()
    expect(page).to_have_title("Sunday in the park · Montage studio")
    # Links are signed anew in every answer; the player stays where it is.
    expect(page.get_by_text("3.00 / 8.0 s")).to_be_visible()
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
    studio.close()


def _make_a_reel(studio: StudioWindow, token: str, clips: Sequence[Path], shape: str) -> None:
    """From a library with nothing in it to a Reel of 8 s, with every step on the page."""
    page = studio.open(token=token)
    assert "token" not in page.url
    page.get_by_role("link", name="Make your first Reel").click()
    no_barriers(page)

    bring_clips(page, clips)
    page.get_by_role("slider", name="Length").fill("8")
    page.get_by_text(shape).first.click()
    page.get_by_role("button", name="Make the Reel").click()

    expect(page.get_by_role("heading", name="Your Reel is being made")).to_be_visible()
    expect(page.locator("video")).to_be_visible(timeout=MADE_MS)
    for path in clips:
        expect(page.locator(".accounted").get_by_text(path.name)).to_be_visible()


def _plays_to_its_end(page: Page) -> None:
    video = page.locator("video")
    video.evaluate("video => { video.muted = true; video.currentTime = 6; return video.play() }")
    expect(video).to_have_js_property("ended", True, timeout=60_000)


def _lies_on_the_ruler(page: Page) -> None:
    """The strip is as long as the beats below it, and no segment wider than its share."""
    widths = page.locator(".strip li").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().width)"
    )
    ruler = page.locator(".ruler").bounding_box()
    assert ruler is not None
    assert sum(widths) == pytest.approx(ruler["width"], abs=1)


def _first_frame(system: System, user: UUID, url: str, number: int) -> int:
    with system.client(user) as client:
        edit = client.get(f"/api/content-items/{url.rsplit('/', 1)[1]}/artefacts").json()["edit"]
    first: int = round(edit["segments"][number - 1]["reelSec"] * edit["fps"])
    return first


def test_an_expired_token_asks_for_another(
    studio: StudioWindow, token_for: TokenFor, user: UUID
) -> None:
    page = studio.open(token=token_for(user, ttl_s=-120))
    expect(page.get_by_role("alert")).to_contain_text("not accepted")
    no_barriers(page)


def test_nothing_is_lost_when_a_token_expires(
    signing: Settings,
    browser: Browser,
    library: ContentLibrary,
    requests: RequestLifecycle,
    engine: Engine,
    object_store: ObjectStore,
    small_clip: Path,
) -> None:
    """With no pipeline behind the API: the test plans the edit itself."""
    user, token = uuid4(), partial(issue_token, signing, ttl_s=600)
    with running(signing) as api:
        studio = StudioWindow(browser, api.url, width=1440)
        page = studio.open("/new", token=token(user))
        bring_clips(page, [small_clip])
        page.get_by_role("slider", name="Length").fill("8")
        expired = {"error": {"code": "token_expired", "message": "It has expired.", "details": {}}}
        page.route(
            re.compile("/api/content-items$"),
            lambda route: route.fulfill(status=401, json=expired),
            times=1,
        )
        page.route(re.compile("/events$"), lambda route: route.fulfill(status=503), times=1)
        page.get_by_role("button", name="Make the Reel").click()
        expect(page.get_by_role("alert")).to_contain_text("not accepted")
        expect(page.get_by_text(small_clip.name)).to_be_hidden()

        page.get_by_label("Token").fill(token(user))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Your Reel is being made")).to_be_visible()
        [item] = library.list_items(user, limit=9)
        request = library.newest_request(item.id)
        assert request is not None
        requests.start(request, "run")
        plan(object_store, request)
        note_plan(engine, request, "run")
        # Heard by the stream of events alone, which was opened again after a refusal.
        expect(page.get_by_role("heading", name="The edit is planned")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("You canceled this Reel.")).to_be_visible()
        studio.close()


def test_what_is_put_together_stays(
    studio: StudioWindow, token_for: TokenFor, user: UUID, small_clip: Path, tmp_path: Path
) -> None:
    page = studio.open("/new", token=token_for(user))
    notes, empty = tmp_path / "notes.txt", tmp_path / "empty.mp4"
    notes.write_text("Buy milk.")
    empty.touch()
    begun: list[str] = []
    page.on("request", lambda sent: begun.append(sent.url) if "/api/uploads" in sent.url else None)
    choose = page.locator("input[type=file][multiple]")
    choose.set_input_files([str(notes), str(empty)])
    refused = page.get_by_role("alert")
    expect(refused).to_contain_text("notes.txt is no video.")
    expect(refused).to_contain_text("empty.mp4 is empty")
    assert not [url for url in begun if not url.endswith("/multipart")], "nothing is sent"

    bring_clips(page, [small_clip])
    page.get_by_text("Travel").click()
    page.get_by_role("link", name="Montage studio").click()
    expect(page).to_have_title("Library · Montage studio")
    page.get_by_role("link", name="New Reel").click()
    expect(page.get_by_text("1 of 1 clip uploaded")).to_be_attached()
    expect(page.get_by_role("radio", name="Travel")).to_be_checked()
    page.get_by_role("button", name=f"Remove {small_clip.name}").press("Enter")
    expect(page.get_by_role("button", name="Choose clips")).to_be_focused()


def test_the_library_goes_back_to_the_first_reel(
    signing: Settings, browser: Browser, library: ContentLibrary
) -> None:
    user = new_user(library)
    for number in range(101):
        new_item(library, user, title=f"Reel {number}")
    with running(signing) as api:
        window = StudioWindow(browser, api.url, width=1440)
        page = window.open(token=issue_token(signing, user, ttl_s=600))
        posters = page.locator(".poster")
        expect(posters).to_have_count(100)
        page.get_by_role("button", name="Show more").click()
        expect(posters).to_have_count(101)

        window.open(token=issue_token(signing, user, ttl_s=600))
        page.get_by_role("searchbox").fill("reel 0")
        expect(posters).to_have_count(1)
        window.close()


def test_another_persons_reel_is_not_there(
    studio: StudioWindow, system: System, token_for: TokenFor, user: UUID
) -> None:
    with system.client(user) as client:
        created = click(client, demo_clips()[:1])
    page = studio.open(f"/items/{created['id']}", token=token_for(uuid4()))
    expect(page.get_by_role("heading", name="There is no such Reel")).to_be_visible()
    studio.open(token=token_for(uuid4()))
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()


def test_a_phone_is_wide_enough(
    system: System, browser: Browser, token_for: TokenFor, user: UUID
) -> None:
    phone = StudioWindow(browser, system.address.api_url, width=PHONE)
    page = phone.open("/new", token=token_for(user))
    expect(page.get_by_role("button", name="Choose clips")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    phone.close()
