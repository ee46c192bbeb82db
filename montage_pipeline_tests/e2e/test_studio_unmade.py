"""What somebody puts together in the studio stays until it is made or given up, and nothing moves
away under their finger meanwhile.
"""

from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from montage_pipeline_tests.e2e.browser import StudioWindow
from montage_pipeline_tests.e2e.conftest import Made, System, TokenFor
from montage_pipeline_tests.e2e.studio_steps import MADE_MS

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
