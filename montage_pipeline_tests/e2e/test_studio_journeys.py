"""The studio off the straight way: plans to choose from, a phone, a server that dies, another
person at the same browser, a clip that the browser cannot decode.
"""

import re
import signal
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from montage_pipeline.local.embedded.keeper import signal_group
from montage_pipeline.vocabulary import Service
from montage_pipeline_tests.e2e.browser import StudioWindow
from montage_pipeline_tests.e2e.conftest import Made, System, TokenFor, click
from montage_pipeline_tests.e2e.reels import HeardAndSeen, heard_and_seen, sound_of
from montage_pipeline_tests.e2e.studio_steps import (
    MADE_MS,
    bring_clips,
    no_barriers,
)
from montage_pipeline_tests.fakes.fal_audio import wav
from montage_pipeline_tests.fakes.fal_jobs import JobPlan
from montage_pipeline_tests.footage.media import make_clip
from montage_pipeline_tests.rendering.edits import music_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(400)]

THUMBNAIL_SIDE = 320
"""Pixels of the server's; the page's own are 144 wide."""


def test_three_plans_lie_side_by_side_and_the_chosen_one_is_rendered(
    studio: StudioWindow, system: System, token_for: TokenFor, user: UUID, footage: list[Path]
) -> None:
    page = studio.open("/new", token=token_for(user))
    bring_clips(page, footage)
    page.get_by_role("slider", name="Length").fill("8")
    page.get_by_text("Square 1:1").first.click()
    page.get_by_text("Show me plans").first.click()
    page.get_by_role("button", name="Show me plans").click()

    plans = page.locator(".variants > li")
    expect(plans).to_have_count(3, timeout=MADE_MS)
    boxes = [plan.bounding_box() for plan in plans.all()]
    assert len({box["y"] for box in boxes if box}) == 1, "in one row"
    assert len({box["x"] for box in boxes if box}) == 3
    for picture in plans.locator("img").all():
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator("video")).to_have_count(0)
    no_barriers(page)

    plans.nth(1).get_by_role("button", name="Make this Reel").click()
    expect(page.locator("video")).to_be_visible(timeout=MADE_MS)
    expect(plans.nth(1)).to_contain_text("Chosen")
    expect(page.get_by_text("Chosen", exact=True)).to_have_count(1)
    assert not studio.complaints
    with system.client(user) as client:
        item = page.url.rsplit("/", 1)[1]
        artefacts = client.get(f"/api/content-items/{item}/artefacts").json()
        planned = client.get(f"/api/content-items/{item}/variants").json()["variants"]
    drawn = [httpx.get(plan["storyboardUrl"]).content for plan in planned]
    assert drawn.index(httpx.get(artefacts["storyboardUrl"]).content) == 1


def test_other_music_plays_under_the_same_cuts(
    studio: StudioWindow, system: System, token_for: TokenFor, made: Made, tmp_path: Path
) -> None:
    page = studio.open(f"/items/{made.item}", token=token_for(made.user))
    before = heard_and_seen(system, UUID(made.item))
    page.get_by_role("button", name="Compose other music").click()
    expect(page.get_by_text("Other music, composed for these cuts")).to_be_visible()
    price = page.get_by_text("Music is bought for")
    announced = re.sub(r"[^0-9.]", "", price.inner_text()).rstrip(".")
    system.fal.plan(JobPlan(file_body=wav(30.0, 101.0)))
    composed = _with_other_music(page, system, made)
    [bought] = [entry for entry in composed.ledger if not entry.reused]
    assert bought.service is Service.FAL
    assert bought.cost_usd == Decimal(announced)

    song = music_of(tmp_path / "our song.wav", 14)
    page.locator("input[type=file][accept='audio/*']").set_input_files(str(song))
    expect(page.get_by_text("our song.wav")).to_be_visible()
    expect(page.get_by_text("Nothing is bought.")).to_be_visible()
    own = _with_other_music(page, system, made)
    expect(page.get_by_text("120 beats a minute, your own music").first).to_be_visible()
    assert all(entry.reused for entry in own.ledger)
    kept, given = sound_of(own.music), sound_of(song.read_bytes())
    assert np.corrcoef(kept[: len(given)], given[: len(kept)])[0, 1] > 0.99

    # The same frames, and each time other music: in its file and in what is heard of the Reel.
    assert before.frames == composed.frames == own.frames
    assert len({before.music, composed.music, own.music}) == 3
    for one, other in ((before, composed), (composed, own), (before, own)):
        assert abs(np.corrcoef(one.sound, other.sound)[0, 1]) < 0.5
    assert not studio.complaints


def _with_other_music(page: Page, system: System, made: Made) -> HeardAndSeen:
    """Make it, for which no segment is rendered, and wait until the page has it."""
    total = page.locator(".block").count()
    expect(page.get_by_text(f"0 of {total} segments will be rendered")).to_be_visible()
    was = page.locator("video").get_attribute("src")
    assert was is not None
    page.get_by_role("button", name="Make it").click()
    path = was.split("?")[0]
    expect(page.locator(f"video:not([src^='{path}'])")).to_be_visible(timeout=MADE_MS)
    expect(page.get_by_role("button", name="Compose other music")).to_be_visible()
    found = heard_and_seen(system, UUID(made.item))
    assert found.chunks_made == 0
    return found


def test_a_server_that_is_killed_and_comes_back_is_waited_for(
    studio: StudioWindow, system: System, token_for: TokenFor, user: UUID, footage: list[Path]
) -> None:
    with system.client(user) as client:
        created = click(client, footage)
    page = studio.open(f"/items/{created['id']}", token=token_for(user))
    making = page.get_by_role("heading", name="Your Reel is being made")
    expect(making).to_be_visible()
    api = system.stack.pid_of("api")
    assert api is not None
    signal_group(api, signal.SIGKILL)

    cut_off = page.get_by_text("No connection to the server.")
    expect(cut_off).to_be_visible()
    expect(making).to_be_visible()  # what is known stays
    no_barriers(page)
    expect(cut_off).to_be_hidden(timeout=60_000)
    expect(page.locator("video")).to_be_visible(timeout=MADE_MS)
    assert system.stack.pid_of("api") != api
    unexpected = [text for text in studio.complaints if "net::ERR_" not in text]
    assert not unexpected


def test_the_next_person_at_the_same_browser_sees_nothing_of_the_last(
    studio: StudioWindow, token_for: TokenFor, made: Made
) -> None:
    page = studio.open(f"/items/{made.item}", token=token_for(made.user))
    expect(page.locator("video")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("video")).to_have_count(0)
    page.get_by_label("Token").fill(token_for(uuid4()))
    page.get_by_role("button", name="Sign in").click()

    # Still at the address of the other's Reel.
    expect(page.get_by_role("heading", name="There is no such Reel")).to_be_visible()
    expect(page.locator("video, .block, .picture")).to_have_count(0)
    page.get_by_role("link", name="Montage studio").click()
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()


def test_a_clip_that_the_browser_cannot_decode_is_pictured_by_the_server(
    studio: StudioWindow, token_for: TokenFor, user: UUID, tmp_path: Path
) -> None:
    hevc = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-tag:v", "hvc1")
    clip = make_clip(tmp_path / "phone.mp4", size="640x360", output=hevc)
    page = studio.open("/new", token=token_for(user))
    with page.expect_response(lambda answer: "/thumbnail" in answer.url) as answered:
        bring_clips(page, [clip])
    assert answered.value.status == 200
    picture = page.locator("img.thumb")
    expect(picture).to_have_js_property("naturalWidth", THUMBNAIL_SIDE)
    expect(picture).to_have_js_property("naturalHeight", THUMBNAIL_SIDE * 9 // 16)
