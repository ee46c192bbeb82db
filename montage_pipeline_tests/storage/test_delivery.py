"""Delivery: final keys by content, nothing written twice, nothing delivered that is not what was
rendered.
"""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from structlog.typing import EventDict

from montage_pipeline.errors import PermanentError
from montage_pipeline.settings import Settings
from montage_pipeline.storage.delivery import ReelFiles, ReelOwner, Route, WorkFile, deliver
from montage_pipeline.storage.model import DeliveredObject
from montage_pipeline.storage.object_store import ObjectStore

VIDEO, MUSIC, POSTER, COVER = b"video" * 1000, b"music" * 500, b"poster", b"cover"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def rendered(object_store: ObjectStore, tmp_path: Path) -> ObjectStore:
    """A store with the work files of one request, as the steps leave them."""
    for name, data, content_type in (
        ("video.mp4", VIDEO, "video/mp4"),
        ("music.mp3", MUSIC, "audio/mpeg"),
    ):
        (tmp_path / name).write_bytes(data)
        object_store.put_file(
            f"work/r1/{name}", tmp_path / name, content_type=content_type, sha256=_sha256(data)
        )
    object_store.put_bytes("work/r1/poster.jpg", POSTER, content_type="image/jpeg")
    object_store.put_bytes("work/r1/cover-2.jpg", COVER, content_type="image/jpeg")
    return object_store


def _deliver(
    store: ObjectStore,
    workdir: Path,
    video_sha256: str = _sha256(VIDEO),
    reels: ObjectStore | None = None,
) -> DeliveredObject:
    files = ReelFiles(
        video=WorkFile("work/r1/video.mp4", video_sha256),
        music=WorkFile("work/r1/music.mp3", _sha256(MUSIC)),
        poster_key="work/r1/poster.jpg",
        cover_keys=("work/r1/cover-2.jpg",),
    )
    return deliver(
        Route(store, reels or store, workdir),
        files,
        ReelOwner(user_id="u1", content_item_id="c1"),
    )


def test_files_arrive_under_their_final_keys_and_can_be_watched(
    rendered: ObjectStore, tmp_path: Path
) -> None:
    delivered = _deliver(rendered, tmp_path)

    base = f"reels/u1/c1/{_sha256(VIDEO)[:16]}"
    assert (delivered.key, delivered.sha256, delivered.bytes, delivered.uploaded) == (
        f"{base}.mp4",
        _sha256(VIDEO),
        len(VIDEO),
        True,
    )
    assert delivered.cover_keys == (f"{base}.jpg", f"{base}.cover-2.jpg")
    assert sorted(rendered.list_keys("reels/")) == [
        f"{base}.cover-2.jpg",
        f"{base}.jpg",
        f"{base}.mp4",
        f"{base}.music.mp3",
    ]
    for url, data, content_type in (
        (delivered.generated_media_url, VIDEO, "video/mp4"),
        (delivered.music_url, MUSIC, "audio/mpeg"),
        (delivered.poster_url, POSTER, "image/jpeg"),
        (rendered.media_url(delivered.cover_keys[1]), COVER, "image/jpeg"),
    ):
        answer = httpx.get(url)
        assert (answer.content, answer.headers["content-type"]) == (data, content_type)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_finished_files_alone_go_to_the_public_bucket(
    rendered: ObjectStore, settings: Settings, tmp_path: Path
) -> None:
    rendered.put_bytes(
        "analytics/cost_by_user/2026-11-26.parquet", b"spend", content_type="text/csv"
    )
    reels = ObjectStore.for_reels(
        settings.model_copy(
            update={
                "r2_public_bucket": f"{rendered.bucket}-public",
                "r2_public_base_url": "https://media.example.org",
            }
        )
    )
    reels.ensure_bucket()

    delivered = _deliver(rendered, tmp_path, reels=reels)

    base = f"reels/u1/c1/{_sha256(VIDEO)[:16]}"
    names = [f"{base}.cover-2.jpg", f"{base}.jpg", f"{base}.mp4", f"{base}.music.mp3"]
    assert sorted(reels.list_keys("")) == names
    assert list(rendered.list_keys("reels/")) == []
    assert (delivered.bucket, delivered.generated_media_url) == (
        reels.bucket,
        f"https://media.example.org/{base}.mp4",
    )
    assert reels.get_bytes(delivered.key) == VIDEO
    assert not _deliver(rendered, tmp_path, reels=reels).uploaded


def test_delivering_again_writes_nothing(rendered: ObjectStore, tmp_path: Path) -> None:
    first = _deliver(rendered, tmp_path)
    written: list[str] = []
    rendered._client.meta.events.register(
        "before-send.s3.*",
        lambda request, event_name, **_: written.append(event_name.rpartition(".")[2]),
    )

    again = _deliver(rendered, tmp_path)

    assert not again.uploaded
    assert (again.key, again.etag, again.bytes) == (first.key, first.etag, first.bytes)
    assert not {"CopyObject", "PutObject"} & set(written)


def test_a_work_file_that_is_not_the_rendered_one_is_not_delivered(
    rendered: ObjectStore, tmp_path: Path
) -> None:
    with pytest.raises(PermanentError, match=r"work/r1/video\.mp4") as refused:
        _deliver(rendered, tmp_path, video_sha256=_sha256(b"another"))
    assert refused.value.code == "work_file_changed"
    # Without a recorded hash the bytes themselves are looked at.
    rendered.put_bytes("work/r1/video.mp4", b"overwritten", content_type="video/mp4")
    with pytest.raises(PermanentError, match=_sha256(b"overwritten")):
        _deliver(rendered, tmp_path)
    assert list(rendered.list_keys("reels/")) == []


def test_a_work_file_that_is_gone_is_named(rendered: ObjectStore, tmp_path: Path) -> None:
    rendered.delete("work/r1/music.mp3")
    with pytest.raises(PermanentError, match=r"work/r1/music\.mp3") as missing:
        _deliver(rendered, tmp_path)
    assert missing.value.code == "store_missing"


def test_a_store_that_cannot_copy_gets_the_bytes_from_here_and_the_log_says_so(
    rendered: ObjectStore, tmp_path: Path, logged: list[EventDict]
) -> None:
    def not_implemented(request: Any, **_: Any) -> AWSResponse:
        body = b"<Error><Code>NotImplemented</Code><Message>no copies here</Message></Error>"
        headers: Any = HeadersDict({"content-type": "application/xml"})
        return AWSResponse(request.url, 501, headers, _Raw(body))

    events: Any = rendered._client.meta.events
    events.register("before-send.s3.CopyObject", not_implemented)
    workdir = tmp_path / "work"
    workdir.mkdir()
    delivered = _deliver(rendered, workdir)

    assert rendered.get_bytes(delivered.key) == VIDEO
    assert rendered.stored_sha256(delivered.key) == _sha256(VIDEO)
    names = ["video.mp4", "music.mp3", "poster.jpg", "cover-2.jpg"]
    assert [(entry["log_level"], entry["key"]) for entry in logged] == [
        ("warning", f"work/r1/{name}") for name in names
    ]
    assert "no copies here" in logged[0]["reason"]
    assert list(workdir.iterdir()) == []


class _Raw:
    """The body of an answer as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> list[bytes]:
        return [self._body]
