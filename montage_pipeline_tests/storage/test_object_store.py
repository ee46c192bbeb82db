"""`ObjectStore` against a real S3 server: what is written is what is read, uploads happen once,
errors say what to do.
"""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.settings import Settings
from montage_pipeline.storage.client import PART_BYTES
from montage_pipeline.storage.object_store import IMMUTABLE_CACHE_CONTROL, ObjectStore
from montage_pipeline.storage.signing import PutHeaders

MIB = 1024 * 1024


def _file(path: Path, size: int, seed: bytes = b"clip") -> tuple[Path, str]:
    """A file of `size` bytes that do not repeat, and its sha256."""
    block = hashlib.shake_256(seed).digest(MIB)
    data = b"".join(bytes([number % 256]) + block[1:] for number in range(size // MIB + 1))[:size]
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


def _sent(store: ObjectStore) -> list[tuple[str, dict[str, str]]]:
    """Every request that the client sends from now on: the operation's name and its headers."""
    requests: list[tuple[str, dict[str, str]]] = []

    def note(request: Any, event_name: str, **_: Any) -> None:
        text = {
            name: value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        requests.append((event_name.rpartition(".")[2], text))

    store._client.meta.events.register("before-send.s3", note)
    return requests


def test_bytes_come_back_with_type_and_size(object_store: ObjectStore) -> None:
    stored = object_store.put_bytes(
        "work/ä b+c/x.json", b'{"a": 1}', content_type="application/json"
    )

    assert object_store.get_bytes("work/ä b+c/x.json") == b'{"a": 1}'
    found = object_store.head("work/ä b+c/x.json")
    assert found is not None
    assert found.modified is not None
    assert found.model_copy(update={"modified": None}) == stored
    assert (stored.bytes, stored.content_type, stored.bucket) == (
        8,
        "application/json",
        object_store.bucket,
    )
    assert '"' not in stored.etag


def test_list_and_delete(object_store: ObjectStore) -> None:
    for key in ("work/2/b", "work/1/a", "reels/x"):
        object_store.put_bytes(key, b"x", content_type="text/plain")
    assert list(object_store.list_keys("work/")) == ["work/1/a", "work/2/b"]

    object_store.delete("work/1/a")
    object_store.delete("work/never/there")
    assert list(object_store.list_keys("work/")) == ["work/2/b"]


def test_missing_key_is_none_or_a_permanent_error_that_names_it(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    assert object_store.head("gone") is None
    assert object_store.stored_sha256("gone") is None
    with pytest.raises(PermanentError, match=f"{object_store.bucket}/gone") as read:
        object_store.get_bytes("gone")
    assert read.value.code == "store_missing"
    with pytest.raises(PermanentError, match="gone"):
        object_store.download("gone", tmp_path / "deep" / "file")
    assert list((tmp_path / "deep").iterdir()) == [], (
        "a failed download leaves nothing, not even a part"
    )


def test_a_large_file_goes_up_in_equal_parts_and_comes_back_whole(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    path, sha256 = _file(tmp_path / "reel.mp4", 12 * MIB + 5)
    requests = _sent(object_store)

    stored = object_store.put_file(
        "reel.mp4",
        path,
        content_type="video/mp4",
        cache_control=IMMUTABLE_CACHE_CONTROL,
        sha256=sha256,
    )

    parts = sorted(
        (int(headers["Content-Length"]) for name, headers in requests if name == "UploadPart"),
        reverse=True,
    )
    assert parts == [PART_BYTES, 12 * MIB + 5 - PART_BYTES]
    assert stored.bytes == 12 * MIB + 5
    assert object_store.stored_sha256("reel.mp4") == sha256
    object_store.download("reel.mp4", tmp_path / "back" / "reel.mp4")
    assert hashlib.sha256((tmp_path / "back" / "reel.mp4").read_bytes()).hexdigest() == sha256
    answer = httpx.get(object_store.media_url("reel.mp4"), headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.headers["content-type"]) == (206, "video/mp4")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_the_same_content_goes_up_once(object_store: ObjectStore, tmp_path: Path) -> None:
    path, sha256 = _file(tmp_path / "a.mp4", 300_000)
    first, uploaded = object_store.put_file_once(
        "a.mp4", path, content_type="video/mp4", sha256=sha256
    )
    assert uploaded

    requests = _sent(object_store)
    again, uploaded = object_store.put_file_once(
        "a.mp4", path, content_type="video/mp4", sha256=sha256
    )
    assert (again, uploaded) == (first, False)
    assert [name for name, _ in requests] == ["HeadObject"]

    other, other_sha256 = _file(tmp_path / "b.mp4", 300_000, b"other")
    replaced, uploaded = object_store.put_file_once(
        "a.mp4", other, content_type="video/mp4", sha256=other_sha256
    )
    assert uploaded, "same size, other content"
    assert replaced.etag != first.etag
    assert object_store.get_bytes("a.mp4") == other.read_bytes()


def test_presigned_put_takes_only_what_was_signed(object_store: ObjectStore) -> None:
    headers = PutHeaders.for_file("video/mp4", "clip 1.mp4")
    signed = headers.as_mapping()
    url = object_store.presign_put(
        "uploads/clip 1.mp4", headers=headers, expires_s=60, content_length=4
    )

    def put(content: bytes, changed: dict[str, str] | None = None, at: str = url) -> int:
        return httpx.put(at, content=content, headers=signed | (changed or {})).status_code

    for name, value in {
        "Content-Type": "text/html",
        "Content-Disposition": "inline",
        "Content-Encoding": "gzip",
    }.items():
        assert put(b"abcd", {name: value}) == 403, name
        without = {other: kept for other, kept in signed.items() if other != name}
        assert httpx.put(url, content=b"abcd", headers=without).status_code == 403, name
    assert put(b"abcde") == 403
    assert put(b"abcd", at=url.replace("clip%201", "clip%202")) == 403
    assert object_store.head("uploads/clip 1.mp4") is None

    assert put(b"abcd") == 200
    stored = object_store.head("uploads/clip 1.mp4")
    assert stored is not None
    assert (stored.bytes, stored.content_type) == (4, "video/mp4")
    served = httpx.get(object_store.media_url("uploads/clip 1.mp4"))
    assert served.headers["content-disposition"] == signed["Content-Disposition"]
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    with pytest.raises(PermanentError, match="604800"):
        object_store.presign_put("x", headers=headers, expires_s=604_801)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_longer_than_was_signed_is_not_stored(
    object_store: ObjectStore, chunked: bool
) -> None:
    headers = PutHeaders.for_file("video/mp4", "a.mp4")
    url = object_store.presign_put("uploads/a.mp4", headers=headers, expires_s=60, content_length=4)
    parts = urlsplit(url)
    lines = [
        f"PUT {parts.path}?{parts.query} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in headers.as_mapping().items()]
    lines += [
        "Connection: close",
        "Content-Length: 4",
        *(["Transfer-Encoding: chunked"] if chunked else []),
    ]
    body = b"8\r\nabcdabcd\r\n0\r\n\r\n" if chunked else b"abcdabcd"

    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as sent:
        sent.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        sent.settimeout(10)
        with contextlib.suppress(OSError):
            while sent.recv(4096):
                pass
    stored = object_store.head("uploads/a.mp4")
    assert stored is None or stored.bytes == 4


def test_media_url_is_public_where_there_is_a_public_base(
    settings: Settings, object_store: ObjectStore
) -> None:
    object_store.put_bytes("reels/u/ü 1.mp4", b"film", content_type="video/mp4")
    signed = object_store.media_url("reels/u/ü 1.mp4")
    assert httpx.get(signed).content == b"film"
    assert "X-Amz-Expires=604800" in signed
    assert httpx.get(urlsplit(signed)._replace(query="").geturl()).status_code == 403, (
        "the bucket itself is private"
    )

    opened = settings.model_copy(
        update={"r2_public_base_url": "https://media.example.org/", "r2_public_bucket": "reels"}
    )
    public = ObjectStore.for_reels(opened)
    address = "https://media.example.org/reels/u/%C3%BC%201.mp4"
    assert (public.bucket, public.media_url("reels/u/ü 1.mp4")) == ("reels", address)
    assert public.address("reels/u/ü 1.mp4") == address

    private = ObjectStore.from_settings(opened)
    assert "X-Amz-Signature=" in private.media_url("analytics/cost_by_user/2026-11-26.parquet")
    assert private.address("work/a") == f"s3://{object_store.bucket}/work/a"


def test_requests_are_as_r2_wants_them(object_store: ObjectStore, tmp_path: Path) -> None:
    config: Any = object_store._client.meta.config
    assert config.signature_version == "s3v4"
    assert config.s3 == {"addressing_style": "path"}
    assert (config.request_checksum_calculation, config.response_checksum_validation) == (
        "when_required",
        "when_required",
    )
    assert config.retries["mode"] == "standard"
    assert object_store._client.meta.region_name == "auto"

    path, sha256 = _file(tmp_path / "a", 9 * MIB)
    requests = _sent(object_store)
    object_store.put_bytes("small", b"x", content_type="text/plain")
    object_store.put_file("large", path, content_type="video/mp4", sha256=sha256)
    assert {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} <= {
        name for name, _ in requests
    }
    for name, headers in requests:
        checksums = [
            header
            for header in headers
            if header.lower().startswith(("x-amz-checksum", "x-amz-trailer", "x-amz-sdk-checksum"))
        ]
        assert not checksums, f"{name} sends {checksums}, which R2 refuses"
        assert headers.get("Content-Encoding") != "aws-chunked"
        assert headers["Authorization"].startswith("AWS4-HMAC-SHA256")
        assert "/auto/s3/aws4_request" in headers["Authorization"]


def test_refusals_name_bucket_and_variable(settings: Settings) -> None:
    wrong_key = ObjectStore.from_settings(
        settings.model_copy(update={"r2_secret_access_key": SecretStr("wrong")})
    )
    with pytest.raises(PermanentError, match="R2_SECRET_ACCESS_KEY") as refused:
        wrong_key.put_bytes("k", b"x", content_type="text/plain")
    assert (refused.value.code, refused.value.details["bucket"], refused.value.details["key"]) == (
        "store_refused",
        settings.r2_bucket,
        "k",
    )
    with pytest.raises(PermanentError):
        wrong_key.head("k")

    nowhere = ObjectStore.from_settings(settings.model_copy(update={"r2_bucket": "no-such-bucket"}))
    with pytest.raises(PermanentError, match="no bucket no-such-bucket"):
        nowhere.put_bytes("k", b"x", content_type="text/plain")


def test_a_store_that_cannot_be_reached_may_be_tried_again() -> None:
    store = ObjectStore(
        endpoint_url="http://127.0.0.1:9",
        access_key_id="a",
        secret_access_key="b",
        bucket="bucket",
        attempts=1,
    )
    with pytest.raises(MontageError, match="bucket/k: the object store did not") as unreachable:
        store.get_bytes("k")
    assert (unreachable.value.code, unreachable.value.retryable) == ("store_unavailable", True)


def test_missing_settings_are_all_named() -> None:
    with pytest.raises(
        PermanentError,
        match=r"R2_ENDPOINT_URL \(or R2_ACCOUNT_ID\), R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY",
    ):
        ObjectStore.from_settings(Settings())


def test_the_machines_aws_configuration_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    ObjectStore.from_settings(settings).put_bytes("k", b"x", content_type="text/plain")


def test_importing_the_module_loads_no_client() -> None:
    code = (
        "import sys, montage_pipeline.storage.delivery; "
        "sys.exit(bool({'boto3', 'botocore'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
