"""`/metrics` over HTTP, for who knows the token."""

import hmac
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.settings import Settings

CONTENT_TYPE = CONTENT_TYPE_LATEST


def may_read(token: str, authorization: str) -> bool:
    """Whether the header `Authorization` has the token. Takes as long whatever it has."""
    return hmac.compare_digest(f"Bearer {token}".encode(), authorization.encode())


def exposition(registry: CollectorRegistry) -> bytes:
    """The metrics in Prometheus's text format."""
    return generate_latest(registry)


class MetricsServer:
    """Serves one registry on its own port until it is closed.

    `update` is called before each answer.
    """

    def __init__(
        self, settings: Settings, registry: CollectorRegistry, update: Callable[[], None]
    ) -> None:
        """Raises PermanentError(BAD_SETTING) when others could read them without a token."""
        self._token = settings.metrics_token.get_secret_value()
        self._registry, self._update = registry, update
        _refuse_open(settings.metrics_host, self._token)
        self._server = make_server(
            settings.metrics_host, settings.metrics_port, self._answer, _Server, _Handler
        )
        self.port = self._server.server_port

    def serve(self) -> None:
        """Answer until `close` is called from another thread."""
        self._server.serve_forever()

    def close(self) -> None:
        """Stop, and give the port back."""
        threading.Thread(target=self._server.shutdown).start()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/metrics":
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"The metrics are at /metrics.\n"]
        if self._token and not may_read(self._token, environ.get("HTTP_AUTHORIZATION", "")):
            start("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
            return []
        self._update()
        start("200 OK", [("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store")])
        return [exposition(self._registry)]


def _refuse_open(host: str, token: str) -> None:
    try:
        is_own = ip_address(host).is_loopback
    except ValueError:
        is_own = host == "localhost"
    if not is_own and not token:
        raise PermanentError(
            ErrorCode.BAD_SETTING,
            f"MONTAGE_METRICS_HOST is {host}, which others can reach: set MONTAGE_METRICS_TOKEN, "
            "which Prometheus then sends as a bearer token.",
        )


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds: one who connects and says nothing holds a thread no longer

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is no news."""
