"""What somebody puts together in the studio stays until it is made or given up, and nothing moves
away under their finger meanwhile.
"""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from montage_pipeline_tests.e2e.browser import StudioWindow
from montage_pipeline_tests.e2e.conftest import Made, System, TokenFor
from montage_pipeline_tests.e2e.studio_steps import MADE_MS, bring_clips
from montage_pipeline_tests.rendering.edits import music_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def page(studio: StudioWindow, token_for: TokenFor, made: Made) -> Page:
    """The Reel, with its second segment chosen."""
    page = studio.open(f"/items/{made.item}", token=token_for(made.user))
    page.get_by_role("button", name="Segment 2:").click()
    return page


def _pending(page: Page) -> Locator:
    return page.get_by_role("region", name="Changes to be made")


def test_changes_wait_on_other_pages_and_come_back_when_they_are_not_made(
    page: Page, studio: StudioWindow
) -> None:
    total = page.locator(".block").count()
    later = page.get_by_role("button", name="Show its clip one frame later")
    place = later.bounding_box()
    for _ in range(3):
        later.click()
    expect(_pending(page)).to_contain_text(f"1 of {total} segments will be rendered")
    assert later.bounding_box() == place, "the button stays under the finger"

    page.get_by_role("link", name="Back to the library").click()
    page.locator(".poster").first.click()
    expect(_pending(page)).to_contain_text(f"1 of {total} segments will be rendered")

    _pending(page).get_by_role("button", name="Make it").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_text("You canceled the other version")).to_be_visible(timeout=MADE_MS)
    expect(_pending(page)).to_contain_text(f"1 of {total} segments will be rendered")
    _pending(page).get_by_role("button", name="Discard all").click()
    expect(_pending(page)).to_be_hidden()
    assert not studio.complaints


def test_a_crop_is_dragged_as_far_as_its_frame_goes(page: Page, studio: StudioWindow) -> None:
    crop = page.get_by_role("button", name="Crop:")
    box = crop.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 9, y + 2, steps=3)  # no hand draws a straight line
    page.mouse.up()
    expect(_pending(page)).to_contain_text("will be rendered")
    for _ in range(30):
        crop.press("Shift+ArrowRight")
    expect(_pending(page)).to_contain_text("will be rendered")
    expect(page.get_by_role("alert")).to_have_count(0)
    _pending(page).get_by_role("button", name="Discard all").click()
    assert not studio.complaints


def test_what_is_refused_takes_nothing_with_it(page: Page) -> None:
    words = page.get_by_label("Words on segment 2")
    words.fill("Sunday")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(_pending(page)).to_contain_text("will be rendered")
    page.get_by_label("By frames, off the beat").check()
    ends = page.get_by_role("button", name="End later")
    refused = page.get_by_role("alert").filter(has_text="This segment cannot end")
    for _ in range(99):
        if refused.or_(page.locator(".tools .arrows button[title='End later'][disabled]")).count():
            break
        ends.click()
        expect(page.get_by_role("button", name="Make it").or_(refused)).to_be_visible()
    expect(refused).to_be_visible()
    # Another change takes the place of the refused one alone.
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(_pending(page)).to_contain_text("will be rendered")
    expect(words).to_have_value("Sunday")
    _pending(page).get_by_role("button", name="Discard all").click()
    expect(words).to_have_value("")


def test_a_new_reel_begins_with_the_clips_and_wishes_of_another(page: Page, made: Made) -> None:
    page.get_by_role("button", name="New Reel of these clips").click()
    expect(page.locator(".tray > li")).to_have_count(2)
    expect(page.get_by_text("Uploaded", exact=True)).to_have_count(2)
    expect(page.get_by_role("slider", name="Length")).to_have_value("8")
    expect(page.get_by_role("button", name="Make the Reel")).to_be_enabled()


def test_before_is_gone_back_to(page: Page, system: System, made: Made) -> None:
    before = _frames_of(system, made)
    page.get_by_role("button", name="Show its clip one frame later").click()
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("button", name="Before", exact=True).click(timeout=MADE_MS)
    assert _frames_of(system, made) != before
    page.get_by_role("button", name="Go back to this").click()
    expect(page.get_by_role("button", name="Make another version")).to_be_hidden()
    expect(page.get_by_role("button", name="Make another version")).to_be_visible(timeout=MADE_MS)
    assert _frames_of(system, made) == before


def test_what_another_window_made_is_not_undone_unseen(
    page: Page, browser: Browser, system: System, token_for: TokenFor, made: Made
) -> None:
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(_pending(page)).to_be_visible()

    elsewhere = StudioWindow(browser, system.address.api_url, width=1440)
    other = elsewhere.open(f"/items/{made.item}", token=token_for(made.user))
    video = other.locator("video").get_attribute("src")
    assert video is not None
    other.get_by_role("button", name="Segment 2:").click()
    other.get_by_role("button", name="Show its clip one frame later").click()
    _pending(other).get_by_role("button", name="Make it").click()
    newer = other.locator(f"video:not([src^='{video.split('?')[0]}'])")
    expect(newer).to_be_visible(timeout=MADE_MS)
    elsewhere.close()
    theirs = _frames_of(system, made)

    _pending(page).get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("changed in another window. 1 change")
    assert _frames_of(system, made) == theirs
    page.get_by_role("button", name="Understood").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def _frames_of(system: System, made: Made) -> list[float]:
    """Where each segment of the Reel begins in its clip."""
    with system.client(made.user) as client:
        edit = client.get(f"/api/content-items/{made.item}/artefacts").json()["edit"]
    return [segment["startSec"] for segment in edit["segments"]]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"/items/{UUID(int=7)}", "There is no such Reel"),
        ("/items/nonsense", "There is no such Reel"),
        ("/nowhere", "There is no such page"),
    ],
)
def test_a_wrong_address_leads_on(
    studio: StudioWindow, token_for: TokenFor, path: str, said: str
) -> None:
    page = studio.open(path, token=token_for(uuid4()))
    expect(page.get_by_role("heading", name=said)).to_be_visible()
    page.get_by_role("link", name="Back to the library").last.click()
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()


def test_own_music_that_ends_too_early_is_named_before_anything_is_sent(
    studio: StudioWindow, token_for: TokenFor, footage: list[Path], tmp_path: Path
) -> None:
    page = studio.open("/new", token=token_for(uuid4()))
    bring_clips(page, footage)
    page.get_by_role("slider", name="Length").fill("20")
    page.get_by_text("Title, words on the opening, music, wishes").click()
    short = music_of(tmp_path / "short.wav", 12)
    page.locator("input[type=file][accept='audio/*']").set_input_files(str(short))
    make = page.get_by_role("button", name="Make the Reel")
    expect(page.get_by_text("Your music lasts 12.0 s. Choose longer music")).to_be_visible()
    expect(make).to_be_disabled()
    page.get_by_role("slider", name="Length").fill("10")
    expect(make).to_be_enabled()


def test_an_upload_goes_on_when_the_line_is_back(
    studio: StudioWindow, token_for: TokenFor, footage: list[Path]
) -> None:
    page = studio.open("/new", token=token_for(uuid4()))
    expect(page.get_by_role("slider", name="Length")).to_be_visible()
    page.context.set_offline(True)
    page.locator("input[type=file][multiple]").set_input_files(str(footage[0]))
    expect(page.locator(".tray [role=alert]")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("Uploaded", exact=True)).to_be_visible()
    expect(page.locator(".tray [role=alert]")).to_have_count(0)


def test_what_is_said_of_a_clip_stays_with_it_when_another_is_removed(
    studio: StudioWindow, token_for: TokenFor, footage: list[Path]
) -> None:
    page = studio.open("/new", token=token_for(uuid4()))
    bring_clips(page, footage)
    page.get_by_text("Add links").click()
    page.get_by_label("One https:// address a line.").fill(
        "https://somebody:secret@example.org/inside.mp4"
    )
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Make the Reel").click()
    refused = page.locator(".tray > li").filter(has_text="inside.mp4")
    expect(refused.get_by_role("alert")).to_be_visible()
    page.locator("input[type=file][multiple]").set_input_files(str(footage[1]))
    expect(page.get_by_text("“1.mp4” is there already.")).to_be_visible()
    page.locator(".tray > li").first.get_by_role("button", name="Remove").click()
    expect(page.locator(".tray > li")).to_have_count(2)
    expect(refused.get_by_role("alert")).to_be_visible()
    expect(page.locator(".tray [role=alert]")).to_have_count(1)


def test_the_library_is_searched_by_name_style_and_state(
    studio: StudioWindow, token_for: TokenFor, made: Made
) -> None:
    page = studio.open(token=token_for(made.user))
    posters, search = page.locator(".poster"), page.get_by_role("searchbox")
    expect(posters).to_have_count(1)
    for words, found in (("dynamic", 1), ("READY", 1), ("food", 0), ("", 1)):
        search.fill(words)
        expect(posters).to_have_count(found)


def test_a_segment_shows_the_scores_of_its_moment(page: Page, system: System, made: Made) -> None:
    with system.client(made.user) as client:
        edit = client.get(f"/api/content-items/{made.item}/artefacts").json()["edit"]
    segment = edit["segments"][1]
    moments = edit["clips"][segment["clip"]]["moments"]
    moment = next(one for one in moments if one["id"] == segment["moment"])
    shown = page.locator(".segment dl.scores").first
    for name, key in (("Quality", "quality"), ("Interest", "interest"), ("Opening", "hook")):
        expect(shown).to_contain_text(f"{name} {moment[key]:.2f}")


def test_timelines_are_saved_by_the_name_of_the_reel(page: Page) -> None:
    for button, ending in (("OpenTimelineIO", "otio"), ("EDL", "edl"), ("Timeline (JSON)", "json")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=button, exact=True).click()
        name = saved.value.suggested_filename
        assert name.endswith(f".{ending}")
        assert name.startswith("Dynamic")
