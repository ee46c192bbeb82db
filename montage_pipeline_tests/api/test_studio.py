"""How the studio is served, and that what is served is what the sources say."""

import json
import re

from fastapi.testclient import TestClient

from montage_pipeline.api.app import create_app
from montage_pipeline.api.studio.pages import STATIC
from montage_pipeline.settings import Settings
from montage_pipeline_tests.studio import build


def test_what_is_served_was_built_from_these_sources() -> None:
    built_from = build.DIGEST.read_text().strip()
    assert built_from == build.digest(), "the studio's sources have changed: make studio"


def test_the_types_are_those_of_the_api() -> None:
    kept = json.loads(build.DESCRIPTION.read_text())
    assert kept == build.description(), "the API has changed: make studio"


def test_every_address_is_the_page_and_its_files_keep_for_ever(http: TestClient) -> None:
    for path in ("/studio", "/studio/new", "/studio/items/0b9f7a52"):
        page = http.get(path)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-cache"

    named = re.findall(r'(?:src|href)="(/studio/[^"]+)"', http.get("/studio").text)
    assert len(named) >= 3
    for path in named:
        file = http.get(path)
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]


def test_only_named_pages_may_frame_it(http: TestClient, api_settings: Settings) -> None:
    closed = http.get("/studio").headers
    assert "frame-ancestors 'none'" in closed["content-security-policy"]
    assert closed["x-frame-options"] == "DENY"
    named = "https://app.example.com, http://localhost:5173"
    opened = api_settings.model_copy(update={"studio_embed_origins": named})
    with TestClient(create_app(opened)) as there:
        page = there.get("/studio").headers
        data = there.get("/api/options").headers
    policy = page["content-security-policy"]
    assert policy.endswith("frame-ancestors https://app.example.com http://localhost:5173")
    # It knows no origins: beside the policy it could only refuse whom the policy lets in.
    assert "x-frame-options" not in page
    assert data["x-frame-options"] == "DENY", "what is no page is framed by nobody"


def test_nothing_but_the_pages_own_files_is_served(http: TestClient) -> None:
    for path in ("absent.js", "..%2fpages.py", "%2e%2e/%2e%2e/pages.py", ""):
        answer = http.get(f"/studio/assets/{path}")
        assert answer.status_code == 404
        assert "STATIC" not in answer.text


def test_the_page_asks_no_other_host() -> None:
    for path in STATIC.rglob("*.html"):
        assert not re.search(r"https?://", path.read_text())


def test_the_page_is_light() -> None:
    import gzip

    packed = sum(len(gzip.compress(path.read_bytes())) for path in STATIC.rglob("*.*"))
    assert packed < 200_000
