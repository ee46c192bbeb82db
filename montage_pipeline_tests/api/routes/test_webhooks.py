"""A user's webhook over the wire: set, signed for, listed, repeated, removed."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from montage_pipeline.api.routes.webhooks import MAX_REPEATS_PER_HOUR
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.webhooks.targets import MAX_TESTS_PER_HOUR
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.clicks import finish

ClientFor = Callable[[UUID | None], ApiClient]

URL = "https://nowhere.invalid/hook"
"""Never resolved: RFC 6761."""

SENT_S = 60.0
"""Far above the 2 s between two rounds of the background thread."""


def test_a_webhook_is_set_and_removed(client: ApiClient, client_for: ClientFor) -> None:
    for missing in (
        client.get("/api/webhook"),
        client.delete("/api/webhook"),
        client.post("/api/webhook/secret"),
        client.post("/api/webhook/test"),
    ):
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")

    made = client.put("/api/webhook", {"url": URL}).json()
    assert made["secret"].startswith("whsec_")
    assert client.get("/api/webhook").json() == {"url": URL, "createdAt": made["createdAt"]}
    moved = client.put("/api/webhook", {"url": f"{URL}/2"}).json()
    assert (moved["url"], moved["secret"]) == (f"{URL}/2", made["secret"])
    assert client.post("/api/webhook/secret").json()["secret"] != made["secret"]

    stranger = client_for(uuid4())
    assert stranger.get("/api/webhook").status_code == 404
    assert client.delete("/api/webhook").status_code == 204
    assert client.get("/api/webhook").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.com/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://localhost/hook",
        "https://user:password@app.example.com/",
        "https:///hook",
        "s3://montage/uploads/x",
        "https://app.example.com:99999/",
        "https://app.example.com/a b",
        "",
    ],
)
def test_a_target_that_is_not_on_the_web_is_refused(client: ApiClient, url: str) -> None:
    refused = client.put("/api/webhook", {"url": url})
    assert refused.status_code == 422
    assert refused.json()["error"]["details"]["errors"][0]["field"] == "url"
    assert client.get("/api/webhook").status_code == 404


def test_what_was_sent_is_listed_and_can_be_repeated_by_its_owner_alone(
    client: ApiClient, client_for: ClientFor, requests: RequestLifecycle
) -> None:
    client.put("/api/webhook", {"url": URL})
    made = client.post("/api/content-items", new_item()).json()
    finish(requests, UUID(made["requestId"]))
    client.post("/api/webhook/test")

    def listed(**filters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get("/api/webhook/deliveries", params=filters).json()[
            "deliveries"
        ]
        return found

    assert [each["event"] for each in listed()] == ["webhook.test", "content_item.done"]
    page = client.get("/api/webhook/deliveries", params={"limit": 1}).json()
    [older] = listed(before=page["nextBefore"])
    assert older["payload"]["data"]["id"] == made["id"]
    assert listed(state="delivered") == []

    # The API's own thread tries them without being asked.
    deadline = time.monotonic() + SENT_S
    while listed()[1]["problem"] is None and time.monotonic() < deadline:
        time.sleep(0.1)
    tried = listed()[1]
    assert (tried["state"], tried["answerStatus"]) == ("pending", None)
    assert tried["attempts"] >= 1
    assert "nowhere.invalid" in tried["problem"]

    path = f"/api/webhook/deliveries/{older['id']}/repeat"
    again = client.post(path)
    assert (again.status_code, again.json()["attempts"]) == (202, 0)
    stranger = client_for(uuid4())
    assert stranger.post(path).status_code == 404
    assert stranger.get("/api/webhook/deliveries").json()["deliveries"] == []
    assert client.post(f"/api/webhook/deliveries/{uuid4()}/repeat").status_code == 404


def test_test_messages_are_few(client: ApiClient, client_for: ClientFor) -> None:
    """Nobody has us call a stranger's server again and again."""
    client.put("/api/webhook", {"url": URL})
    answers = [client.post("/api/webhook/test") for _ in range(MAX_TESTS_PER_HOUR + 1)]
    *sent, refused = answers
    assert {answer.status_code for answer in sent} == {202}
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    # Neither another URL nor another webhook of the same user is a way round it.
    client.delete("/api/webhook")
    client.put("/api/webhook", {"url": f"{URL}/2"})
    assert client.post("/api/webhook/test").status_code == 429

    other = client_for(uuid4())
    other.put("/api/webhook", {"url": URL})
    assert other.post("/api/webhook/test").status_code == 202


def test_a_message_is_not_repeated_without_end(client: ApiClient, client_for: ClientFor) -> None:
    """Or tests, of which there are few, could be sent as often as one likes."""
    other = client_for(uuid4())
    paths = {}
    for user in (client, other):
        user.put("/api/webhook", {"url": URL})
        sent = user.post("/api/webhook/test").json()
        paths[user] = f"/api/webhook/deliveries/{sent['id']}/repeat"
    answers = [client.post(paths[client]) for _ in range(MAX_REPEATS_PER_HOUR + 1)]
    *repeated, refused = answers
    assert {answer.status_code for answer in repeated} == {202}
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    # One a minute after that, less the time that these took.
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert other.post(paths[other]).status_code == 202
