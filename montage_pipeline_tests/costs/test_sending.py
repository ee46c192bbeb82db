"""A call counts as sent when its body goes out, not before, on both HTTP clients in use."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import httpx2
import pytest

from montage_pipeline.costs.sending import sending, watch

CLIENTS: list[Any] = [httpx, httpx2]


class Wire:
    """A server that notes what reached it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if not body:
                    self.close_connection = True  # only headers came: nothing to charge for
                    return
                wire.events.append(f"{len(body)} bytes arrived")
                self.send_response(204)
                self.end_headers()

            def do_CONNECT(self) -> None:
                wire.events.append("a tunnel was asked for")
                self.send_error(502)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Wire":
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as running:
        yield running


def post(library: Any, url: str, proxy: str | None = None) -> None:
    hooks = {"request": [lambda request: watch(request.extensions)]}
    with library.Client(event_hooks=hooks, timeout=5, proxy=proxy) as client:
        client.post(url, content=b"x" * 1000)


@pytest.mark.parametrize("library", CLIENTS, ids=lambda library: library.__name__)
def test_the_mark_comes_before_the_body_and_once(library: Any, wire: Wire) -> None:
    with sending(lambda: wire.events.append("marked")) as outgoing:
        post(library, wire.url)
        assert (outgoing.watched, outgoing.sent) == (True, True)
        post(library, wire.url)
    assert wire.events == ["marked", "1000 bytes arrived", "1000 bytes arrived"]


@pytest.mark.parametrize("library", CLIENTS, ids=lambda library: library.__name__)
def test_what_never_reached_a_server_was_not_sent(library: Any) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with sending(_forbidden) as outgoing, pytest.raises(library.ConnectError):
            post(library, f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert (outgoing.watched, outgoing.sent) == (True, False)


@pytest.mark.parametrize("library", CLIENTS, ids=lambda library: library.__name__)
def test_what_a_proxy_did_not_let_through_was_not_sent(library: Any, wire: Wire) -> None:
    with sending(_forbidden) as outgoing, pytest.raises(library.ProxyError):
        post(library, "https://provider.invalid/", proxy=wire.url)
    assert (outgoing.sent, wire.events) == (False, ["a tunnel was asked for"])


@pytest.mark.parametrize("library", CLIENTS, ids=lambda library: library.__name__)
def test_a_call_that_cannot_be_marked_is_not_sent(library: Any, wire: Wire) -> None:
    with sending(_forbidden) as outgoing, pytest.raises(LookupError):
        post(library, wire.url)
    assert (outgoing.sent, wire.events) == (False, [])


def _forbidden() -> None:
    raise LookupError("the ledger is away")


def test_outside_nothing_is_watched(wire: Wire) -> None:
    mark: Callable[[], None] = _forbidden
    with sending(mark):
        pass
    post(httpx, wire.url)
    assert wire.events == ["1000 bytes arrived"]
