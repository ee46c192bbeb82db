"""Changing segments over HTTP: known beforehand, stored once, for the owner alone."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from montage_pipeline.editing.changing.room import EditRoom
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.segment_changes.model import LockSegment, ReplaceSegment
from montage_pipeline.storage.keys import edit_room_key
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.clicks import finish
from montage_pipeline_tests.editing.changing.test_carrying_out import planned

ClientFor = Callable[[UUID | None], ApiClient]
Made = dict[str, Any]


@pytest.fixture
def room() -> EditRoom:
    return planned().room


@pytest.fixture
def made(
    client: ApiClient, requests: RequestLifecycle, object_store: ObjectStore, room: EditRoom
) -> Made:
    """An item with a Reel whose edit may be changed."""
    answer: Made = client.post("/api/content-items", new_item()).json()
    finish(requests, UUID(answer["requestId"]))
    object_store.put_bytes(
        edit_room_key(answer["requestId"]),
        room.model_dump_json().encode(),
        content_type="application/json",
    )
    return answer


def _path(made: Made) -> str:
    return f"/api/content-items/{made['id']}/changes"


def _swap(made: Made, room: EditRoom) -> Made:
    alternative = room.segments[2].alternatives[0].id
    return {
        "baseRequestId": made["requestId"],
        "changes": [
            {"kind": "replace", "segment": 2, "alternative": alternative},
            {"kind": "lock", "segment": 3},
        ],
    }


def test_a_preview_says_what_is_rendered_and_changes_nothing(
    client: ApiClient, made: Made, room: EditRoom
) -> None:
    outcome = client.post(f"{_path(made)}/preview", _swap(made, room)).json()
    assert (outcome["rendered"], outcome["costUsd"]) == (1, "0.00")
    assert [part["number"] for part in outcome["segments"] if part["whyRendered"]] == [2]
    assert outcome["segments"][3]["locked"]
    assert outcome["onBeatAfter"] == outcome["onBeatBefore"]
    assert client.get(f"/api/content-items/{made['id']}").json()["status"] == "draft"


def test_changes_are_a_request_of_their_own_stored_once(
    client: ApiClient, requests: RequestLifecycle, made: Made, room: EditRoom
) -> None:
    body, headers = _swap(made, room), {"Idempotency-Key": "swap"}
    first = client.post(_path(made), body, headers=headers)
    assert first.status_code == 202
    assert first.json()["outcome"]["rendered"] == 1
    assert client.get(f"/api/content-items/{made['id']}").json()["status"] == "generating"

    request = requests.get_request(UUID(first.json()["requestId"]))
    assert request is not None
    assert str(request.base_request_id) == made["requestId"]
    assert request.changes == (
        ReplaceSegment(segment=2, alternative=room.segments[2].alternatives[0].id),
        LockSegment(segment=3),
    )
    again = client.post(_path(made), body, headers=headers)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json()["requestId"] == first.json()["requestId"]
    other = {**body, "changes": []}
    assert client.post(_path(made), other, headers=headers).status_code == 409
    busy = client.post(_path(made), other)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "already_generating")


def test_what_cannot_be_is_refused_with_the_nearest_that_can(
    client: ApiClient, made: Made, room: EditRoom
) -> None:
    path, base = f"{_path(made)}/preview", made["requestId"]
    far = {"kind": "slip", "segment": 1, "frames": 99_999}
    answer = client.post(path, {"baseRequestId": base, "changes": [far]})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["code"], error["details"]["change"]) == ("change_impossible", 0)
    [nearest] = error["details"]["nearest"]
    mended = {"baseRequestId": base, "changes": [{**far, "frames": nearest}]}
    assert client.post(path, mended).json()["rendered"] == 1

    locked = [{"kind": "lock", "segment": 1}, {"kind": "ban", "segment": 1}]
    answer = client.post(path, {"baseRequestId": base, "changes": locked})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "segment_locked")
    assert error["details"]["change"] == 1


def test_bad_text_and_music_are_refused_before_anything_is_stored(
    client: ApiClient, made: Made
) -> None:
    wrong = [
        {"kind": "caption", "segment": 0, "text": "\U000f0000"},
        {"kind": "music", "url": "https://10.0.0.1/a.mp3"},
        {"kind": "music", "url": "s3://elsewhere/a.mp3"},
        {"kind": "zoom", "segment": 0},
    ]
    for change in wrong:
        body = {"baseRequestId": made["requestId"], "changes": [change]}
        assert client.post(_path(made), body).status_code == 422, change


def test_an_edit_without_its_documents_or_of_another_item_is_not_changed(
    client: ApiClient, client_for: ClientFor, requests: RequestLifecycle, made: Made, room: EditRoom
) -> None:
    old = client.post("/api/content-items", new_item()).json()
    finish(requests, UUID(old["requestId"]))
    answer = client.post(_path(old), {"baseRequestId": old["requestId"], "changes": []})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "changes_unavailable")
    assert client.post(_path(old), _swap(made, room)).status_code == 404
    assert client_for(uuid4()).post(_path(made), _swap(made, room)).status_code == 404
