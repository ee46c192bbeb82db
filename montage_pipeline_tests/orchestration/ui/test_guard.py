"""Dagster's UI does nothing for other people's web pages; it works as before for its own, and for
programs.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from montage_pipeline.local.embedded.process import free_port
from montage_pipeline.orchestration.ui.guard import Message, UiGuard

_JSON = {"content-type": "application/json"}
_OWN = {"host": "127.0.0.1:3000"}
_START_LIMIT_S = 90


@pytest.fixture(scope="module")
def ui_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real UI, without code locations, on a storage of its own."""
    home, port = tmp_path_factory.mktemp("dagster-home"), free_port()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    module = ("-m", "montage_pipeline.orchestration.ui", "--empty-workspace")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *module, "-h", "127.0.0.1", "-p", str(port)],
            env={**os.environ, "DAGSTER_HOME": str(home)},
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, home / "log")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, log: Path) -> None:
    deadline_s = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline_s:
        try:
            if httpx.get(f"{url}/server_info").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


def _limit_mutation(key: str) -> str:
    return f'mutation {{ setConcurrencyLimit(concurrencyKey: "{key}", limit: 7) }}'


def _limited_keys(url: str) -> set[str]:
    query = "{ instance { concurrencyLimits { concurrencyKey } } }"
    answer = httpx.post(f"{url}/graphql", json={"query": query}).json()
    limits = answer["data"]["instance"]["concurrencyLimits"]
    return {limit["concurrencyKey"] for limit in limits}


def test_other_peoples_pages_change_nothing(ui_url: str) -> None:
    query = {"query": _limit_mutation("stolen")}
    foreign = {"Origin": "https://evil.example"}
    graphql = f"{ui_url}/graphql"
    attacks = {
        "a picture": httpx.get(graphql, params=query),
        "a form": httpx.post(graphql, params=query, data={"a": "b"}),
        "plain text that Dagster takes for JSON": httpx.post(
            graphql, json=query, headers={"Content-Type": "text/plain; application/json"}
        ),
        "a script": httpx.post(graphql, json=query, headers=foreign),
        "a sandboxed frame": httpx.post(graphql, json=query, headers={"Origin": "null"}),
        "a name that points here": httpx.post(
            graphql, json=query, headers={"Host": "evil.example"}
        ),
        "an event": httpx.post(
            f"{ui_url}/report_asset_materialization/r2_object", json={}, headers=foreign
        ),
    }
    assert {name: answer.status_code for name, answer in attacks.items()} == {
        "a picture": 405,
        "a form": 415,
        "plain text that Dagster takes for JSON": 415,
        "a script": 403,
        "a sandboxed frame": 403,
        "a name that points here": 421,
        "an event": 403,
    }
    assert "stolen" not in _limited_keys(ui_url)


def test_its_own_pages_and_programs_work(ui_url: str) -> None:
    own = {"Origin": ui_url, "Sec-Fetch-Site": "same-origin"}
    for key, headers in (("page", own), ("program", {})):
        answer = httpx.post(
            f"{ui_url}/graphql", json={"query": _limit_mutation(key)}, headers=headers
        )
        assert answer.json()["data"] == {"setConcurrencyLimit": True}
    assert _limited_keys(ui_url) == {"page", "program"}

    page = httpx.get(ui_url, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["x-frame-options"]) == (200, "SAMEORIGIN")
    assert "<html" in page.text


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"reached"})


def _first_message(kind: str, path: str, headers: Mapping[str, str], **scope: Any) -> Message:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": f"{kind}.connect" if kind == "websocket" else "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    guard = UiGuard(_inner, hosts=["Dagster.example.com", ""])
    anyio.run(guard, {"type": kind, "path": path, "headers": raw, **scope}, receive, send)
    return sent[0]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {"host": "localhost:3000"}, 200),
        ("GET", "/", {"host": "[::1]:3000"}, 200),
        ("GET", "/", {"host": "dagster.example.com"}, 200),
        ("GET", "/", {"host": "DAGSTER.example.com.:443"}, 200),
        ("GET", "/", {"host": "evil.example"}, 421),
        ("GET", "/", {"host": "dagster.example.com.evil.example"}, 421),
        ("GET", "/", {"host": "[::1"}, 421),
        ("GET", "/", {"host": ""}, 421),
        ("GET", "/", {}, 421),
        ("GET", "/server_info", {"host": "10.1.2.3:3000"}, 200),
        ("POST", "/server_info", {"host": "10.1.2.3:3000"}, 421),
        ("GET", "/graphql", _OWN | {"accept": "text/html"}, 200),
        ("GET", "/graphql", _OWN, 405),
        ("PUT", "/graphql/", _OWN | _JSON, 405),
        ("POST", "/prefix/graphql", _OWN | {"content-type": "text/plain"}, 415),
        ("POST", "/graphql", _OWN | _JSON, 200),
        # TLS ends at a proxy, which keeps the name.
        (
            "POST",
            "/graphql",
            _JSON | {"host": "dagster.example.com", "origin": "https://dagster.example.com"},
            200,
        ),
        ("POST", "/graphql", _JSON | _OWN | {"origin": "http://127.0.0.1:8000"}, 403),
        ("POST", "/graphql", _JSON | _OWN | {"sec-fetch-site": "same-site"}, 403),
        ("POST", "/graphql", _JSON | _OWN | {"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_what_is_let_through(method: str, path: str, headers: dict[str, str], status: int) -> None:
    assert _first_message("http", path, headers, method=method)["status"] == status


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        (_OWN | {"origin": "http://127.0.0.1:3000"}, True),
        (_OWN | {"origin": "https://evil.example"}, False),
        ({"host": "evil.example", "origin": "http://evil.example"}, False),
    ],
)
def test_a_websocket_comes_from_our_own_page(headers: dict[str, str], accepted: bool) -> None:
    kind = _first_message("websocket", "/graphql", headers)["type"]
    assert kind == ("websocket.accept" if accepted else "websocket.close")
