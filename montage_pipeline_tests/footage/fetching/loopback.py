"""A loopback web server, a store, and fetchers that may read them."""

import hashlib
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from montage_pipeline.errors import MontageError
from montage_pipeline.footage.fetching.fetch import ClipFetcher
from montage_pipeline.settings import Settings
from montage_pipeline.storage.model import StoredObject

VIDEO = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + bytes(range(256)) * 64

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A loopback web server whose answers a test writes itself."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append(
                    (self.path, {name.lower(): value for name, value in self.headers.items()})
                )
                outer.answers[self.path.split("?")[0]](self)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_port
        threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


def reply(body: bytes = VIDEO, status: int = 200, **headers: str) -> Answer:
    """An answer with that body; header names are written with underscores."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def fetcher(tmp_path: Path, store: Any = None, **settings: Any) -> ClipFetcher:
    """One that may reach loopback addresses, unless settings say otherwise."""
    return ClipFetcher(
        Settings(**{"fetch_private_hosts": True, **settings}), store, tmp_path / "cache"
    )


def refusal(made: ClipFetcher, url: str) -> MontageError:
    """The error that fetching an address raises."""
    with pytest.raises(MontageError) as caught:
        made.fetch(url)
    assert list(made._cache._parts.iterdir()) == [], "a refused clip left bytes behind"
    return caught.value


class Store:
    """The part of the object store that fetching uses."""

    bucket = "ours"

    def __init__(self) -> None:
        self.objects = {"uploads/a b.mp4": VIDEO, "work/x.json": b"{}"}
        self.downloads = 0

    def head(self, key: str) -> StoredObject | None:
        if key not in self.objects:
            return None
        data = self.objects[key]
        return StoredObject(
            bucket="ours",
            key=key,
            etag=hashlib.md5(data).hexdigest(),
            bytes=len(data),
            content_type="video/mp4",
        )

    def download(self, key: str, path: Path) -> None:
        self.downloads += 1
        path.write_bytes(self.objects[key])

    def get_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        return self.objects[key][start : start + length]
