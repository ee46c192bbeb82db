"""Pictures of the studio for the docs, made by using it: `make studio-pictures`.

Needs Chromium. A system of its own is started, the sample clips become a Reel, and every state is
pictured: at the width of a desk, most of them on a phone as well, and some on a tablet.
"""

import io
import secrets
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from montage_pipeline.api.auth import issue_token
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.local.stack import LocalStack
from montage_pipeline.settings import Settings
from montage_pipeline_tests.e2e.browser import StudioWindow, chromium, chromium_path
from montage_pipeline_tests.e2e.studio_steps import choose_changeable

FOLDER = Path(__file__).parents[2] / "docs" / "images"

_DESK, _TABLET, _PHONE = 1440, 768, 390
_COLOURS = 96  # enough for a page with photographs, at a third of the size
_MADE_MS = 400_000
_SEEN_MS = 60_000
_NOWHERE = "https://nowhere.invalid/holiday.mp4"
"""Never resolved: RFC 6761."""


def main() -> None:
    """Start a system, use its studio, and write the pictures."""
    path = chromium_path()
    if path is None:
        raise SystemExit("Chromium is needed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, chromium(path) as browser:
        Path(folder).chmod(0o755)  # the account of Postgres has to get through
        secret = secrets.token_urlsafe(48)
        home = Path(folder) / "home"
        settings = Settings(home=home, jwt_secret=secret, api_port=0, ui_port=0, _env_file=None)
        stack = LocalStack(settings, with_ui=True, with_api=True)
        address = stack.start()
        try:
            token = issue_token(settings, LOCAL_USER_ID, ttl_s=3600)
            expired = issue_token(settings, LOCAL_USER_ID, ttl_s=-3600)
            desk = StudioWindow(browser, address.api_url, width=_DESK)
            _picture(_settled(desk.open()), "sign-in")
            _picture(_settled(desk.open(token=expired)), "expired")
            _picture(_settled(desk.open(token=token)), "empty")
            reel = _make(desk, token)
            _change(desk.page)
            failed = _fail(desk, token)
            _picture(_settled(desk.open(token=token)), "library")
            _others(StudioWindow(browser, address.api_url, width=_TABLET), token, reel)
            phone = StudioWindow(browser, address.api_url, width=_PHONE, scheme="dark")
            for name, page_path in (("new", "/new"), ("reel", reel), ("failed", failed)):
                _picture(_settled(phone.open(page_path, token=token)), f"phone-{name}")
            _picture(_settled(phone.open(token=token)), "phone-library")
            phone.page.context.set_offline(True)
            expect(phone.page.get_by_text("No connection to the server.")).to_be_visible()
            _picture(phone.page, "phone-offline")
        finally:
            stack.stop(at_once=True)


def _make(window: StudioWindow, token: str) -> str:
    """Use the page as a person does; the path of the finished Reel's page."""
    page = window.open("/new", token=token)
    clips = [str(path) for path in demo_clips()]
    page.locator("input[type=file][multiple]").set_input_files(clips)
    expect(page.get_by_text("Uploaded", exact=True)).to_have_count(len(clips), timeout=_MADE_MS)
    page.get_by_text("Travel").click()
    page.get_by_role("slider", name="Length").fill("9")
    _picture(_settled(page), "new")

    page.get_by_role("button", name="Make the Reel").click()
    expect(page.locator(".steps .now")).to_be_visible(timeout=_MADE_MS)
    _picture(page, "making")
    expect(page.locator(".block").first).to_be_visible(timeout=_MADE_MS)
    _picture(page, "planned")
    expect(page.locator("video")).to_be_visible(timeout=_MADE_MS)
    page.get_by_role("button", name="Segment 2:").click()
    _picture(_settled(page), "reel")
    return page.url.split("/studio", 1)[1]


def _change(page: Page) -> None:
    """Another moment for a segment: what it would take is said before it is made."""
    choose_changeable(page)
    page.locator(".alternatives button").first.click()
    expect(page.get_by_role("button", name="Make it")).to_be_enabled(timeout=_SEEN_MS)
    _picture(_settled(page), "change")


def _fail(window: StudioWindow, token: str) -> str:
    """A link that leads nowhere; the path of the page that says so."""
    page = window.open("/new", token=token)
    page.get_by_text("Add links").first.click()
    page.locator("textarea").first.fill(_NOWHERE)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Make the Reel").click()
    expect(page.get_by_role("alert")).to_be_visible(timeout=_MADE_MS)
    _picture(_settled(page), "failed")
    return page.url.split("/studio", 1)[1]


def _others(tablet: StudioWindow, token: str, reel: str) -> None:
    """The widest page and the fullest one, at a width between desk and phone."""
    _picture(_settled(tablet.open(reel, token=token)), "tablet-reel")
    _picture(_settled(tablet.open("/new", token=token)), "tablet-new")


def _settled(page: Page) -> Page:
    """The page once its pictures are there and nothing moves."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)
    return page


def _picture(page: Page, name: str) -> None:
    page.evaluate("scrollTo(0, 0)")  # or the head, which stays on the screen, covers the middle
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as picture:
        packed = picture.convert("RGB").quantize(_COLOURS)
        packed.save(FOLDER / f"studio-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
