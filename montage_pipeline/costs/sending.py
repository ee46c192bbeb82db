"""When the bytes of a paid call go out: the moment from which it can be charged.

A provider can charge a request once it has the whole of it, and no earlier: not while a name is
resolved, a connection is made, or the headers are written. So the ledger's row is marked right
before the first byte of the body is written, and a process that dies before that has bought
nothing. httpx (and Anthropic's fork of it) tell that moment to whoever put a function into a
request's `extensions["trace"]`.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_BODY_BEGINS = ".send_request_body.started"
"""Ends the name of the event for HTTP/1.1 and HTTP/2 alike."""


class Outgoing:
    """One paid call on its way.

    `watched`: its request was seen, so that `sent` can be relied on. `sent`: its body has begun to
    go out, so it may be charged.
    """

    def __init__(self, mark: Callable[[], None]) -> None:
        self._mark = mark
        self.watched = False
        self.sent = False

    def note(self) -> None:
        """Mark the call as sent, once. What the marking raises ends the call before its body."""
        if not self.sent:
            self._mark()
            self.sent = True


_current: ContextVar[Outgoing | None] = ContextVar("paid_call_on_its_way", default=None)


@contextmanager
def sending(mark: Callable[[], None]) -> Iterator[Outgoing]:
    """Watch the requests made inside; `mark` is called right before a body goes out."""
    outgoing = Outgoing(mark)
    token = _current.set(outgoing)
    try:
        yield outgoing
    finally:
        _current.reset(token)


def watch(extensions: MutableMapping[str, Any]) -> None:
    """Have a request, by its `extensions`, tell when its body goes out."""
    outgoing = _current.get()
    if outgoing is None:
        return

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(_BODY_BEGINS) and not _asks_a_proxy(info):
            outgoing.note()

    outgoing.watched = True
    extensions["trace"] = trace


def _asks_a_proxy(info: Mapping[str, Any]) -> bool:
    """Whether the event is of the request for a tunnel, before the paid one goes through it."""
    return getattr(info.get("request"), "method", b"") == b"CONNECT"
