"""Pictures of Dagster's UI as an operator sees it, made by using it: `make ui-pictures`.

Needs Chromium. A system of its own makes one Reel from the sample clips and fails one whose clip is
not there; then the pages that say what became of them are pictured.
"""

import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

from playwright.sync_api import Browser, Page

from montage_pipeline.composition import Services
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.local.stack import LocalStack
from montage_pipeline.requests.model import MontageRequest, NewContentItem
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.e2e.browser import chromium, chromium_path

_MADE_S = 600.0
_PAGE_MS = 120_000
_SETTLE_MS = 15_000
"""For every query of a page, on a machine that has more to do."""

_STORYBOARD_IS_DRAWN = """() => {
  const image = document.querySelector('img[alt="storyboard"]');
  return image !== null && image.complete && image.naturalWidth > 0;
}"""


def main(folder: Path) -> None:
    """Start a system, make a Reel, and write the pictures to the folder."""
    path = chromium_path()
    if path is None:
        raise SystemExit("Chromium is needed: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, chromium(path) as browser:
        Path(home).chmod(0o755)  # the account of Postgres has to get through
        settings = Settings(
            home=Path(home) / "home", local_files=True, api_port=0, ui_port=0, _env_file=None
        )
        stack = LocalStack(settings, with_ui=True, with_api=False)
        address = stack.start()
        services = Services(
            settings.model_copy(update={"database_url": address.env["DATABASE_URL"]})
        )
        try:
            made = _make(services)
            _picture_all(browser, address.ui_url, made, folder)
        finally:
            services.close()
            # Nobody waits for what is under way: hourly jobs, the UI's connections to the browser.
            stack.stop(at_once=True)


def _make(services: Services) -> MontageRequest:
    """A Reel, and one that cannot be made; the request of the first."""
    services.library.ensure_user(LOCAL_USER_ID, "operator@example.org")
    clips = tuple(clip.as_uri() for clip in demo_clips())
    ids: list[UUID] = []
    for title, urls in (("Two days in Lisbon", clips), ("Lost", ("file:///nowhere/at-all.mp4",))):
        asked = NewContentItem(
            title=title, clip_urls=urls, style="travel", format=Format.REEL, duration_s=9
        )
        ids.append(services.library.create_item(LOCAL_USER_ID, asked).request_id)
    deadline_s = time.monotonic() + _MADE_S
    while time.monotonic() < deadline_s:
        requests = [services.requests.get_request(request_id) for request_id in ids]
        if all(request and request.state.is_terminal for request in requests):
            time.sleep(15)  # what the daemon does with the last events of the runs
            assert requests[0] is not None
            return requests[0]
        time.sleep(1)
    raise SystemExit("The Reel was not made in time.")


def _picture_all(browser: Browser, url: str, made: MontageRequest, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    key = made.partition_key
    for name, path in (
        ("runs", "/runs"),
        ("run", f"/runs/{made.run_id}"),
        ("catalog", "/assets"),
        ("storyboard", "/assets/edit_timeline?view=overview"),
        ("partition", f"/assets/edit_timeline?view=partitions&partition={key}"),
        ("checks", "/assets/rendered_video?view=checks"),
        ("sensors", "/automation"),
    ):
        picture = folder / f"ui-{name}.png"
        _settled(page, url + path).screenshot(path=picture, timeout=_PAGE_MS)
    context.close()


def _settled(page: Page, url: str) -> Page:
    """The page once it has loaded; the UI goes on asking, so the network is never quiet."""
    page.goto(url, timeout=_PAGE_MS)
    page.wait_for_timeout(_SETTLE_MS)
    if "edit_timeline" in url:
        page.wait_for_function(_STORYBOARD_IS_DRAWN, timeout=_PAGE_MS)
    return page


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "ui-pictures"))
