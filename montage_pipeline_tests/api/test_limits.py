"""Nobody stops the API for the others: not by one body, not by many requests, not by many Reels."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from montage_pipeline.api.app import create_app
from montage_pipeline.api.limits.rate_limits import RateLimiter, caller_address
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.settings import Settings
from montage_pipeline_tests.api.contract import ApiClient, new_item

_JSON = {"Content-Type": "application/json"}
_SMALL_BYTES = 10_000


def _client(settings: Settings, **changes: Any) -> Iterator[ApiClient]:
    changed = settings.model_copy(update=changes)
    app = create_app(changed)
    with TestClient(app, raise_server_exceptions=False) as http:
        yield ApiClient(app, http, changed, uuid4())


@pytest.fixture
def roomy(api_settings: Settings) -> Iterator[ApiClient]:
    """The API with the default limits."""
    yield from _client(api_settings, max_clips=60)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(new_item(clipUrls=[""] * 200_000)),
        json.dumps(new_item(exclude=[0] * 200_000)),
        json.dumps({f"k{number}": 0 for number in range(60_000)}),
        '{"clipUrls":' + "[" * 700_000,
    ],
    ids=["many clips", "many of another list", "many unknown fields", "deep"],
)
def test_a_body_with_too_much_in_it_is_refused_before_it_is_parsed(
    roomy: ApiClient, body: str
) -> None:
    answer = roomy.post("/api/content-items", content=body, headers=_JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert len(answer.content) < _SMALL_BYTES


def test_an_answer_does_not_grow_with_the_request(roomy: ApiClient) -> None:
    bodies = {
        61: new_item(clipUrls=["nonsense"] * 61),
        60: new_item(clipUrls=["nonsense"] * 60),
        200: new_item() | {f"unknown{number}": 0 for number in range(200)},
        1: new_item() | {"x" * 600_000: 0},
    }
    errors = {}
    for count, body in bodies.items():
        answer = roomy.post("/api/content-items", body)
        assert (answer.status_code, len(answer.content) < _SMALL_BYTES) == (422, True)
        errors[count] = answer.json()["error"]["details"]

    assert [problem["field"] for problem in errors[61]["errors"]] == ["clipUrls"]
    assert (len(errors[60]["errors"]), errors[60]["more"]) == (20, 40)
    assert (len(errors[200]["errors"]), errors[200]["more"]) == (20, 180)
    assert "more" not in errors[1]


def test_a_users_requests_under_way_are_limited_also_when_they_come_at_once(
    api_settings: Settings, requests: RequestLifecycle
) -> None:
    for client in _client(api_settings, max_requests_under_way=3):
        keys = [uuid4().hex for _ in range(12)]

        def click(key: str, client: ApiClient = client) -> Any:
            return client.post("/api/content-items", new_item(), headers={"Idempotency-Key": key})

        with ThreadPoolExecutor(8) as crowd:
            answers = list(crowd.map(click, keys))
        accepted = [answer for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert (len(accepted), len(refused)) == (3, 9)
        error = refused[0].json()["error"]
        assert error["code"] == "too_many_requests_under_way"
        assert (error["details"]["under_way"], error["details"]["limit"]) == (3, 3)
        assert int(refused[0].headers["Retry-After"]) > 0

        # What was accepted is still answered, and making room lets the next one in.
        again = click(keys[answers.index(accepted[0])])
        assert (again.status_code, again.json()) == (202, accepted[0].json())
        assert requests.withdraw(UUID(accepted[0].json()["requestId"]))
        item = f"/api/content-items/{accepted[0].json()['id']}"
        assert client.post(f"{item}/generate").status_code == 202
        assert click(uuid4().hex).status_code == 429


def test_calls_of_one_user_are_limited_and_others_go_on(api_settings: Settings) -> None:
    for client in _client(api_settings, api_user_requests_per_minute=5):
        statuses = [client.get("/api/costs").status_code for _ in range(7)]
        assert statuses == [200] * 5 + [429] * 2
        refused = client.get("/api/costs")
        assert refused.json()["error"]["code"] == "rate_limited"
        assert 1 <= int(refused.headers["Retry-After"]) <= 12
        assert client.as_user(uuid4()).get("/api/costs").status_code == 200


def test_calls_from_one_address_are_limited_before_anything_else(api_settings: Settings) -> None:
    for client in _client(api_settings, api_address_requests_per_minute=5):
        nobody = client.as_user(None)
        statuses = [nobody.get("/api/costs").status_code for _ in range(7)]
        assert statuses == [401] * 5 + [429] * 2
        assert client.get("/healthz").status_code == 200


def test_a_limiter_lets_a_minutes_requests_pass_at_once_and_then_an_even_pace() -> None:
    now = 1000.0
    limiter = RateLimiter(60, clock=lambda: now)
    assert [limiter.wait_s("a") for _ in range(61)] == [0] * 60 + [1]
    now += 0.5
    assert (limiter.wait_s("a"), limiter.wait_s("b")) == (1, 0)
    now += 0.5
    assert (limiter.wait_s("a"), limiter.wait_s("a")) == (0, 1)
    now += 60
    assert [limiter.wait_s("a") for _ in range(60)] == [0] * 60
    assert [RateLimiter(0).wait_s("a") for _ in range(1000)] == [0] * 1000


@pytest.mark.parametrize(
    ("host", "counted_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_customers_network_counts_as_one_address(host: str, counted_as: str) -> None:
    assert caller_address((host, 1)) == counted_as
    assert caller_address(None) == ""


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/content-items?befor=2026-05-01T00:00:00Z", "befor"),
        ("/api/costs?since=1700000000", "since"),
        ("/api/costs?since=2026-05-01", "since"),
        ("/api/costs?since=2026-05-01T00:00Z", "since"),
        ("/api/costs?since=2026-05-01T00:00:00+00:00", "since"),
        ("/api/content-items?before=2026-05-01 00:00:00Z", "before"),
        ("/api/content-items?limit=1_0", "limit"),
        ("/api/content-items?limit=%205", "limit"),
        ("/api/content-items/%7B0b9f7a52-3d0c-4e2e-8f0e-9a4f1f0b7c21%7D", "contentItemId"),
        ("/api/content-items/0b9f7a523d0c4e2e8f0e9a4f1f0b7c21", "contentItemId"),
    ],
)
def test_parameters_are_what_the_document_says(client: ApiClient, path: str, field: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["error"]["details"]["errors"]] == [field]


def test_a_whole_number_is_one_however_it_is_written(client: ApiClient) -> None:
    upload = {"fileName": "a.mp4", "contentType": "video/mp4"}
    for size, status in ((1000.0, 200), (1e3, 200), (1000.5, 422), ("1000", 422), (True, 422)):
        assert client.post("/api/uploads", upload | {"bytes": size}).status_code == status
    assert client.post("/api/content-items", new_item(durationSec=30.0)).status_code == 202


def test_routes_are_all_limited(app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/"):
                assert "429" in operation["responses"], f"{method} {path}"
