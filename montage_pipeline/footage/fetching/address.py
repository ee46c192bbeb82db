"""Which network addresses a clip may be fetched from, and a connection that cannot leave them.

Belongs here: the guard against URLs that point into our own network (SSRF), at the socket, where it
cannot be circumvented. Does not belong here: URLs, redirects, files (web).
"""

import ipaddress
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

from montage_pipeline import logs
from montage_pipeline.addresses import is_public
from montage_pipeline.errors import ErrorCode, PermanentError

log = logs.get_logger(__name__)


class ForbiddenAddress(PermanentError):
    """The host resolves to an address that clips are not fetched from."""

    def __init__(self, host: str) -> None:
        # Not which address: a stranger could have us look up the names of our own network.
        super().__init__(
            ErrorCode.CLIP_FORBIDDEN_HOST, f"{host} is not on the public internet", host=host
        )


def resolve(host: str, port: int) -> list[str]:
    """Every address of the host, in the resolver's order.

    Raises httpcore.ConnectError when it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
            raise httpcore.ConnectError(f"{host} cannot be looked up at the moment") from error
        raise httpcore.ConnectError(f"there is no host {host}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.NetworkBackend):
    """Connects only to checked addresses and never past a deadline.

    The name is resolved once per connection and the connection goes to the very address that was
    checked, so an answer that changes between check and use (DNS rebinding) gains nothing. TLS and
    the Host header still use the name.
    """

    def __init__(self, *, allow_private: bool, deadline_s: float) -> None:
        self._allow_private = allow_private
        self._deadline_s = deadline_s
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, check every address, connect to the first that answers."""
        addresses = resolve(host, port)
        if not self._allow_private:
            _refuse_private(host, addresses)

        failure: Exception | None = None
        for address in addresses:
            try:
                stream = self._backend.connect_tcp(
                    address, port, _left(self._deadline_s, timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(stream, self._deadline_s)
        raise failure or httpcore.ConnectError(f"{host} has no address")


def _refuse_private(host: str, addresses: Iterable[str]) -> None:
    for address in addresses:
        without_zone = address.split("%", 1)[0]
        if not is_public(ipaddress.ip_address(without_zone)):
            log.warning("forbidden_address", host=host, address=address)
            raise ForbiddenAddress(host)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline.

    A server cannot hold us by dripping bytes.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline_s: float) -> None:
        self._stream = stream
        self._deadline_s = deadline_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline_s, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline_s, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(
            ssl_context, server_hostname, _left(self._deadline_s, timeout)
        )
        return _DeadlineStream(secured, self._deadline_s)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class GuardedTransport(httpx.BaseTransport):
    """httpx over connections that `GuardedBackend` makes.

    `deadline_s` is on time.monotonic()'s clock. No proxy is used: behind one, somebody else would
    choose the address.
    """

    def __init__(self, *, allow_private: bool, deadline_s: float) -> None:
        backend = GuardedBackend(allow_private=allow_private, deadline_s=deadline_s)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=backend
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; httpcore's errors pass through as they are."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _left(deadline_s: float, timeout: float | None) -> float:
    """Seconds this wait may take. Raises httpcore.ReadTimeout once the deadline has passed."""
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time limit has passed")
    return left if timeout is None else min(left, timeout)
