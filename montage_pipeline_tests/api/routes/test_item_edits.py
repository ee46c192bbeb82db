"""Another title, filters of the library, and deleting for good."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.tables import ApiCostLogRow
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Service
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.api.routes.test_content_items import deliver

ClientFor = Callable[[UUID | None], ApiClient]

GONE_S = 60.0
"""Far above the moment that a purge takes."""


def made(client: ApiClient, requests: RequestLifecycle, **changes: Any) -> dict[str, Any]:
    """A finished item, with the id of its request."""
    accepted = client.post("/api/content-items", new_item(**changes)).json()
    deliver(requests, accepted["requestId"])
    item: dict[str, Any] = client.get(f"/api/content-items/{accepted['id']}").json()
    return item | {"requestId": accepted["requestId"]}


def upload(client: ApiClient, store: ObjectStore, name: str) -> tuple[str, str]:
    """The URL and the key of an upload."""
    body = {"fileName": name, "contentType": "video/mp4", "bytes": 4}
    url = client.post("/api/uploads", body).json()["clipUrl"]
    key = url.removeprefix(f"s3://{store.bucket}/")
    store.put_bytes(key, b"clip", content_type="video/mp4")
    return url, key


def test_a_title_is_changed_and_removed(
    client: ApiClient, client_for: ClientFor, requests: RequestLifecycle
) -> None:
    item = made(client, requests)
    path = f"/api/content-items/{item['id']}"
    renamed = client.patch(path, {"title": "  Three days by the sea "})
    assert renamed.json()["title"] == "Three days by the sea"
    assert client.patch(path, {}).json()["title"] == "Three days by the sea"
    assert client.get(path).json() | {"title": item["title"]} == client.get(path).json() | {
        name: value for name, value in item.items() if name != "requestId"
    }
    assert client.patch(path, {"title": None}).json()["title"] is None

    for wrong in ({"title": "two\nlines"}, {"title": "x" * 201}, {"status": "draft"}):
        assert client.patch(path, wrong).status_code == 422
    stranger = client_for(uuid4())
    assert stranger.patch(path, {"title": "mine"}).status_code == 404
    assert client.get(path).json()["title"] is None


def test_the_library_is_filtered_and_still_paged(
    client: ApiClient, requests: RequestLifecycle
) -> None:
    travel = [made(client, requests, style="travel")["id"] for _ in range(3)]
    food = made(client, requests, style="food")
    waiting = client.post("/api/content-items", new_item(style="food")).json()["id"]

    def listed(**filters: Any) -> list[str]:
        answer = client.get("/api/content-items", params=filters).json()
        return [item["id"] for item in answer["items"]]

    assert listed(style="travel") == travel[::-1]
    assert listed(status="generating") == [waiting]
    assert listed(status="draft", style="food") == [food["id"]]
    assert listed(since=food["createdAt"]) == [waiting, food["id"]]
    later = datetime.fromisoformat(food["createdAt"]) + timedelta(hours=1)
    assert listed(since=later.isoformat()) == []

    page = client.get("/api/content-items", params={"style": "travel", "limit": 2}).json()
    rest = {"style": "travel", "limit": 2, "before": page["nextBefore"]}
    assert [item["id"] for item in page["items"]] == travel[:0:-1]
    assert listed(**rest) == travel[:1]
    for wrong in ({"status": "finished"}, {"style": "cubist"}, {"since": "yesterday"}):
        assert client.get("/api/content-items", params=wrong).status_code == 422


def test_a_deleted_item_leaves_nothing_but_its_costs(
    client: ApiClient,
    client_for: ClientFor,
    requests: RequestLifecycle,
    engine: Engine,
    object_store: ObjectStore,
) -> None:
    only_here, only_key = upload(client, object_store, "only.mp4")
    shared, shared_key = upload(client, object_store, "shared.mp4")
    music, music_key = upload(client, object_store, "song.mp3")
    other = made(client, requests, clipUrls=[shared])
    item = made(client, requests, clipUrls=[only_here, shared], musicUrl=music)
    request = item["requestId"]
    address = "ab" * 32
    mine = [
        f"work/{request}/rendered_video.json",
        f"work/{request}/video.mp4",
        f"reels/{client.user_id}/{item['id']}/0123456789abcdef.mp4",
        f"cache/chunks/{address}",
    ]
    kept = [
        f"work/{other['requestId']}/video.mp4",
        f"reels/{client.user_id}/{other['id']}/0123456789abcdef.mp4",
        "cache/chunks/" + "cd" * 32,
        shared_key,
    ]
    for key in (*mine, *kept):
        data = b'{"run": {"chunks": ["%s"]}}' % address.encode()
        object_store.put_bytes(key, data, content_type="application/json")
    with Session(engine) as session, session.begin():
        session.add(
            ApiCostLogRow(
                user_id=client.user_id,
                service=Service.CLAUDE,
                endpoint="messages",
                montage_request_id=UUID(request),
            )
        )

    path = f"/api/content-items/{item['id']}"
    assert client_for(uuid4()).delete(path).status_code == 404
    answer = client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404
    assert requests.get_request(UUID(request)) is None

    deadline = time.monotonic() + GONE_S
    doomed = [*mine, only_key, music_key]
    while any(map(object_store.head, doomed)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [key for key in doomed if object_store.head(key)] == []
    assert [key for key in kept if object_store.head(key) is None] == []
    [cost] = client.get("/api/costs").json()["rows"]
    assert (cost["service"], cost["montageRequestId"]) == ("claude", None)


def test_an_item_under_way_is_not_deleted(client: ApiClient, requests: RequestLifecycle) -> None:
    accepted = client.post("/api/content-items", new_item()).json()
    path = f"/api/content-items/{accepted['id']}"
    refused = client.delete(path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "already_generating")
    assert client.get(path).json()["status"] == "generating"

    requests.withdraw(UUID(accepted["requestId"]))
    assert client.delete(path).status_code == 204
