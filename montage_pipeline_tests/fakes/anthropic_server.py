"""An Anthropic API on loopback: POST /v1/messages of API version 2026-10-21, with faults on demand.

It checks a request as the API does, counts tokens by the published formula, and judges the moments
it finds in the request from their real frames, so a frame that is missing or black changes the
answer.

    with AnthropicServer() as server:
        server.script(Fault.rate_limited(retry_after_s=7), Fault.refusal())  # for two requests
        ... ANTHROPIC_BASE_URL=server.url ...

Standalone: `python -m montage_pipeline_tests.fakes.anthropic_server [--port N] [--fault overloaded
--fault slow:30 …]` prints one line of JSON with its url, then one line for each request.
"""

import argparse
import json
import secrets
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Self

from montage_pipeline_tests.fakes.anthropic_answers import judge, message_for, text_of
from montage_pipeline_tests.fakes.anthropic_checks import (
    MAX_BODY_BYTES,
    ApiError,
    SentImage,
    check_headers,
    check_request,
)
from montage_pipeline_tests.fakes.anthropic_faults import Fault

__all__ = ["AnthropicServer", "Fault", "ReceivedRequest", "ReportedUsage"]


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came in; header names in lower case. `body` is {} when it was no JSON."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    images: tuple[SentImage, ...]


@dataclass(frozen=True)
class ReportedUsage:
    """A request that was charged, whether or not its answer arrived whole."""

    model: str
    request_id: str
    usage: dict[str, Any]


class AnthropicServer:
    """The fake API.

    `requests` has every request, `usages` every one that was charged; both grow while it runs.
    """

    def __init__(
        self, port: int = 0, *, on_request: Callable[[ReceivedRequest], None] | None = None
    ) -> None:
        self.name = secrets.token_hex(6)  # so that ids do not repeat when a server is started again
        self.requests: list[ReceivedRequest] = []
        self.usages: list[ReportedUsage] = []
        self.answers: list[dict[str, Any]] = []
        """The judgements given, in order."""
        self.answered_s: dict[str, float] = {}
        """When each charged request was answered, by its id, as `time.monotonic`."""
        self.received = threading.Event()
        """Set when a request has come in, before it is answered."""
        self._faults: deque[Fault | None] = deque()
        self._faults_about: dict[str, deque[Fault]] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._on_request = on_request
        fake = self

        class Handler(_Handler):
            server_state = fake

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def url(self) -> str:
        """Base URL for the SDK."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def script(self, *faults: Fault | None) -> None:
        """What happens to the next requests, in order; None is a good answer.

        After the last, answers are good.
        """
        with self._lock:
            self._faults.extend(faults)

    def script_about(self, word: str, *faults: Fault) -> None:
        """What happens to the next requests with the word in their text, in order."""
        with self._lock:
            self._faults_about.setdefault(word, deque()).extend(faults)

    def forget_faults(self) -> None:
        """From now on answers are good."""
        with self._lock:
            self._faults.clear()
            self._faults_about.clear()

    @property
    def charged_usd(self) -> Decimal:
        """The bill of all charged requests, by an independent price list."""
        import genai_prices

        total = Decimal(0)
        for charged in self.usages:
            extracted = genai_prices.extract_usage(
                {"model": charged.model, "usage": charged.usage}, provider_id="anthropic"
            )
            total += extracted.calc_price().total_price
        return total

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)

    __enter__ = start

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _take(self, request: ReceivedRequest) -> tuple[int, Fault | None]:
        with self._lock:
            self.requests.append(request)
            number, fault = next(self._numbers), self._next_fault(request)
        self.received.set()
        if self._on_request is not None:
            self._on_request(request)
        return number, fault

    def _next_fault(self, request: ReceivedRequest) -> Fault | None:
        for word, faults in self._faults_about.items():
            if faults and word in json.dumps(request.body.get("messages", "")):
                return faults.popleft()
        return self._faults.popleft() if self._faults else None

    def _charge(self, model: str, request_id: str, usage: dict[str, Any]) -> None:
        with self._lock:
            self.usages.append(ReportedUsage(model, request_id, usage))


class _Handler(BaseHTTPRequestHandler):
    server_state: AnthropicServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: tests read `requests` instead."""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        raw = self.rfile.read(length)
        if len(raw) < length:
            self.close_connection = True  # the client died before it had sent all of it
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        images: tuple[SentImage, ...] = ()
        body: dict[str, Any] = {}
        problem: ApiError | None = None
        try:
            if self.path != "/v1/messages":
                raise ApiError(404, "not_found_error", f"{self.path}: Not found")
            check_headers(headers)
            if len(raw) > MAX_BODY_BYTES:
                raise ApiError(413, "request_too_large", "Request exceeds the maximum size")
            try:
                body = json.loads(raw)
            except ValueError as error:
                raise ApiError(
                    400, "invalid_request_error", "The request body is not valid JSON"
                ) from error
            images = tuple(check_request(body))
        except ApiError as error:
            problem = error
        number, fault = self.server_state._take(ReceivedRequest(self.path, headers, body, images))
        self._request_id = f"req_{self.server_state.name}{number:06d}"
        if problem is not None:
            self._send_error(problem.status, problem.error_type, problem.message, problem.details)
        elif fault is not None and fault.kind == "error":
            self._send_error(
                fault.status, fault.error_type, fault.message, fault.details, fault.headers
            )
        else:
            self._answer(body, images, fault, number)

    def do_GET(self) -> None:
        self._request_id = "req_fake_get"
        self._send_error(404, "not_found_error", f"{self.path}: Not found", None)

    def _answer(
        self, body: dict[str, Any], images: tuple[SentImage, ...], fault: Fault | None, number: int
    ) -> None:
        state = self.server_state
        judgement = judge(text_of(body), images)
        if fault is not None and fault.rewrite is not None:
            fault.rewrite(judgement)
        kind = fault.kind if fault else "good"
        message = message_for(body, images, judgement, kind)
        message["id"] = f"msg_{state.name}{number:06d}"

        state._charge(body["model"], self._request_id, message["usage"])
        state.answers.append(judgement)
        if fault is not None and fault.seconds:
            time.sleep(fault.seconds)
        sent = json.dumps(message).encode()
        if kind == "broken_body":
            sent = b'{"id": "msg_fake", "type": "mess'
        state.answered_s[self._request_id] = time.monotonic()
        self._send(200, sent, {}, keep=len(sent) // 2 if kind == "cut" else len(sent))

    def _send_error(
        self,
        status: int,
        error_type: str,
        message: str,
        details: dict[str, Any] | None,
        headers: dict[str, str] | None = None,
    ) -> None:
        error: dict[str, Any] = {"type": error_type, "message": message}
        if details is not None:
            error["details"] = details
        body = json.dumps(
            {"type": "error", "error": error, "request_id": self._request_id}
        ).encode()
        self._send(status, body, headers or {}, keep=len(body))

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, keep: int) -> None:
        try:
            self.send_response(status)
            for name, value in {
                "content-type": "application/json",
                "request-id": self._request_id,
                **headers,
            }.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:keep])
            self.wfile.flush()
            if keep < len(body):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.close_connection = True  # the client is gone; that is its right


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        help="fault for the next request, in order; slow and rate_limited take :SECONDS",
    )
    given = parser.parse_args()

    def tell(request: ReceivedRequest) -> None:
        line = {
            "path": request.path,
            "model": request.body.get("model"),
            "images": len(request.images),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    with AnthropicServer(given.port, on_request=tell) as server:
        server.script(*(Fault.named(name) for name in given.fault))
        sys.stdout.write(json.dumps({"url": server.url}) + "\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
