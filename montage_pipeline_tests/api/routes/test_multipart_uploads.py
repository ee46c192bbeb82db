"""Files in parts: they go on where they stopped, are whole or not there, and are one's own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.api.app import create_app
from montage_pipeline.api.routes import multipart_uploads
from montage_pipeline.settings import Settings
from montage_pipeline.storage import part_sizes
from montage_pipeline.storage.keys import uploads_of
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.storage.part_sizes import new_upload_id, parts_of, size_of
from montage_pipeline_tests.api.contract import ApiClient, new_item

MIB = 1024 * 1024
FILE = bytes(range(256)) * (11 * MIB // 256)
"""Three parts of 5 MiB, the last one shorter."""


@pytest.fixture(scope="module")
def http(api_settings: Settings) -> Iterator[TestClient]:
    """An application with parts as small as S3 takes, and clips that need some of them."""
    settings = api_settings.model_copy(update={"max_clip_bytes": 20 * MIB})
    with pytest.MonkeyPatch.context() as patched:
        for module in (part_sizes, multipart_uploads):
            patched.setattr(module, "PART_BYTES", 5 * MIB)
        with TestClient(create_app(settings), raise_server_exceptions=False) as client:
            yield client


def begin(client: ApiClient) -> dict[str, Any]:
    body = {"fileName": "beach.mp4", "contentType": "video/mp4", "bytes": len(FILE)}
    answer = client.post("/api/uploads/multipart", body)
    assert answer.status_code == 200, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


def send(client: ApiClient, upload: dict[str, Any], *numbers: int) -> None:
    signed = client.post(f"/api/uploads/multipart/{upload['id']}/parts", {"numbers": list(numbers)})
    assert signed.status_code == 200, signed.text
    for part in signed.json()["parts"]:
        start = (part["number"] - 1) * upload["partBytes"]
        put = httpx.put(part["uploadUrl"], content=FILE[start : start + part["bytes"]])
        assert put.status_code == 200, put.text


def test_an_upload_goes_on_where_it_stopped(client: ApiClient, object_store: ObjectStore) -> None:
    upload = begin(client)
    assert (upload["parts"], upload["partBytes"], upload["bytes"]) == (3, 5 * MIB, len(FILE))
    send(client, upload, 1, 3)

    # A reload: all that is left is the id.
    path = f"/api/uploads/multipart/{upload['id']}"
    [listed] = client.get("/api/uploads/multipart").json()["uploads"]
    assert listed["id"] == upload["id"]
    there = client.get(path).json()
    assert [(part["number"], part["bytes"]) for part in there["received"]] == [
        (1, 5 * MIB),
        (3, MIB),
    ]
    early = client.post(f"{path}/complete")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "upload_incomplete")
    assert early.json()["error"]["details"] == {"missing": [2]}

    send(client, upload, 2, 1)  # one of them for the second time
    done = client.post(f"{path}/complete")
    assert done.status_code == 200, done.text
    key = unquote(done.json()["clipUrl"]).removeprefix(f"s3://{object_store.bucket}/")
    assert object_store.get_bytes(key) == FILE
    stored = object_store.head(key)
    assert stored is not None
    assert stored.content_type == "video/mp4"
    assert client.get(path).status_code == 404, "it is complete"
    item = client.post("/api/content-items", new_item(clipUrls=[done.json()["clipUrl"]]))
    assert item.status_code == 202


def test_a_part_of_another_size_is_refused_by_the_store(client: ApiClient) -> None:
    upload = begin(client)
    [part] = client.post(f"/api/uploads/multipart/{upload['id']}/parts", {"numbers": [1]}).json()[
        "parts"
    ]
    for body in (FILE[: 5 * MIB - 1], FILE[: 5 * MIB + 1]):
        assert httpx.put(part["uploadUrl"], content=body).status_code in (400, 403)
    assert client.get(f"/api/uploads/multipart/{upload['id']}").json()["received"] == []


def test_what_is_dropped_is_gone(client: ApiClient, object_store: ObjectStore) -> None:
    upload = begin(client)
    send(client, upload, 1)
    path = f"/api/uploads/multipart/{upload['id']}"
    assert client.request("DELETE", path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get("/api/uploads/multipart").json() == {"uploads": []}
    assert list(object_store.list_keys(uploads_of(client.user_id or ""))) == []


def test_another_users_upload_is_not_there(client: ApiClient, client_for: Any) -> None:
    upload, stranger = begin(client), client_for(uuid4())
    path = f"/api/uploads/multipart/{upload['id']}"
    for method, end, body in (
        ("GET", "", None),
        ("POST", "/parts", {"numbers": [1]}),
        ("POST", "/complete", None),
        ("DELETE", "", None),
    ):
        assert stranger.request(method, path + end, json=body).status_code == 404
    assert stranger.get("/api/uploads/multipart").json() == {"uploads": []}
    assert client.get(path).status_code == 200


def test_what_cannot_be_is_refused(client: ApiClient) -> None:
    large = {"fileName": "a.mp4", "contentType": "video/mp4", "bytes": 21 * MIB}
    assert client.post("/api/uploads/multipart", large).status_code == 422
    upload = begin(client)
    beyond = client.post(f"/api/uploads/multipart/{upload['id']}/parts", {"numbers": [4]})
    assert beyond.status_code == 422
    assert "parts 1 to 3" in beyond.text


def test_old_ones_are_dropped(client: ApiClient, object_store: ObjectStore) -> None:
    upload = begin(client)
    prefix = uploads_of(client.user_id or "")
    now = datetime.now(UTC)
    assert object_store.multipart.abort_old(prefix, now - timedelta(days=3)) == 0
    assert object_store.multipart.abort_old(prefix, now + timedelta(minutes=1)) == 1
    assert client.get(f"/api/uploads/multipart/{upload['id']}").status_code == 404


@given(st.integers(1, 2**48 - 1))
def test_an_id_says_how_large_the_file_is(size: int) -> None:
    upload_id = new_upload_id(size)
    assert size_of(upload_id) == size
    assert upload_id.version == 8
    assert upload_id != new_upload_id(size)


@given(st.integers(1, 10**9))
def test_parts_are_the_file(size: int) -> None:
    parts = list(parts_of(size))
    assert sum(part.bytes for part in parts) == size
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert len({part.bytes for part in parts[:-1]}) <= 1
