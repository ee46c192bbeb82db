"""Reading parts of a stored clip without fetching all of it.

Belongs here: a loopback web server in this process through which FFmpeg and PyAV read byte ranges
of objects. Each block is fetched from the store when it is first asked for, and kept in a sparse
file for whoever reads it next. Does not belong here: whether a clip is worth fetching whole
(fetch).
"""

import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from montage_pipeline.errors import MontageError

BLOCK_BYTES = 1 << 20
"""Fetched at a time: about ten frames of 4K at 25 Mbit/s, so that requests stay few."""

# What the server has pushed ahead when a reader turns away was fetched for nothing.
_SEND_BUFFER_BYTES = 1 << 16


class RangeStore(Protocol):
    """What is needed of the object store; `ObjectStore` is one."""

    def get_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """`length` bytes from `start` on.

        An error when the object is no longer the one with this ETag.
        """
        ...


class RangeServer:
    """Serves registered objects on 127.0.0.1, under addresses nobody can guess, until `close`."""

    def __init__(self, store: RangeStore, folder: Path) -> None:
        """Blocks are kept in sparse files below `folder`, which must exist."""
        self._store = store
        self._folder = folder
        self._objects: dict[str, _Object] = {}
        outer = self

        class Handler(_Handler):
            def object_named(self, name: str) -> "_Object | None":
                return outer._objects.get(name)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="ranges", daemon=True).start()

    def __enter__(self) -> "RangeServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; blocks are removed."""
        self._server.shutdown()
        self._server.server_close()
        for served in self._objects.values():
            served.close()

    def address_of(self, key: str, size: int, etag: str) -> str:
        """The address of an object of `size` bytes."""
        name = secrets.token_urlsafe(16)
        self._objects[name] = _Object(self._store, key, size, etag, self._folder / name)
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def error(self) -> MontageError | None:
        """The first failure of the store behind any of the addresses.

        FFmpeg only sees a broken connection.
        """
        return next((served.error for served in self._objects.values() if served.error), None)

    @property
    def fetched_bytes(self) -> int:
        """Bytes that came from the store."""
        return sum(served.fetched_bytes for served in self._objects.values())


class _Object:
    """One object of the store, and the blocks of it that are here."""

    def __init__(self, store: RangeStore, key: str, size: int, etag: str, path: Path) -> None:
        self.size = size
        self.fetched_bytes = 0
        self.error: MontageError | None = None
        self._store, self._key, self._etag, self._path = store, key, etag, path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._here: set[int] = set()
        self._lock = threading.Lock()
        self._block_locks: dict[int, threading.Lock] = {}

    def close(self) -> None:
        os.close(self._file)
        self._path.unlink(missing_ok=True)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, a block or less at a time."""
        while start < end:
            number = start // BLOCK_BYTES
            stop = min(end, (number + 1) * BLOCK_BYTES)
            self._fetch(number)
            yield os.pread(self._file, stop - start, start)
            start = stop

    def _fetch(self, number: int) -> None:
        with self._lock:
            if number in self._here:
                return
            lock = self._block_locks.setdefault(number, threading.Lock())
        with lock:
            if number in self._here:
                return
            begin = number * BLOCK_BYTES
            try:
                data = self._store.get_range(
                    self._key, begin, min(BLOCK_BYTES, self.size - begin), etag=self._etag
                )
            except MontageError as error:
                self.error = self.error or error
                raise
            os.pwrite(self._file, data, begin)
            with self._lock:
                self._here.add(number)
                self.fetched_bytes += len(data)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def object_named(self, name: str) -> _Object | None:
        raise NotImplementedError

    def setup(self) -> None:
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        super().setup()

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged: addresses are secrets, and FFmpeg asks often."""

    def _answer(self, *, body: bool) -> None:
        served = self.object_named(self.path.removeprefix("/"))
        if served is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        wanted = _wanted(self.headers.get("Range", ""), served.size)
        if wanted is None:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return

        start, end = wanted
        self._send_headers(start, end, served.size)
        if not body:
            return
        with contextlib.suppress(ConnectionError, TimeoutError, MontageError):
            for data in served.read(start, end):
                self.wfile.write(data)

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_headers(self, start: int, end: int, size: int) -> None:
        whole = (start, end) == (0, size)
        self.send_response(HTTPStatus.OK if whole else HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(end - start))
        if not whole:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        # A reader that turns away closes the connection in the middle: that is how it seeks. One
        # that is not told so asks again over a connection that has been read to its end, gets no
        # answer, and takes the file for cut off there.
        self.send_header("Connection", "close")
        self.end_headers()


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """First byte and end of the range that is asked for; None when there is no such range.

    Without a range, all of the object is asked for.
    """
    if not header.startswith("bytes="):
        return 0, size
    first, _, last = header.removeprefix("bytes=").partition("-")
    try:
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
    except ValueError:
        return None
    return (start, end) if 0 <= start < end else None
