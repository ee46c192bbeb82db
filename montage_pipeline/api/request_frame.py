"""What holds for every request, whatever its route: an id, a log line, a limit of size, safe
headers, no stack traces.

A plain ASGI middleware: it runs in the request's own context, so the line it logs at the end has
what the routes bound to the log context.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from montage_pipeline import tracing
from montage_pipeline.api import body_shape
from montage_pipeline.api.errors import error_response, too_many_requests, unparsable_body
from montage_pipeline.api.limits.rate_limits import SharedRateLimiter, caller_address
from montage_pipeline.errors import ErrorCode
from montage_pipeline.logs import get_logger
from montage_pipeline.metrics.http import UNMATCHED

log = get_logger(__name__)

REQUEST_ID_HEADER = "X-Request-Id"
_ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_PROBES = ("/healthz", "/readyz")
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")

_SAFE_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Answers carry presigned URLs and change from poll to poll.
    "Cache-Control": "no-store",
}

_CSP_OF_DATA = "default-src 'none'; frame-ancestors 'none'"
"""JSON loads nothing; the pages of the documentation do."""


@dataclass(frozen=True)
class FrameLimits:
    """What one request may be, and how many one address may send."""

    max_body_bytes: int
    max_values: int
    """Of a JSON body, counting whatever stands between brackets and commas."""
    addresses: SharedRateLimiter


class Note(Protocol):
    """Told of every request: its route's template, and the seconds until the answer began."""

    def __call__(self, method: str, route: str, status: int, seconds: float) -> None: ...


class RequestFrame:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, *, limits: FrameLimits, note: Note) -> None:
        self._app = app
        self._limits = limits
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        headers = Headers(scope=scope)
        exchange = _Exchange(_request_id(headers), send)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(http_request_id=exchange.request_id)
        begun = time.perf_counter()
        try:
            with _traced(scope, exchange):
                await self._serve(scope, receive, exchange.send)
        except ClientDisconnect:
            log.info("client_gone", method=scope["method"], path=scope["path"])
        except Exception:
            log.exception("unexpected_error", method=scope["method"], path=scope["path"])
            if exchange.status:
                raise  # The answer has begun: all that is left is to break the connection.
            failure = error_response(
                ErrorCode.INTERNAL_ERROR,
                "Something went wrong on our side; the request id finds it in our logs.",
                {"requestId": exchange.request_id},
            )
            await failure(scope, receive, exchange.send)
        finally:
            log.log(
                logging.DEBUG if scope["path"] in _PROBES else logging.INFO,
                "http_request",
                method=scope["method"],
                path=scope["path"],
                status=exchange.status,
                duration_ms=round((time.perf_counter() - begun) * 1000, 1),
            )
            waited_s = (exchange.answered or time.perf_counter()) - begun
            self._note(scope["method"], route_of(scope), exchange.status, waited_s)
            structlog.contextvars.clear_contextvars()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it is one too many or its body too much."""
        if scope["path"] not in _PROBES:
            address = caller_address(scope.get("client"))
            wait_s = await run_in_threadpool(self._limits.addresses.wait_s, address)
            if wait_s:
                await too_many_requests(wait_s)(scope, receive, send)
                return
        if scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return

        body = await self._body(Headers(scope=scope), receive)
        refusal = self._refusal(body)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self._app(scope, _replayed(body or b"", receive), send)

    def _refusal(self, body: bytes | None) -> Response | None:
        """The answer to a body that is not parsed; None to one that may be."""
        if body is None:
            reason: str | None = f"is larger than {self._limits.max_body_bytes} bytes"
        elif not body_shape.is_text(body):
            return unparsable_body("is not JSON in UTF-8")
        else:
            reason = body_shape.refusal(body, self._limits.max_values)
        if reason is None:
            return None
        return error_response(ErrorCode.REQUEST_TOO_LARGE, f"The body {reason}.")

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """The whole body; None as soon as it is known to be too large."""
        announced = headers.get("Content-Length", "")
        if announced.isdigit() and int(announced) > self._limits.max_body_bytes:
            return None
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._limits.max_body_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives a body that was read already, then whatever comes after it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


class _Exchange:
    """One answer on its way out; `status` is 0 until it has begun, at `answered`."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.status = 0
        self.answered = 0.0
        self._send = send

    async def send(self, message: Message) -> None:
        """Send `message`; the start of the answer gets the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered = time.perf_counter()
            answer = MutableHeaders(scope=message)
            answer[REQUEST_ID_HEADER] = self.request_id
            for name, value in _SAFE_HEADERS.items():
                answer.setdefault(name, value)
            if answer.get("Content-Type", "").startswith("application/json"):
                answer.setdefault("Content-Security-Policy", _CSP_OF_DATA)
            if not _may_be_embedded(answer.get("Content-Security-Policy", "")):
                answer.setdefault("X-Frame-Options", "DENY")
        await self._send(message)


def _may_be_embedded(policy: str) -> bool:
    """Whether the policy names pages that may: X-Frame-Options cannot, and would contradict it."""
    return "frame-ancestors" in policy and "frame-ancestors 'none'" not in policy


@contextmanager
def _traced(scope: Scope, exchange: "_Exchange") -> Iterator[None]:
    """The request as a trace of its own, or as part of the client's. Probes are none."""
    if scope["path"] in _PROBES or scope["path"] == "/metrics":
        yield
        return
    client = Headers(scope=scope).get("traceparent")
    with (
        tracing.continued(client if client and _TRACEPARENT.fullmatch(client) else None),
        tracing.span("http", method=scope["method"], http_request_id=exchange.request_id),
    ):
        try:
            yield
        finally:
            tracing.note(route=route_of(scope), status=exchange.status)


def route_of(scope: Scope) -> str:
    """The template of the route that a request matched, which names no id."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else UNMATCHED


def _request_id(headers: Headers) -> str:
    """The client's own id where it is safe to log, else a new one."""
    offered = headers.get(REQUEST_ID_HEADER, "")
    return offered if _ACCEPTED_REQUEST_ID.fullmatch(offered) else uuid4().hex
