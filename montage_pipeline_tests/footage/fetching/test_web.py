"""Fetching over a real loopback server: limits, lies and attacks."""

import hashlib
import logging
import socket
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import shown_url
from montage_pipeline_tests.footage.fetching.loopback import VIDEO, Server, fetcher, refusal, reply


def test_bytes_and_hash_arrive(server: Server, tmp_path: Path) -> None:
    server.answers["/a.mp4"] = reply(Content_Type="text/plain")
    clip = fetcher(tmp_path).fetch(server.url("/a.mp4"))
    assert clip.path.read_bytes() == VIDEO
    assert clip.sha256 == hashlib.sha256(VIDEO).hexdigest()
    assert clip.bytes == len(VIDEO)


def test_unchanged_clip_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("If-None-Match") == '"v1"':
            reply(b"", status=304)(handler)
        else:
            reply(ETag='"v1"')(handler)

    server.answers["/a.mp4"] = answer
    first = fetcher(tmp_path).fetch(server.url("/a.mp4"))
    second = fetcher(tmp_path).fetch(server.url("/a.mp4"))
    assert second == first
    assert [headers.get("if-none-match") for _, headers in server.seen] == [None, '"v1"']


def test_known_hash_needs_no_network_and_catches_a_changed_clip(
    server: Server, tmp_path: Path
) -> None:
    server.answers["/a.mp4"] = reply()
    first = fetcher(tmp_path).fetch(server.url("/a.mp4"))
    again = fetcher(tmp_path).fetch("https://nowhere.invalid/a.mp4", expected_sha256=first.sha256)
    assert again.path == first.path
    with pytest.raises(PermanentError) as caught:
        fetcher(tmp_path).fetch(server.url("/a.mp4"), expected_sha256="0" * 64)
    assert caught.value.code == ErrorCode.CLIP_CHANGED


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n", "a playlist"),
        (b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash"></MPD>', "a DASH playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a list of files"),
        (b"PK\x03\x04" + bytes(100), "a zip archive"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "a JPEG image"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(100), "a still image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9000), "a PNG image"),
        (b'{"error": "no"}', "a JSON document"),
        (b"", "empty"),
    ],
)
def test_what_is_not_video_is_named(server: Server, tmp_path: Path, body: bytes, what: str) -> None:
    server.answers["/a.mp4"] = reply(body, Content_Type="video/mp4")
    error = refusal(fetcher(tmp_path), server.url("/a.mp4"))
    assert (error.code, error.retryable) == (ErrorCode.CLIP_NOT_VIDEO, False)
    assert what in error.message
    assert "the server called it video/mp4" in error.message


def test_announced_size_is_refused_before_the_body(server: Server, tmp_path: Path) -> None:
    server.answers["/a.mp4"] = reply(b"", Content_Length="5000000000")
    assert refusal(fetcher(tmp_path), server.url("/a.mp4")).code == ErrorCode.CLIP_TOO_LARGE


def test_unannounced_size_is_refused_as_it_streams(server: Server, tmp_path: Path) -> None:
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(VIDEO)
                sent += len(VIDEO)
        except OSError:
            pass

    server.answers["/a.mp4"] = endless
    assert (
        refusal(fetcher(tmp_path, max_clip_bytes=200_000), server.url("/a.mp4")).code
        == ErrorCode.CLIP_TOO_LARGE
    )
    assert sent < 20_000_000


def test_redirects_are_followed_to_a_limit(server: Server, tmp_path: Path) -> None:
    server.answers["/a"] = reply(b"", 302, Location="/b")
    server.answers["/b"] = reply(b"", 307, Location=server.url("/c"))
    server.answers["/c"] = reply()
    assert fetcher(tmp_path, fetch_max_redirects=2).fetch(server.url("/a")).bytes == len(VIDEO)
    assert (
        refusal(fetcher(tmp_path, fetch_max_redirects=1), server.url("/a")).code
        == ErrorCode.CLIP_REFUSED
    )
    server.answers["/loop"] = reply(b"", 302, Location="/loop")
    assert refusal(fetcher(tmp_path), server.url("/loop")).code == ErrorCode.CLIP_REFUSED


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/a", "s3://montage/other", "gopher://x/"]
)
def test_redirect_cannot_change_the_kind_of_address(
    server: Server, tmp_path: Path, target: str
) -> None:
    server.answers["/a"] = reply(b"", 302, Location=target)
    assert (
        refusal(fetcher(tmp_path, local_files=True), server.url("/a")).code
        == ErrorCode.CLIP_BAD_URL
    )


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (404, ErrorCode.CLIP_NOT_FOUND, False),
        (403, ErrorCode.CLIP_REFUSED, False),
        (503, ErrorCode.CLIP_FETCH_FAILED, True),
        (429, ErrorCode.CLIP_FETCH_FAILED, True),
    ],
)
def test_status_says_whether_to_try_again(
    server: Server, tmp_path: Path, status: int, code: ErrorCode, retryable: bool
) -> None:
    server.answers["/a"] = reply(b"", status)
    error = refusal(fetcher(tmp_path), server.url("/a"))
    assert (error.code, error.retryable) == (code, retryable)


def test_transfer_cut_short_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.answers["/a"] = reply(VIDEO, Content_Length=str(len(VIDEO) + 1000))
    error = refusal(fetcher(tmp_path), server.url("/a"))
    assert (error.code, error.retryable) == (ErrorCode.CLIP_FETCH_FAILED, True)


@pytest.mark.parametrize("dripping", ["headers", "body"])
def test_dripping_server_meets_the_time_limit(
    server: Server, tmp_path: Path, dripping: str
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        if dripping == "body":
            handler.wfile.write(b"1\r\n\r\n" + VIDEO)
        try:
            while True:
                handler.wfile.write(b"a")
                time.sleep(0.05)
        except OSError:
            pass

    server.answers["/a"] = drip
    began = time.monotonic()
    error = refusal(fetcher(tmp_path, fetch_timeout_s=0.6), server.url("/a"))
    assert time.monotonic() - began < 3
    assert (error.code, error.retryable) == (ErrorCode.CLIP_FETCH_FAILED, True)
    assert "longer than 0.6 s" in error.message


def test_nobody_listening_is_a_network_fault(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = refusal(fetcher(tmp_path), f"http://127.0.0.1:{port}/a")
    assert error.code == ErrorCode.CLIP_FETCH_FAILED
    assert error.message == "a could not be fetched: connection refused"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (socket.EAI_NONAME, "there is no host clips.example"),
        (socket.EAI_AGAIN, "clips.example cannot be looked up at the moment"),
    ],
)
def test_a_name_that_is_not_found_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "as the system says it")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = refusal(fetcher(tmp_path), "https://clips.example/a.mp4")
    assert error.code == ErrorCode.CLIP_FETCH_FAILED
    assert error.message == f"a.mp4 could not be fetched: {said}"


def test_plain_http_and_passwords_are_refused_in_production(tmp_path: Path) -> None:
    made = fetcher(tmp_path, fetch_private_hosts=False)
    assert refusal(made, "http://clips.example/a.mp4").code == ErrorCode.CLIP_BAD_URL
    error = refusal(made, "https://me:secret@clips.example/a.mp4")
    assert error.code == ErrorCode.CLIP_BAD_URL
    assert "secret" not in error.message


def test_signature_is_never_shown(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers["/a.mp4"] = reply(b"", 403)
    error = refusal(fetcher(tmp_path), server.url("/a.mp4?X-Amz-Signature=topsecret"))
    assert "topsecret" not in error.message + str(error.details) + caplog.text
    server.answers["/b.mp4"] = reply()
    fetcher(tmp_path).fetch(server.url("/b.mp4?X-Amz-Signature=topsecret"))
    assert "topsecret" not in caplog.text
    assert not any(
        b"topsecret" in path.read_bytes() or "topsecret" in path.name
        for path in tmp_path.rglob("*")
        if path.is_file()
    )
    assert shown_url("https://u:p@h:8443/a%20b?x=1#f") == "https://h:8443/a%20b"
