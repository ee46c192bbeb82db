"""A clip goes from the client into the store by the URL it got, and only as it was announced."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import av
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageStat

from montage_pipeline.api.upload_names import safe_file_name
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.api.conftest import ClientFor
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.footage.media import HEVC_10, make_clip

CLIP = bytes(range(256)) * 40


def announce(client: ApiClient, **changes: Any) -> Any:
    return client.post(
        "/api/uploads",
        {
            "fileName": "Été à la plage.MP4",
            "contentType": "video/mp4",
            "bytes": len(CLIP),
            **changes,
        },
    )


def test_an_uploaded_clip_can_be_used(client: ApiClient, object_store: ObjectStore) -> None:
    answer = announce(client)
    assert answer.status_code == 200
    upload = answer.json()
    assert upload["method"] == "PUT"
    prefix = f"s3://{object_store.bucket}/uploads/{client.user_id}/"
    assert upload["clipUrl"].startswith(prefix)
    upload_id, name = upload["clipUrl"].removeprefix(prefix).split("/")
    assert str(UUID(upload_id)) == upload_id
    assert unquote(name) == "Été-à-la-plage.MP4"

    put = httpx.put(upload["uploadUrl"], content=CLIP, headers=upload["headers"])
    assert put.status_code == 200, put.text
    key = unquote(upload["clipUrl"]).removeprefix(f"s3://{object_store.bucket}/")
    stored = object_store.head(key)
    assert stored is not None
    assert (stored.bytes, stored.content_type) == (len(CLIP), "video/mp4")
    assert (
        client.post("/api/content-items", new_item(clipUrls=[upload["clipUrl"]])).status_code == 202
    )


def test_the_store_refuses_what_was_not_announced(
    client: ApiClient, object_store: ObjectStore
) -> None:
    upload = announce(client).json()
    larger = httpx.put(upload["uploadUrl"], content=CLIP + b"!", headers=upload["headers"])
    page = upload["headers"] | {"Content-Type": "text/html"}
    other_type = httpx.put(upload["uploadUrl"], content=CLIP, headers=page)
    inline = upload["headers"] | {"Content-Disposition": "inline"}
    shown = httpx.put(upload["uploadUrl"], content=CLIP, headers=inline)
    other_place = httpx.put(
        upload["uploadUrl"].replace("/uploads/", "/reels/"), content=CLIP, headers=upload["headers"]
    )
    refused = (larger, other_type, shown, other_place)
    assert {answer.status_code for answer in refused} == {403}
    assert list(object_store.list_keys(f"uploads/{client.user_id}/")) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contentType": "text/html"}, "contentType"),
        ({"contentType": "video/"}, "contentType"),
        ({"contentType": "video/mp4\r\nX-Evil: 1"}, "contentType"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": 1_000_001}, "bytes"),
        ({"bytes": "100"}, "bytes"),
        ({"fileName": ""}, "fileName"),
    ],
)
def test_what_may_not_be_uploaded_is_refused(
    changes: dict[str, Any], field: str, client: ApiClient
) -> None:
    answer = announce(client, **changes)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["error"]["details"]["errors"]] == [field]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("IMG 0042.mov", "IMG-0042.mov"),
        ("../../etc/passwd", "passwd"),
        ("C:\\clips\\a.mp4", "a.mp4"),
        ("..", "clip"),
        ("0:.0.", "0.0"),
        (".mp4", "mp4"),
        ("日本.mp4", "日本.mp4"),
        ("e\u0301te\u0301.mp4", "été.mp4"),
        ("हिन्दी.mov", "हिन्दी.mov"),
        ("a\u202egpj.mp4", "a-gpj.mp4"),
        ("<script>.mp4", "script.mp4"),
        ("🎬.mp4", "clip.mp4"),
        ("x" * 250 + ".mp4", "x" * 96 + ".mp4"),
    ],
)
def test_names_keep_only_what_is_safe_in_a_key(given: str, kept: str) -> None:
    assert safe_file_name(given) == kept


@given(st.text(max_size=300) | st.text("ab.-_: \\/", max_size=40))
def test_a_safe_name_is_safe_and_stays_as_it_is(given_name: str) -> None:
    name = safe_file_name(given_name)
    assert safe_file_name(name) == name
    assert 0 < len(name) <= 100
    assert not {"/", "\\", " ", "%", "?", "#", "\x00"} & set(name)
    assert name[0] not in ".-"


def put_clip(client: ApiClient, data: bytes) -> str:
    """The path of the thumbnail of an uploaded clip."""
    upload = announce(client, bytes=len(data)).json()
    put = httpx.put(upload["uploadUrl"], content=data, headers=upload["headers"])
    assert put.status_code == 200, put.text
    return f"/api/uploads/{upload['clipUrl'].split('/')[-2]}/thumbnail"


def test_a_clip_that_browsers_cannot_decode_has_a_thumbnail(
    client: ApiClient, client_for: ClientFor, tmp_path: Path
) -> None:
    filmed = make_clip(
        tmp_path / "filmed.mp4",
        source="color=red:size={size}:rate={rate}",
        duration_s=2,
        output=(*HEVC_10, "-tag:v", "hvc1"),
    )
    turned = tmp_path / "turned.mp4"
    run_ffmpeg(["-display_rotation", "-90", "-i", str(filmed), "-c", "copy", str(turned)])
    path = put_clip(client, turned.read_bytes())

    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (180, 320), "upright, as it was held"
    red, green, blue = ImageStat.Stat(image.convert("RGB")).mean
    assert red > 200
    assert max(green, blue) < 60

    assert client_for(uuid4()).get(path).status_code == 404, "only its owner sees it"


def test_a_thumbnail_is_of_the_moment_that_is_asked_for(client: ApiClient, tmp_path: Path) -> None:
    # Darker with every frame, from white to black.
    levels = "color=white:size={size}:rate={rate},geq=lum='235-4*N':cb=128:cr=128"
    clip = make_clip(tmp_path / "darker.mp4", source=levels, rate="25", duration_s=2)
    path = put_clip(client, clip.read_bytes())

    def light(**at: str) -> float:
        answer = client.get(path, params=at)
        assert answer.status_code == 200, answer.text
        [level] = ImageStat.Stat(Image.open(io.BytesIO(answer.content)).convert("L")).mean
        return (level * 219 / 255 + 16 - 235) / -4

    assert light() == pytest.approx(12.5, abs=1)
    for frame in (0, 20, 49):
        assert light(atSec=f"{(frame + 0.5) / 25}") == pytest.approx(frame, abs=1)
    assert light(atSec="60") == pytest.approx(49, abs=1), "after its end its last one"
    for wrong in ("-1", "inf", "nan", "1_0", "x", ""):
        assert client.get(path, params={"atSec": wrong}).status_code == 422


def test_what_shows_nothing_has_no_thumbnail(client: ApiClient) -> None:
    answer = client.get(put_clip(client, CLIP))
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "thumbnail_unavailable"
    assert client.get(f"/api/uploads/{uuid4()}/thumbnail").status_code == 404
    assert client.get("/api/uploads/none/thumbnail").status_code == 422


def test_no_picture_is_shown_of_a_moment_that_is_damaged(client: ApiClient, tmp_path: Path) -> None:
    coded = ("-c:v", "libx264", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p")
    clip = make_clip(tmp_path / "clip.mp4", size="320x240", rate="25", duration_s=5, output=coded)
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        for number, packet in enumerate(container.demux(video=0)):
            if 75 <= number < 82:  # from 3.0 s on
                assert packet.pos is not None
                begin = packet.pos + packet.size // 3
                data[begin : begin + packet.size // 3] = bytes(packet.size // 3)
    path = put_clip(client, bytes(data))

    assert client.get(path, params={"atSec": "1"}).status_code == 200
    answer = client.get(path, params={"atSec": "3.2"})
    assert answer.status_code == 409
    assert "damaged at 3.2 s" in answer.json()["error"]["message"]
