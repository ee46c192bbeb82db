"""A proxy before the object store, on which things go wrong on demand."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self

_SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
_BROKEN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code>'
    b"<Message>We encountered an internal error.</Message></Error>"
)

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "te", "upgrade"}


@dataclass
class Trouble:
    """What happens to each of the next `left` requests of these methods, instead of or before a
    good answer.
    """

    kind: Literal["slow", "500", "503", "cut_upload", "cut_answer"]
    left: int
    methods: tuple[str, ...] = ("GET", "HEAD", "PUT", "POST")
    seconds: float = 0.0


class StoreProxy:
    """Forwards everything to the store at `target()`, host name and signature as they come."""

    def __init__(self) -> None:
        self.troubles = 0
        """How many requests something went wrong with."""
        self._trouble: Trouble | None = None
        self._lock = threading.Lock()
        self.target: Callable[[], str] = lambda: ""
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def order(self, trouble: Trouble | None) -> None:
        """From now on; None ends it."""
        with self._lock:
            self._trouble, self.troubles = trouble, 0

    def trouble_for(self, method: str) -> Trouble | None:
        """What is to happen to a request."""
        with self._lock:
            trouble = self._trouble
            if trouble is None or not trouble.left or method not in trouble.methods:
                return None
            trouble.left -= 1
            self.troubles += 1
            return trouble


class _Handler(BaseHTTPRequestHandler):
    proxy: StoreProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _serve(self) -> None:
        trouble = self.proxy.trouble_for(self.command)
        kind = trouble.kind if trouble else ""
        length = int(self.headers.get("Content-Length") or 0)
        if kind == "cut_upload":
            self.rfile.read(length // 2)
            self._cut()
            return
        body = self.rfile.read(length) if length else None
        if trouble is not None and kind == "slow":
            time.sleep(trouble.seconds)
        if kind in ("500", "503"):
            self._send(int(kind), [], _SLOW_DOWN if kind == "503" else _BROKEN)
            return
        try:
            status, headers, answer = self._forward(body)
        except OSError:
            self._cut()  # the store is away
            return
        if kind == "cut_answer":
            self._cut()
            return
        with suppress(OSError):  # the client may be gone
            self._send(status, headers, answer)

    def _forward(self, body: bytes | None) -> tuple[int, list[tuple[str, str]], bytes]:
        host = self.proxy.target().removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=120)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except http.client.HTTPException as error:
            raise OSError("the store broke the connection") from error
        finally:
            connection.close()

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        given = {name.lower(): value for name, value in headers}
        length = given.get("content-length", "0") if self.command == "HEAD" else str(len(body))
        if status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _cut(self) -> None:
        """A reset, not a polite goodbye."""
        self.close_connection = True
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()


for _method in ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)
