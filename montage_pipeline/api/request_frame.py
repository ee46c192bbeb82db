"""What holds for every request, whatever its route: an id, a log line, a limit of size, safe
headers, no stack traces.

A plain ASGI middleware: it runs in the request's own context, so the line it logs at the end has
what the routes bound to the log context.
"""

import logging
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from montage_pipeline.api.errors import error_response
from montage_pipeline.errors import ErrorCode
from montage_pipeline.logs import get_logger

log = get_logger(__name__)

REQUEST_ID_HEADER = "X-Request-Id"
_ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PROBES = ("/healthz", "/readyz")

_SAFE_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # Answers carry presigned URLs and change from poll to poll.
    "Cache-Control": "no-store",
}

_CSP_OF_DATA = "default-src 'none'; frame-ancestors 'none'"
"""JSON loads nothing; the pages of the documentation do."""


class RequestFrame:
    """Wraps the application; `max_body_bytes` is the largest body it accepts."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

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
            if int(headers.get("Content-Length") or 0) > self._max_body_bytes:
                too_large = error_response(ErrorCode.REQUEST_TOO_LARGE, self._too_large_message)
                await too_large(scope, receive, exchange.send)
            else:
                await self._app(scope, self._limited(receive), exchange.send)
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
            structlog.contextvars.clear_contextvars()

    def _limited(self, receive: Receive) -> Receive:
        """`receive` that stops a body without a Content-Length as soon as it is too large."""
        received_bytes = 0

        async def receive_limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._max_body_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large_message)
            return message

        return receive_limited

    @property
    def _too_large_message(self) -> str:
        return f"The body is larger than {self._max_body_bytes} bytes."


class _Exchange:
    """One answer on its way out; `status` is 0 until it has begun."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.status = 0
        self._send = send

    async def send(self, message: Message) -> None:
        """Send `message`; the start of the answer gets the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            answer = MutableHeaders(scope=message)
            answer[REQUEST_ID_HEADER] = self.request_id
            for name, value in _SAFE_HEADERS.items():
                answer.setdefault(name, value)
            if answer.get("Content-Type", "").startswith("application/json"):
                answer.setdefault("Content-Security-Policy", _CSP_OF_DATA)
        await self._send(message)


def _request_id(headers: Headers) -> str:
    """The client's own id where it is safe to log, else a new one."""
    offered = headers.get(REQUEST_ID_HEADER, "")
    return offered if _ACCEPTED_REQUEST_ID.fullmatch(offered) else uuid4().hex
