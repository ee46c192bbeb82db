"""Hook, must-use, excluded clips, own music, tempo and captions over the wire."""

from typing import Any
from uuid import UUID

import pytest

from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Format, Look
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.clicks import finish

SURF, BEACH = new_item()["clipUrls"]
OTHER = "https://media.example.com/other.mp4"
WISHES: dict[str, Any] = {
    "hookClip": BEACH,
    "mustUse": [BEACH, BEACH],
    "exclude": [SURF],
    "musicUrl": "https://media.example.com/song.mp3",
    "targetBpm": 128,
    "captions": "Три дня у моря 🌊",
    "look": "asShot",
    "shortCuts": True,
    "prompt": "sunset, the dog, no faces",
    "keepMusic": False,
    "variants": 3,
    "planOnly": False,
    "preview": True,
    "formats": ["square"],
}


def stored_options(requests: RequestLifecycle, answer: Any) -> MontageOptions:
    assert answer.status_code == 202, answer.text
    request = requests.get_request(UUID(answer.json()["requestId"]))
    assert request is not None
    return request.options


def test_wishes_are_kept_and_replaced(client: ApiClient, requests: RequestLifecycle) -> None:
    answer = client.post("/api/content-items", new_item(**WISHES))
    expected = MontageOptions(
        hook_clip=BEACH,
        must_use=(BEACH,),
        exclude=(SURF,),
        music_url=WISHES["musicUrl"],
        target_bpm=128,
        captions=WISHES["captions"],
        look=Look.AS_SHOT,
        short_cuts=True,
        prompt=WISHES["prompt"],
        variants=3,
        preview=True,
        formats=(Format.SQUARE,),
    )
    assert stored_options(requests, answer) == expected
    item = f"/api/content-items/{answer.json()['id']}"
    path = f"{item}/generate"
    assert client.get(item).json()["wishes"] == {**WISHES, "mustUse": [BEACH]}
    for body, stands in (
        (None, expected),
        ({"targetBpm": 90}, MontageOptions(target_bpm=90)),
        ({}, MontageOptions()),
    ):
        finish(requests, UUID(answer.json()["requestId"]))
        answer = client.post(path, body)
        assert stored_options(requests, answer) == stands
        assert client.get(item).json()["wishes"]["targetBpm"] == stands.target_bpm
        assert (
            client.get("/api/content-items").json()["items"][0]["wishes"]["hookClip"]
            == stands.hook_clip
        )


@pytest.mark.parametrize(
    ("wishes", "code", "fields"),
    [
        ({"hookClip": OTHER}, "hook_clip_unknown", ["hookClip"]),
        ({"mustUse": [OTHER]}, "must_use_unknown", ["mustUse"]),
        ({"exclude": [OTHER]}, "exclude_unknown", ["exclude"]),
        ({"hookClip": SURF, "exclude": [SURF]}, "hook_clip_excluded", ["hookClip"]),
        ({"mustUse": [SURF], "exclude": [SURF]}, "must_use_excluded", ["mustUse"]),
        ({"exclude": [SURF, BEACH]}, "all_clips_excluded", ["exclude"]),
        ({"captions": "ᚠᚢᚦ"}, "caption_unsupported", ["captions"]),
        ({"targetBpm": 59}, "validation_error", ["targetBpm"]),
        ({"targetBpm": 181}, "validation_error", ["targetBpm"]),
        ({"targetBpm": 120.5}, "validation_error", ["targetBpm"]),
        ({"captions": "x" * 101}, "validation_error", ["captions"]),
        ({"look": "as-shot"}, "validation_error", ["look"]),
        ({"shortCuts": "often"}, "validation_error", ["shortCuts"]),
        ({"captions": " "}, "validation_error", ["captions"]),
        ({"captions": "a\nb"}, "validation_error", ["captions"]),
        ({"prompt": "x" * 301}, "validation_error", ["prompt"]),
        ({"prompt": " "}, "validation_error", ["prompt"]),
        ({"musicUrl": "file:///etc/passwd"}, "validation_error", ["musicUrl"]),
        ({"musicUrl": "http://media.example.com/a.mp3"}, "validation_error", ["musicUrl"]),
        ({"musicUrl": "https://127.0.0.1/a.mp3"}, "validation_error", ["musicUrl"]),
        ({"musicUrl": "s3://another/uploads/a.mp3"}, "validation_error", ["musicUrl"]),
        ({"mustUse": SURF}, "validation_error", ["mustUse"]),
    ],
)
def test_a_wish_that_cannot_be_granted_is_named(
    wishes: dict[str, Any],
    code: str,
    fields: list[str],
    client: ApiClient,
    requests: RequestLifecycle,
) -> None:
    answer = client.post("/api/content-items", new_item(**wishes))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert [problem["field"] for problem in answer.json()["error"]["details"]["errors"]] == fields
    assert fields[0] in answer.json()["error"]["message"]
    assert client.get("/api/content-items").json()["items"] == []

    made = client.post("/api/content-items", new_item()).json()
    finish(requests, UUID(made["requestId"]))
    again = client.post(f"/api/content-items/{made['id']}/generate", wishes)
    assert (again.status_code, again.json()["error"]["code"]) == (422, code)


def test_several_contradictions_are_all_named(client: ApiClient) -> None:
    answer = client.post(
        "/api/content-items", new_item(hookClip=OTHER, mustUse=[SURF], exclude=[SURF])
    )
    assert answer.json()["error"]["code"] == "hook_clip_unknown"
    assert [problem["field"] for problem in answer.json()["error"]["details"]["errors"]] == [
        "hookClip",
        "mustUse",
    ]


def test_music_can_be_uploaded(client: ApiClient, object_store: ObjectStore) -> None:
    upload = client.post(
        "/api/uploads", {"fileName": "My song.mp3", "contentType": "audio/mpeg", "bytes": 5000}
    ).json()
    assert upload["clipUrl"].startswith(f"s3://{object_store.bucket}/uploads/{client.user_id}/")
    assert (
        client.post("/api/content-items", new_item(musicUrl=upload["clipUrl"])).status_code == 202
    )
    too_large = client.post(
        "/api/uploads", {"fileName": "a.wav", "contentType": "audio/wav", "bytes": 200_000_001}
    )
    assert too_large.status_code == 422
    assert "200000000" in too_large.json()["error"]["message"]
