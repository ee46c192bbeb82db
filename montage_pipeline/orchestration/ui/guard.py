"""`UiGuard`: a small ASGI middleware against other people's web pages.

host        must be one that the UI is known by, so that a name that is pointed at this machine
            (DNS rebinding) does not make a foreign page one of ours
GraphQL     only by POST with a JSON body, which no form and no picture can send
origin      whatever changes something, and every WebSocket, comes from our own pages, or from a
            program that is no browser
framing     not inside another site's page, where a click can be stolen
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_OWN_NAMES = ("localhost", "127.0.0.1", "::1")

_PROBE_PATH = "/server_info"
"""Tells versions and changes nothing. Kubernetes asks it by the pod's address."""

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_GRAPHQL_TYPES = ("application/json", "application/graphql")
"""Browsers ask before they send these across origins, and Dagster does not allow it."""

_POLICY_VIOLATION = 1008
"""WebSocket close code (RFC 6455, 7.4.1)."""


class UiGuard:
    """Wraps Dagster's UI; `hosts` are names it is known by besides this machine's own."""

    def __init__(self, app: AsgiApp, *, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = {*_OWN_NAMES, *(_host_name(host) for host in hosts)} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it, saying why."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        refusal = self._refusal(scope, _Headers(scope))
        if refusal is None:
            await self._app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await _answer(send, *refusal)

    def _refusal(self, scope: Scope, headers: "_Headers") -> tuple[int, str] | None:
        """Status and sentence for a request that is not let through."""
        method, path = scope.get("method", ""), scope["path"]
        host = headers.one("host")
        if path == _PROBE_PATH and method in _SAFE_METHODS:
            return None
        if host is None or _host_name(host) not in self._hosts:
            return 421, "This name is not one of the UI's: add it to MONTAGE_UI_ALLOWED_HOSTS."

        changes = scope["type"] == "websocket" or method not in _SAFE_METHODS
        if changes and not _from_own_page(headers, host):
            return 403, "Only the UI's own pages may do this."
        if scope["type"] == "http" and path.rstrip("/").endswith("/graphql"):
            return _graphql_refusal(method, headers)
        return None


def _graphql_refusal(method: str, headers: "_Headers") -> tuple[int, str] | None:
    if method == "GET" and "text/html" in (headers.one("accept") or ""):
        return None  # The page of the GraphQL editor; nothing is carried out.
    if method != "POST":
        return 405, "GraphQL is answered by POST only."
    media_type = (headers.one("content-type") or "").partition(";")[0].strip().lower()
    if media_type not in _GRAPHQL_TYPES:
        return 415, "Send Content-Type: application/json."
    return None


def _from_own_page(headers: "_Headers", host: str) -> bool:
    """Whether a browser says that our page asks; programs that are no browsers say nothing."""
    if headers.one("sec-fetch-site") not in {None, "same-origin"}:
        return False
    origins = headers.all("origin")
    # Behind a proxy that ends TLS, the scheme differs and the host does not.
    return all(urlsplit(origin).netloc.lower() == host.lower() for origin in origins)


def _host_name(host: str) -> str:
    """The name in a Host header, without its port; empty for nonsense."""
    try:
        return (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


class _Headers:
    def __init__(self, scope: Scope) -> None:
        self._headers = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in scope["headers"]
        ]

    def all(self, name: str) -> list[str]:
        return [value for other, value in self._headers if other == name]

    def one(self, name: str) -> str | None:
        """The header's value; the empty text, which matches nothing, when there are several."""
        values = self.all(name)
        if not values:
            return None
        return values[0] if len(values) == 1 else ""


def _unframed(send: Send) -> Send:
    async def send_unframed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"x-frame-options", b"SAMEORIGIN")]
        await send(message)

    return send_unframed


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = sentence.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
