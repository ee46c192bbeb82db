"""`EmbeddedObjectStore`: survives being killed, keeps its objects, keeps its keys to itself."""

import json
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import httpx
import psutil
import pytest

from montage_pipeline.local.embedded import process
from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore
from montage_pipeline.storage.keys import PROBE_KEY
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.local.embedded.test_process import wait_until_gone


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedObjectStore]:
    server = EmbeddedObjectStore(tmp_path / "home")
    server.start()
    yield server
    server.destroy()


def _store(server: EmbeddedObjectStore) -> ObjectStore:
    found = server.settings()
    return ObjectStore(
        endpoint_url=found["R2_ENDPOINT_URL"],
        access_key_id=found["R2_ACCESS_KEY_ID"],
        secret_access_key=found["R2_SECRET_ACCESS_KEY"],
        bucket=found["R2_BUCKET"],
    )


def test_a_killed_server_starts_again_with_its_objects_and_address(
    server: EmbeddedObjectStore, tmp_path: Path
) -> None:
    data = os.urandom(5_000_000)
    _store(server).put_bytes("reels/a.mp4", data, content_type="video/mp4")
    found, pid = server.settings(), server.pid
    assert pid is not None
    other = EmbeddedObjectStore(tmp_path / "home")
    other.start()
    assert (other.settings(), other.pid) == (found, None)
    other.stop()

    os.kill(pid, signal.SIGKILL)
    server.start()

    assert server.settings() == found
    assert server.pid not in {pid, None}
    assert _store(server).get_bytes("reels/a.mp4") == data
    # A probe that the new server held back may be written after its deletion.
    assert set(_store(server).list_keys("")) - {PROBE_KEY} == {"reels/a.mp4"}

    # One of its ports taken by somebody else: other ones, the same objects.
    server.stop()
    remembered = tmp_path / "home" / "objects" / "ports.json"
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        taken = somebody.getsockname()[1]
        remembered.write_text(json.dumps(json.loads(remembered.read_text()) | {"s3": taken}))
        server.start()
    assert taken not in json.loads(remembered.read_text()).values()
    assert _store(server).get_bytes("reels/a.mp4") == data


def test_nobody_gets_in_without_the_keys_or_from_outside(
    server: EmbeddedObjectStore, tmp_path: Path
) -> None:
    found, pid = server.settings(), server.pid
    assert pid is not None
    assert httpx.get(f"{found['R2_ENDPOINT_URL']}/montage?list-type=2").status_code == 403
    assert httpx.put(f"{found['R2_ENDPOINT_URL']}/montage/x", content=b"x").status_code == 403
    assert stat.S_IMODE((tmp_path / "home" / "objects" / "s3.json").stat().st_mode) == 0o600
    listening = [
        c.laddr
        for c in psutil.Process(pid).net_connections("tcp")
        if c.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    ports = sorted(address.port for address in listening)
    assert len(ports) == 8, "four services, each with its gRPC port, and no others"
    assert ports[4:] == [port + 10_000 for port in ports[:4]]

    server.stop()
    assert wait_until_gone(pid) == []


_BACK_DOORS = [
    ("GET", "/"),
    ("GET", "/buckets/?pretty=y"),
    ("GET", "/buckets/montage/analytics/secret.csv"),
    ("POST", "/buckets/montage/planted.txt"),
    ("DELETE", "/buckets/montage/analytics/secret.csv"),
    # A GET, so that a picture on any web page would have done it.
    ("GET", "/col/delete?collection=montage"),
    ("GET", "/dir/assign"),
    ("POST", "/submit"),
    ("GET", "/vol/vacuum"),
    ("GET", "/dir/status"),
    ("GET", "/status"),
    ("GET", "/1,01637037d6"),
]


def test_the_services_behind_s3_answer_nobody(server: EmbeddedObjectStore, tmp_path: Path) -> None:
    store = _store(server)
    store.put_bytes("analytics/secret.csv", b"user,spend", content_type="text/csv")
    objects = tmp_path / "home" / "objects"
    ports = json.loads((objects / "ports.json").read_text())
    assert stat.S_IMODE((objects / "tls" / "node.key").stat().st_mode) == 0o600

    for service in ("master", "volume", "filer"):
        for port in (ports[service], ports[service] + 10_000):
            for (method, path), scheme in product(_BACK_DOORS, ("http", "https")):
                url = f"{scheme}://127.0.0.1:{port}{path}"
                assert _answer(method, url) == "refused", url
    # S3's own gRPC port takes configuration.
    for scheme in ("http", "https"):
        assert _answer("GET", f"{scheme}://127.0.0.1:{ports['s3'] + 10_000}/") == "refused"

    assert store.get_bytes("analytics/secret.csv") == b"user,spend"
    assert set(store.list_keys("")) - {PROBE_KEY} == {"analytics/secret.csv"}


def _answer(method: str, url: str) -> str:
    """What a stranger without a certificate gets: `refused`, or the answer."""
    # Go's TLS servers tell a plain HTTP client so, before any handler sees the request.
    plain = "Client sent an HTTP request to an HTTPS server."
    try:
        answer = httpx.request(
            method, url, headers={"Origin": "http://evil.example"}, verify=False, timeout=5
        )
    except httpx.TransportError:
        return "refused"
    told = answer.status_code == 400 and answer.text.strip() == plain
    allowed = "access-control-allow-origin" in answer.headers
    return "refused" if told and not allowed else f"{answer.status_code} {answer.text[:80]}"


def test_a_port_taken_between_check_and_bind_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = process.free_port
    lied_about: list[int] = []

    # A port of the kind that is found, with room above it for SeaweedFS's second one: the kernel's
    # own choice may lie above 55,535, where no server could start at all.
    port = real(lambda port: process.port_is_free(port + 10_000))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()

        def free_port(accept: Callable[[int], bool]) -> int:
            if len(lied_about) == 1:
                lied_about.append(port)
                return int(port)
            found = real(accept)
            lied_about.append(found)
            return found

        monkeypatch.setattr("montage_pipeline.local.embedded.seaweed.free_port", free_port)
        server = EmbeddedObjectStore(tmp_path / "home")
        server.begin()
        try:
            handed_out = server.settings()
            assert port in json.loads((tmp_path / "home/objects/ports.json").read_text()).values()
            server.wait_until_ready()
            assert server.settings() == handed_out
            _store(server).put_bytes("a", b"a", content_type="text/plain")
        finally:
            server.destroy()
