"""Another site's page, in a real browser: the studio in a frame of it, or a player of its own."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy.engine import Engine

from montage_pipeline.api.auth import issue_token
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import FinishedReel, RequestLifecycle
from montage_pipeline.requests.plans import note_plan
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.api.frontend_page import compiled_examples
from montage_pipeline_tests.api.routes.test_artefacts import covers, plan
from montage_pipeline_tests.api.routes.test_events import RunningApi, running
from montage_pipeline_tests.clicks import click, new_user
from montage_pipeline_tests.e2e.browser import StudioWindow

pytestmark = pytest.mark.e2e

_PAGE = """<!doctype html><title>Another app</title><iframe id="studio" title="Reels"></iframe>
<script type="module">
  import { embedStudio } from "/embed.js";
  const token = async () => (await fetch("/token")).text();
  embedStudio(document.getElementById("studio"), "STUDIO", token);
</script>"""


_PLAYER = """<!doctype html><title>Another app</title><div id="reel"></div>
<script type="module">
  import { MontageApi } from "/client.js";
  import { showReel } from "/player.js";
  const token = async () => (await fetch("/token")).text();
  const { signal } = new AbortController();
  await showReel(new MontageApi("API_URL", token), "ITEM", document.getElementById("reel"), signal);
</script>"""


_NOTE_REASONS = """
  window.reasons = [];
  addEventListener("message", ({ data }) => {
    if (data?.type === "montage.token-needed") window.reasons.push(data.reason);
  });"""
"""Has `window.reasons` say why the studio asked for tokens."""


class OtherApp:
    """A web app with a page around the studio; `tokens` is what its server gives, one by one."""

    def __init__(self, modules: Path) -> None:
        self.tokens: list[str] = []
        files = {
            f"/{path.name}": ("text/javascript", path.read_text()) for path in modules.glob("*.js")
        }
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/token":
                    kind, text = "text/plain", app.tokens.pop(0)
                else:
                    kind, text = files.get(self.path, ("text/plain", ""))
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.files = files
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled_examples(tmp_path_factory.mktemp("modules"))


@pytest.fixture
def other_app(modules: Path) -> Iterator[OtherApp]:
    app = OtherApp(modules)
    thread = threading.Thread(target=app.server.serve_forever, daemon=True)
    thread.start()
    yield app
    app.server.shutdown()
    thread.join()
    app.server.server_close()


@pytest.fixture
def served(signing: Settings, other_app: OtherApp) -> Settings:
    """The API may be framed by the other app where that calls itself localhost."""
    return signing.model_copy(
        update={
            "studio_embed_origins": f"http://localhost:{other_app.port}",
            "api_cors_origins": f"http://localhost:{other_app.port}",
        }
    )


@pytest.fixture
def api(served: Settings, other_app: OtherApp) -> Iterator[RunningApi]:
    with running(served) as api:
        other_app.files["/"] = ("text/html", _PAGE.replace("STUDIO", f"{api.url}/studio"))
        yield api


def test_the_page_around_signs_in_and_again_when_a_token_has_expired(
    api: RunningApi,
    served: Settings,
    other_app: OtherApp,
    browser: Browser,
    library: ContentLibrary,
) -> None:
    user = new_user(library)
    click(library, user, title="Sunday at the beach")
    other_app.tokens = [issue_token(served, user, ttl_s=ttl_s) for ttl_s in (-120, 600)]
    page = browser.new_page()
    answers: list[int] = []
    page.on(
        "response", lambda answer: answers.append(answer.status) if "/api/" in answer.url else None
    )
    page.add_init_script(_NOTE_REASONS)
    page.goto(f"http://localhost:{other_app.port}/")
    studio = page.frame_locator("#studio")
    expect(studio.get_by_text("Sunday at the beach")).to_be_visible(timeout=30_000)
    assert other_app.tokens == [], "the expired one, then another"
    expect(studio.get_by_role("button", name="Sign out")).to_have_count(0)
    assert answers == [401, 200]
    assert page.evaluate("window.reasons") == ["missing", "refused"]


def test_no_other_page_can_frame_it(
    api: RunningApi, served: Settings, other_app: OtherApp, browser: Browser, user: UUID
) -> None:
    other_app.tokens = [issue_token(served, user, ttl_s=600)]
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(f"http://127.0.0.1:{other_app.port}/")
    assert len(other_app.tokens) == 1
    [frame] = page.main_frame.child_frames
    assert frame.locator("#root").count() == 0


def test_outside_a_frame_nobody_signs_a_person_in(
    api: RunningApi, served: Settings, browser: Browser, user: UUID
) -> None:
    window = StudioWindow(browser, api.url, width=1440)
    page = window.open()
    with page.expect_popup() as opened:
        page.evaluate("window.other = window.open('/studio')")
    popup = opened.value
    expect(popup.get_by_label("Token")).to_be_visible()
    message = {"type": "montage.token", "token": issue_token(served, user, ttl_s=600)}
    # From the window that opened it, and from itself; each is waited for until it was heard.
    for sender, target in ((page, "window.other"), (popup, "window")):
        popup.evaluate(
            """() => {
              window.heard = new Promise((heard) => {
                const later = () => requestAnimationFrame(() => requestAnimationFrame(heard));
                addEventListener("message", later, { once: true });
              });
            }"""
        )
        sender.evaluate(f"message => {target}.postMessage(message, '*')", message)
        popup.evaluate("() => window.heard.then(() => null)")
        expect(popup.get_by_label("Token")).to_be_visible()
    window.close()


def test_another_origins_page_plays_a_reel_and_chooses_its_cover(
    api: RunningApi,
    served: Settings,
    other_app: OtherApp,
    browser: Browser,
    library: ContentLibrary,
    requests: RequestLifecycle,
    engine: Engine,
    object_store: ObjectStore,
) -> None:
    user = new_user(library)
    made = click(library, user)
    requests.start(made.request_id, "run")
    plan(object_store, made.request_id)
    note_plan(engine, made.request_id, "run")
    stills = covers(object_store, str(made.content_item_id))
    object_store.put_bytes("reels/u/reel.mp4", b"reel", content_type="video/mp4")
    reel_url = object_store.media_url("reels/u/reel.mp4")
    poster_url = object_store.media_url(stills[0].key)
    reel = FinishedReel(media_url=reel_url, music_url="u", poster_url=poster_url, covers=stills)
    requests.succeed(made.request_id, "run", reel)
    page_text = _PLAYER.replace("API_URL", api.url).replace("ITEM", str(made.content_item_id))
    other_app.files["/"] = ("text/html", page_text)
    other_app.tokens = [issue_token(served, user, ttl_s=600) for _ in range(5)]

    page = browser.new_page()
    page.goto(f"http://localhost:{other_app.port}/")
    video = page.locator("video")
    expect(video).to_have_attribute("src", re.compile("reel.mp4"))
    expect(video).to_have_attribute("poster", re.compile("cover-1"))
    expect(page.get_by_title("It opens well.")).to_have_count(1)
    choices = page.get_by_title("sharp")
    expect(choices).to_have_count(3)
    choices.nth(1).click()
    expect(choices.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(choices.nth(0)).to_have_attribute("aria-pressed", "false")
    expect(video).to_have_attribute("poster", re.compile("cover-2"))
    item = library.get_item(user, made.content_item_id)
    assert item is not None
    assert "cover-2" in str(item.poster_url)
