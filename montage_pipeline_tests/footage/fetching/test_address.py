"""No clip is fetched from our own network, however its address is written."""

import socket
from pathlib import Path
from typing import Any

import pytest

from montage_pipeline.errors import ErrorCode
from montage_pipeline.footage.fetching import address
from montage_pipeline_tests.footage.fetching.loopback import VIDEO, Server, fetcher, refusal, reply


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.0.0.8",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[64:ff9b::7f00:1]",
        "2130706433",
    ],
)
def test_private_hosts_are_refused(tmp_path: Path, host: str) -> None:
    error = refusal(fetcher(tmp_path, fetch_private_hosts=False), f"https://{host}/a.mp4")
    assert (error.code, error.retryable) == (ErrorCode.CLIP_FORBIDDEN_HOST, False)


def test_one_private_address_among_public_ones_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "resolve", lambda host, port: ["93.184.216.34", "192.168.1.1"])
    assert (
        refusal(fetcher(tmp_path, fetch_private_hosts=False), "https://clips.example/a").code
        == ErrorCode.CLIP_FORBIDDEN_HOST
    )


def test_connection_goes_to_the_address_that_was_checked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name answers with a checked address first and with loopback ever after."""
    asked: list[str] = []
    reached: list[str] = []
    real_connect = socket.create_connection

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        ip = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    def connect(target: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        reached.append(target[0])
        with monkeypatch.context() as undone:
            undone.setattr(socket, "getaddrinfo", real_getaddrinfo)
            return real_connect(("127.0.0.1", server.port), *args, **kwargs)

    real_getaddrinfo = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", connect)
    server.answers["/a.mp4"] = reply()
    # https would need a certificate for the name; the guard sits below TLS, so plain http shows the
    # same connection.
    made = fetcher(tmp_path, fetch_private_hosts=False)
    monkeypatch.setattr(made._web, "refuse_url", lambda url: None)
    assert made.fetch("http://rebind.example/a.mp4").bytes == len(VIDEO)
    assert reached == ["93.184.216.34"]
    assert asked == ["rebind.example"]
    assert server.seen[0][1]["host"] == "rebind.example"


def test_redirect_into_the_private_network_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/a"] = reply(b"", 302, Location="https://internal.example/secret")
    monkeypatch.setattr(address, "is_public", lambda ip: str(ip) == "127.0.0.1")
    monkeypatch.setattr(
        address,
        "resolve",
        lambda host, port: ["127.0.0.1"] if host == "public.example" else ["10.1.2.3"],
    )
    made = fetcher(tmp_path, fetch_private_hosts=False)
    real = made._web.refuse_url
    monkeypatch.setattr(
        made._web,
        "refuse_url",
        lambda url: None if url.startswith("http://public.example") else real(url),
    )
    assert refusal(made, server.url("/a", "public.example")).code == ErrorCode.CLIP_FORBIDDEN_HOST
