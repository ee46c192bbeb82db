"""A large file in the studio: a line that breaks and a reload cost the part at hand, no more."""

import os
import re
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Request, expect

from montage_pipeline.api.auth import issue_token
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import uploads_of
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.api.routes.test_events import running
from montage_pipeline_tests.e2e.browser import StudioWindow

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024
PARTS = 3
"""40 MiB in parts of 16."""


def part_of(request: Request) -> int | None:
    """Which part a request sends, if it sends one."""
    found = re.search(r"partNumber=(\d+)", request.url)
    return int(found[1]) if found and request.method == "PUT" else None


@pytest.mark.slow
def test_an_upload_goes_on_after_a_reload(
    signing: Settings, browser: Browser, object_store: ObjectStore, tmp_path: Path
) -> None:
    with running(signing) as api:
        _upload_in_two_goes(api.url, signing, browser, object_store, tmp_path)


def _upload_in_two_goes(
    url: str, settings: Settings, browser: Browser, object_store: ObjectStore, tmp_path: Path
) -> None:
    user = uuid4()
    file = tmp_path / "long ride.mp4"
    file.write_bytes(os.urandom(MIB) * 40)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    window = StudioWindow(browser, url, width=1440)
    begun: list[int] = []
    window.page.on(
        "request", lambda request: begun.append(part_of(request) or 0) if part_of(request) else None
    )
    window.page.route(re.compile("partNumber=3"), lambda route: route.abort())

    def pick() -> None:
        token = issue_token(settings, user, ttl_s=600)
        page = window.open("/new", token=token)
        page.locator("input[type=file][multiple]").set_input_files(str(file))

    with (
        window.page.expect_event("requestfailed", lambda failed: part_of(failed) == 3),
        window.page.expect_event("requestfinished", lambda done: part_of(done) == 1),
    ):
        pick()
    [upload] = object_store.multipart.begun(uploads_of(user))
    there = {part.number for part in object_store.multipart.parts(upload)}
    assert 1 in there
    assert 3 not in there

    window.page.unroute(re.compile("partNumber=3"))
    begun.clear()
    page = window.open("/new", token=issue_token(settings, user, ttl_s=600))
    expect(page.get_by_text("Not sent whole last time.")).to_be_visible()
    expect(page.get_by_text("long ride.mp4")).to_be_visible()
    pick()
    expect(window.page.get_by_text("Uploaded", exact=True)).to_be_visible(timeout=60_000)
    assert set(begun) == set(range(1, PARTS + 1)) - there, "only what was missing"
    [key] = object_store.list_keys(uploads_of(user))
    assert object_store.get_bytes(key) == file.read_bytes()
    assert unquote(key).endswith("long-ride.mp4")
    window.close()
