"""The examples of docs/frontend.md: they compile against the API's own types, and work against it.

Needs Node 20 or newer and the studio's tools (`npm ci` in montage_pipeline/api/studio/web).
"""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
from sqlalchemy.engine import Engine
from standardwebhooks.webhooks import Webhook

from montage_pipeline.api.auth import issue_token
from montage_pipeline.api.routes import multipart_uploads
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.plans import note_plan
from montage_pipeline.settings import Settings
from montage_pipeline.storage import part_sizes
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.api.frontend_page import (
    EXAMPLES,
    PAGE,
    compiled_examples,
    shown,
    with_examples,
)
from montage_pipeline_tests.api.routes.test_content_items import deliver
from montage_pipeline_tests.api.routes.test_events import running

MIB = 1024 * 1024

SCRIPT_S = 60
"""Far longer than any of the scripts takes."""

_BEGIN = """
import { MontageApi } from "./client.js";
const api = new MontageApi(process.env.API_URL, async () => process.env.TOKEN);
const { signal } = new AbortController();
const tell = (news) => console.log(JSON.stringify(news));
const later = setTimeout;
globalThis.setTimeout = (run, ms) => later(run, ms > 2000 ? ms : ms / 10);  // the pauses alone
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples as modules for Node."""
    return compiled_examples(tmp_path_factory.mktemp("frontend"))


@contextmanager
def script(folder: Path, text: str, **env: str) -> Iterator[Iterator[Any]]:
    """What a script that runs beside the test tells, line by line; it must end well."""
    with subprocess.Popen(
        ["node", "--input-type=module", "--eval", _BEGIN + text],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        overdue = threading.Timer(SCRIPT_S, process.kill)
        overdue.start()
        try:
            yield (json.loads(line) for line in process.stdout)
            assert process.stdout.read() == ""
            assert process.wait() == 0, process.stderr.read()
        finally:
            overdue.cancel()
            process.kill()


def access(settings: Settings, client: ApiClient, url: str) -> dict[str, str]:
    assert client.user_id is not None
    return {"API_URL": url, "TOKEN": issue_token(settings, client.user_id, ttl_s=600)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def test_the_page_shows_the_examples_as_they_are() -> None:
    """When this fails: `make docs`."""
    page = PAGE.read_text()
    assert page == with_examples(page)
    assert sorted(shown(page)) == [path.name for path in EXAMPLES]
    for path in EXAMPLES:
        lines = path.read_text().splitlines()
        assert len(lines) <= 60, f"{path.name} is longer than one takes in at a glance"
        assert max(len(line) for line in lines) <= 100


def test_polling_tells_what_changes_and_outlives_a_restart(
    compiled: Path, api_settings: Settings, client: ApiClient, requests: RequestLifecycle
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    request = UUID(made["requestId"])
    watch = f"""
        import {{ polled }} from "./polling.js";
        for await (const status of polled(api, "{made["id"]}", signal)) tell(status);
    """
    port = free_port()
    env = access(api_settings, client, f"http://127.0.0.1:{port}")
    with script(compiled, watch, **env) as told:
        with running(api_settings, port):
            assert next(told)["progressPercent"] == 0
            requests.start(request, "run-1")
            requests.progress(request, "run-1", Step.CLIP_ANALYSIS, 7, "beach.mp4")
            at_hand = next(news for news in told if news["progressPercent"])
            assert (at_hand["progressPercent"], at_hand["progressDetail"]) == (7, "beach.mp4")
        requests.progress(request, "run-1", Step.RENDERED_VIDEO, 50)
        with running(api_settings, port):
            assert next(told)["progressPercent"] == 50
            deliver(requests, made["requestId"])
            assert list(told)[-1]["status"] == "draft"


def test_events_go_on_where_a_broken_line_left_off(
    compiled: Path,
    api_settings: Settings,
    client: ApiClient,
    requests: RequestLifecycle,
    engine: Engine,
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    request = UUID(made["requestId"])
    watch = f"""
        import {{ watched }} from "./events.js";
        const real = fetch;
        globalThis.fetch = async (url, init) => {{
          const answer = await real(url, init);
          tell({{ type: "connected", after: init.headers.get("Last-Event-ID") }});
          return answer;
        }};
        for await (const event of watched(api, "{made["id"]}", signal)) tell(event);
    """
    port = free_port()
    env = access(api_settings, client, f"http://127.0.0.1:{port}")
    with script(compiled, watch, **env) as told:
        with running(api_settings, port):
            assert next(told) == {"type": "connected", "after": None}
            first = next(told)
            assert first["data"] == client.get(f"/api/content-items/{made['id']}/status").json()
        requests.start(request, "run-1")
        note_plan(engine, request, "run-1")
        requests.progress(request, "run-1", Step.RENDERED_VIDEO, 50)
        with running(api_settings, port):
            assert next(told) == {"type": "connected", "after": first["id"]}
            missed = [next(told), next(told)]
            assert [event["type"] for event in missed] == ["plan", "status"]
            assert missed[0]["data"]["requestId"] == made["requestId"]
            assert missed[1]["data"]["progressPercent"] == 50
            deliver(requests, made["requestId"])
            assert list(told)[-1]["data"]["status"] == "draft"


def test_a_refusal_ends_the_watching_and_says_why(
    compiled: Path, api_settings: Settings, client: ApiClient
) -> None:
    watch = f"""
        import {{ polled }} from "./polling.js";
        import {{ watched }} from "./events.js";
        for (const watching of [polled, watched]) {{
          const news = watching(api, "{uuid4()}", signal);
          await news.next().catch(({{ status, code }}) => tell([status, code]));
        }}
    """
    with (
        running(api_settings) as api,
        script(compiled, watch, **access(api_settings, client, api.url)) as told,
    ):
        assert list(told) == [[404, "not_found"]] * 2


def test_an_upload_arrives_whole_and_goes_on_after_a_broken_line(
    compiled: Path,
    api_settings: Settings,
    client: ApiClient,
    object_store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (part_sizes, multipart_uploads):
        monkeypatch.setattr(module, "PART_BYTES", 5 * MIB)
    # Three parts; the line breaks once, in the second.
    send = """
        import { upload, uploadInParts } from "./upload.js";
        const kept = new Map();
        globalThis.localStorage = {
          getItem: (key) => kept.get(key) ?? null,
          setItem: (key, value) => kept.set(key, value),
          removeItem: (key) => kept.delete(key),
        };
        const bytes = Uint8Array.from({ length: 11 * 1024 * 1024 }, (_, at) => (at * at) % 251);
        const clip = { type: "video/quicktime", lastModified: 1 };
        const small = new File([bytes.slice(0, 5000)], "Été.mov", clip);
        const large = new File([bytes], "long ride.mov", clip);
        tell(await upload(api, small, signal));

        const real = fetch;
        let parts = 0;
        globalThis.fetch = (url, init) => {
          if (init.method === "PUT") parts += 1;
          return init.method === "PUT" && parts === 2
            ? Promise.reject(new TypeError("fetch failed")) : real(url, init);
        };
        const shares = [];
        const again = () => uploadInParts(api, large, signal, (share) => shares.push(share));
        tell(await again().catch(String));
        tell(await again());
        tell({ parts, shares, kept: kept.size });
    """
    settings = api_settings.model_copy(update={"max_clip_bytes": 20 * MIB})
    with (
        running(settings) as api,
        script(compiled, send, **access(settings, client, api.url)) as told,
    ):
        small, broken, large, counted = told
    content = bytes(at * at % 251 for at in range(11 * MIB))
    assert (stored(object_store, small), stored(object_store, large)) == (content[:5000], content)
    assert "fetch failed" in broken
    assert counted["parts"] == 4, "the first part is sent once"
    assert counted["shares"] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1])
    assert counted["kept"] == 0
    for clip_url in (small, large):
        asked = client.post("/api/content-items", new_item(clipUrls=[clip_url]))
        assert asked.status_code == 202


def stored(store: ObjectStore, clip_url: str) -> bytes:
    return store.get_bytes(unquote(clip_url).removeprefix(f"s3://{store.bucket}/"))


def test_only_messages_of_this_secret_are_taken(compiled: Path) -> None:
    secrets = ["whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8]
    body = json.dumps({"type": "content_item.done", "title": "Größe 🌊"}, ensure_ascii=False)

    def message(age_s: float, *signers: str) -> dict[str, str]:
        sent = datetime.now(UTC) - timedelta(seconds=age_s)
        signatures = [Webhook(secret).sign("msg_1", sent, body) for secret in signers]
        return {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(sent.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    good = message(0, *secrets)
    unknown_version = good["webhook-signature"].replace("v1,", "v2,")
    cases = [
        (good, body, True),
        (message(0, secrets[1]), body, True),
        (message(0, secrets[0]), body, False),
        (good, body.replace("done", "gone"), False),
        (good | {"webhook-id": "msg_2"}, body, False),
        (good | {"webhook-signature": unknown_version}, body, False),
        (message(600, secrets[1]), body, False),
        ({}, body, False),
    ]
    verify = """
        import { verified } from "./webhook.js";
        for (const [headers, body] of JSON.parse(process.env.CASES)) {
          tell(await verified(process.env.SECRET, new Headers(headers), body));
        }
    """
    sent = json.dumps([[headers, body] for headers, body, _ in cases])
    with script(compiled, verify, CASES=sent, SECRET=secrets[1]) as told:
        assert list(told) == [expected for *_, expected in cases]
