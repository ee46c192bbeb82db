"""`EmbeddedObjectStore`: survives being killed, keeps its objects, keeps its keys to itself."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore
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
    assert list(_store(server).list_keys("")) == ["reels/a.mp4"]

    # Its ports taken by somebody else: other ones, the same objects.
    server.stop()
    (tmp_path / "home" / "objects" / "ports.json").unlink()
    server.start()
    assert server.settings()["R2_ENDPOINT_URL"] != found["R2_ENDPOINT_URL"]
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
