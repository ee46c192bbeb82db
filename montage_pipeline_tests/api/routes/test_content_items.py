"""Create, watch, list, make again; and what is refused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine

from montage_pipeline.errors import ErrorCode
from montage_pipeline.requests.attempts.tries import StepTries, Try
from montage_pipeline.requests.lifecycle import FinishedReel, RequestLifecycle
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.clicks import finish


def deliver(requests: RequestLifecycle, request_id: str, **urls: str) -> None:
    """Let a run finish the request, whose Reel lies at `urls`."""
    reel = FinishedReel(
        media_url="https://cdn/x.mp4",
        music_url="https://cdn/x.wav",
        poster_url="https://cdn/x.jpg",
        warnings=("Two clips were blurred.",),
    ).model_copy(update=urls)
    finish(requests, UUID(request_id), "run-1", reel)


def test_from_the_click_to_the_finished_reel(client: ApiClient, requests: RequestLifecycle) -> None:
    accepted = client.post("/api/content-items", new_item())
    assert accepted.status_code == 202
    item_id, request_id = accepted.json()["id"], accepted.json()["requestId"]
    assert accepted.json() == {"id": item_id, "requestId": request_id, "status": "generating"}
    assert accepted.headers["Location"] == f"/api/content-items/{item_id}"
    assert "Idempotent-Replay" not in accepted.headers

    stored = requests.get_request(UUID(request_id))
    assert stored is not None
    assert (stored.content_item_id, stored.user_id) == (UUID(item_id), client.user_id)
    assert list(stored.clip_urls) == new_item()["clipUrls"]
    assert (stored.style, stored.format, stored.duration_s, stored.state) == (
        "travel",
        "feed",
        30,
        "queued",
    )

    status_path = f"/api/content-items/{item_id}/status"
    waiting = client.get(status_path)
    assert waiting.headers["Retry-After"] == "2"
    assert waiting.json() == {
        "id": item_id,
        "status": "generating",
        "progressStep": None,
        "progressPercent": 0,
        "progressDetail": None,
        "generatedMediaUrl": None,
        "musicUrl": None,
        "posterUrl": None,
        "renditions": [],
        "requestId": request_id,
        "reelRequestId": None,
        "planRequestId": None,
        "error": None,
        "updatedAt": waiting.json()["updatedAt"],
    }
    assert datetime.fromisoformat(waiting.json()["updatedAt"]).utcoffset() == timedelta(0)

    requests.start(UUID(request_id), "run-1")
    requests.progress(UUID(request_id), "run-1", Step.MUSIC_TRACK, 40, "verse")
    assert (
        client.get(status_path).json()
        | {"progressStep": "music_track", "progressPercent": 40, "progressDetail": "verse"}
        == client.get(status_path).json()
    )

    deliver(requests, request_id)
    done = client.get(status_path)
    assert (done.json()["status"], done.json()["progressPercent"]) == ("draft", 100)
    assert done.json()["generatedMediaUrl"] == "https://cdn/x.mp4"
    assert "Retry-After" not in done.headers

    whole = client.get(accepted.headers["Location"]).json()
    assert whole | done.json() == whole
    assert {name: whole[name] for name in new_item()} == new_item()
    assert whole["warnings"] == ["Two clips were blurred."]


def test_a_failure_says_what_and_where(client: ApiClient, requests: RequestLifecycle) -> None:
    accepted = client.post("/api/content-items", new_item()).json()
    failure = RequestFailure(
        code=ErrorCode.NOT_ENOUGH_FOOTAGE,
        message="The clips hold 4 s of usable footage; 30 s need more.",
        step=Step.EDIT_TIMELINE,
        attempts=1,
        run_id="run-1",
        details={"usable_s": 4},
    )
    requests.start(UUID(accepted["requestId"]), "run-1")
    requests.fail(UUID(accepted["requestId"]), failure)
    status = client.get(f"/api/content-items/{accepted['id']}/status").json()
    assert status["status"] == "failed"
    assert status["error"] == {
        "code": "not_enough_footage",
        "message": failure.message,
        "step": "edit_timeline",
        "attempts": 1,
        "runId": "run-1",
        "details": {"usable_s": 4},
    }


def test_tries_that_failed_are_shown_also_in_the_library(
    client: ApiClient, requests: RequestLifecycle, engine: Engine
) -> None:
    accepted = client.post("/api/content-items", new_item()).json()
    requests.start(UUID(accepted["requestId"]), "run-1")
    failed = Try(
        step=Step.CLIP_ANALYSIS,
        number=1,
        code=ErrorCode.ANALYSIS_UNAVAILABLE,
        message="Claude is overloaded.",
        run_id="run-1",
        at=datetime.now(UTC),
    )
    StepTries(engine).note(UUID(accepted["requestId"]), failed)

    [shown] = client.get(f"/api/content-items/{accepted['id']}").json()["tries"]
    assert datetime.fromisoformat(shown.pop("at")) == failed.at
    assert shown == {
        "step": "clip_analysis",
        "number": 1,
        "code": "analysis_unavailable",
        "message": "Claude is overloaded.",
    }
    assert client.get("/api/content-items").json()["items"][0]["tries"]


def test_generating_again_waits_for_the_one_under_way(
    client: ApiClient, requests: RequestLifecycle
) -> None:
    first = client.post("/api/content-items", new_item()).json()
    path = f"/api/content-items/{first['id']}/generate"
    busy = client.post(path)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "already_generating")
    deliver(requests, first["requestId"])
    again = client.post(path, headers={"Idempotency-Key": "second"})
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert again.json()["requestId"] != first["requestId"]
    replay = client.post(path, headers={"Idempotency-Key": "second"})
    assert (replay.status_code, replay.json(), replay.headers["Idempotent-Replay"]) == (
        202,
        again.json(),
        "true",
    )


@pytest.mark.parametrize("method_and_path", ["GET {}", "GET {}/status", "POST {}/generate"])
def test_what_is_not_yours_is_not_there(
    method_and_path: str, client: ApiClient, client_for: Callable[[UUID], ApiClient]
) -> None:
    mine = client.post("/api/content-items", new_item()).json()["id"]
    stranger = client_for(uuid4())
    for item_id in (mine, str(uuid4())):
        method, path = method_and_path.format(f"/api/content-items/{item_id}").split()
        answer = stranger.request(method, path)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
    assert stranger.get("/api/content-items").json() == {"items": [], "nextBefore": None}
    assert client.get(f"/api/content-items/{mine}").status_code == 200


def test_the_library_is_paged_newest_first(client: ApiClient) -> None:
    made = [
        client.post("/api/content-items", new_item(title=f"Reel {number}")).json()["id"]
        for number in range(5)
    ]
    seen: list[str] = []
    pages = 0
    before = None
    while pages == 0 or before:
        page = client.get(
            "/api/content-items", params={"limit": 2, **({"before": before} if before else {})}
        ).json()
        seen += [item["id"] for item in page["items"]]
        before = page["nextBefore"]
        pages += 1
    assert seen == made[::-1]
    assert pages == 3
    assert client.get("/api/content-items", params={"limit": 5}).json()["nextBefore"] is None
    for wrong in (
        {"limit": 0},
        {"limit": 101},
        {"before": "yesterday"},
        {"before": "2026-05-04T09:30:00"},
        {"before": "0001-01-01T00:00:00+14:00"},
    ):
        assert client.get("/api/content-items", params=wrong).status_code == 422


def test_the_same_key_makes_one_reel_also_at_the_same_moment(
    client: ApiClient, requests: RequestLifecycle
) -> None:
    headers = {"Idempotency-Key": "click-1"}
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(
                lambda _: client.post("/api/content-items", new_item(), headers=headers), range(8)
            )
        )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert (
        sorted(answer.headers.get("Idempotent-Replay", "") for answer in answers)
        == [""] + ["true"] * 7
    )
    assert len(client.get("/api/content-items").json()["items"]) == 1

    deliver(requests, answers[0].json()["requestId"])
    later = client.post("/api/content-items", new_item(), headers=headers)
    assert (later.json(), later.headers["Idempotent-Replay"]) == (answers[0].json(), "true")

    conflict = client.post("/api/content-items", new_item(durationSec=31), headers=headers)
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert len(client.get("/api/content-items").json()["items"]) == 1


def test_keys_of_different_users_do_not_meet(
    client: ApiClient, client_for: Callable[[UUID], ApiClient]
) -> None:
    headers = {"Idempotency-Key": "click-1"}
    first = client.post("/api/content-items", new_item(), headers=headers)
    other = client_for(uuid4()).post("/api/content-items", new_item(style="food"), headers=headers)
    assert (first.status_code, other.status_code) == (202, 202)
    assert first.json()["id"] != other.json()["id"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "story"}, "type"),
        ({"style": "vaporwave"}, "style"),
        ({"format": "imax"}, "format"),
        ({"durationSec": 6}, "durationSec"),
        ({"durationSec": 91}, "durationSec"),
        ({"durationSec": "30"}, "durationSec"),
        ({"durationSec": 30.5}, "durationSec"),
        ({"durationSec": True}, "durationSec"),
        ({"durationSec": None}, "durationSec"),
        ({"title": " "}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"clipUrls": []}, "clipUrls"),
        ({"clipUrls": "https://media.example.com/a.mp4"}, "clipUrls"),
        ({"clipUrls": ["https://media.example.com/a.mp4", 7]}, "clipUrls.1"),
        ({"clipUrls": [f"https://media.example.com/{n}.mp4" for n in range(6)]}, "clipUrls"),
        ({"durationSeconds": 30}, "durationSeconds"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str, client: ApiClient) -> None:
    answer = client.post("/api/content-items", new_item(**changes))
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "validation_error"
    assert [problem["field"] for problem in error["details"]["errors"]] == [field]
    assert field in error["message"]
    assert client.get("/api/content-items").json()["items"] == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://media.example.com/a.mp4",
        "data:video/mp4;base64,AAAA",
        "/clips/a.mp4",
        "clips/a.mp4",
        "http://media.example.com/a.mp4",
        "https:///a.mp4",
        "https://user:pass@media.example.com/a.mp4",
        "https://media.example.com:99999/a.mp4",
        "https://[::1/a.mp4",
        "https://[::1]/a.mp4",
        "https://127.0.0.1/a.mp4",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/a.mp4",
        "https://media.example.com/a b.mp4",
        "https://media.example.com\\@10.0.0.1/a.mp4",
        "https://media.example.com/a\n.mp4",
        "https://media.example.com/" + "a" * 5000,
        "s3://{bucket}/uploads/00000000-0000-4000-8000-000000000000/00000000-0000-4000-8000-000000000001/a.mp4",
        "s3://{bucket}/uploads/{user}/../../work/secret.json",
        "s3://{bucket}/uploads/{user}/00000000-0000-4000-8000-000000000001/../a.mp4",
        "s3://{bucket}/uploads/{user}/00000000-0000-4000-8000-000000000001/..",
        "s3://{bucket}/uploads/{user}/00000000-0000-4000-8000-000000000001/a.mp4?x=1",
        "s3://{bucket}/work/a.mp4",
        "s3://another-bucket/uploads/{user}/00000000-0000-4000-8000-000000000001/a.mp4",
    ],
)
def test_a_clip_url_that_may_not_be_used_is_refused(
    url: str, client: ApiClient, object_store: ObjectStore, app: Any
) -> None:
    assert not app.state.services.settings.fetch_private_hosts
    bad = url.format(bucket=object_store.bucket, user=client.user_id)
    answer = client.post(
        "/api/content-items", new_item(clipUrls=["https://media.example.com/good.mp4", bad])
    )
    assert answer.status_code == 422, bad
    assert [problem["field"] for problem in answer.json()["error"]["details"]["errors"]] == [
        "clipUrls.1"
    ]


def test_text_that_no_database_can_store_is_refused(client: ApiClient) -> None:
    body = json.dumps(new_item(title="\ud800", clipUrls=["https://media.example.com/\0"]))
    answer = client.post(
        "/api/content-items", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["error"]["details"]["errors"]] == [
        "title",
        "clipUrls.0",
    ]
    for key in ("", "x" * 256, "two words"):
        assert (
            client.post(
                "/api/content-items", new_item(), headers={"Idempotency-Key": key}
            ).status_code
            == 422
        )
    assert client.get("/api/content-items/not-a-uuid").status_code == 422


def test_titles_may_be_in_any_script(client: ApiClient) -> None:
    title = "Família 👨‍👩‍👧 на пляже\u202f海"
    item_id = client.post("/api/content-items", new_item(title=title)).json()["id"]
    assert client.get(f"/api/content-items/{item_id}").json()["title"] == title


def test_a_presigned_media_url_is_signed_anew_when_read(
    client: ApiClient, requests: RequestLifecycle, object_store: ObjectStore
) -> None:
    key = f"reels/{client.user_id}/a reel é.mp4"
    object_store.put_bytes(key, b"the reel", content_type="video/mp4")
    stale = (
        f"{object_store.endpoint_url}/{object_store.bucket}/{quote(key)}?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Date=20200101T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
    )
    assert httpx.get(stale).status_code in (400, 403)
    accepted = client.post("/api/content-items", new_item()).json()
    elsewhere = "https://other.example/x.wav?X-Amz-Signature=00"
    deliver(requests, accepted["requestId"], media_url=stale, music_url=elsewhere)
    status = client.get(f"/api/content-items/{accepted['id']}/status").json()
    assert httpx.get(status["generatedMediaUrl"]).content == b"the reel"
    assert (status["musicUrl"], status["posterUrl"]) == (elsewhere, "https://cdn/x.jpg")


def test_a_generation_is_canceled_once_and_the_call_may_be_repeated(
    client: ApiClient, requests: RequestLifecycle
) -> None:
    accepted = client.post("/api/content-items", new_item()).json()
    item = f"/api/content-items/{accepted['id']}"
    assert requests.start(UUID(accepted["requestId"]), "run-1")

    first, second = client.post(f"{item}/cancel"), client.post(f"{item}/cancel")

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert (first.status_code, first.json()["status"]) == (200, "failed")
    assert first.json()["error"]["code"] == "canceled"
    assert requests.is_canceled(UUID(accepted["requestId"])), "so its run notices and ends"
    assert client.post(f"{item}/generate").status_code == 202


def test_canceling_what_is_done_leaves_the_reel(
    client: ApiClient, requests: RequestLifecycle
) -> None:
    accepted = client.post("/api/content-items", new_item()).json()
    deliver(requests, accepted["requestId"])
    answer = client.post(f"/api/content-items/{accepted['id']}/cancel").json()
    assert (answer["status"], answer["generatedMediaUrl"]) == ("draft", "https://cdn/x.mp4")
