"""What holds for every request: one form of errors, ids, limits, headers, no stack traces."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog
from fastapi.testclient import TestClient

from montage_pipeline.api.app import create_app
from montage_pipeline.settings import Settings
from montage_pipeline_tests.api.contract import ApiClient, check_contract, new_item

_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/content-items/", 404, "not_found"),
        ("PUT", "/api/content-items", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_unknown_paths_and_methods_answer_in_the_same_form(
    method: str, path: str, status: int, code: str, client: ApiClient
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("{", "application/json"),
        ("[]", "application/json"),
        ("{}", "text/plain"),
        ("", "application/json"),
        ('{"a": NaN}', "application/json"),
    ],
)
def test_a_body_that_is_no_object_is_refused(
    content: str, content_type: str, client: ApiClient
) -> None:
    answer = client.post(
        "/api/content-items", content=content, headers={"Content-Type": content_type}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error")


def test_a_body_is_only_read_up_to_its_limit(client: ApiClient, http: TestClient) -> None:
    too_much = b'{"title": "' + b"x" * 200_000 + b'"}'
    announced = client.post(
        "/api/content-items", content=too_much, headers={"Content-Type": "application/json"}
    )
    assert (announced.status_code, announced.json()["error"]["code"]) == (413, "request_too_large")

    taken_bytes = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken_bytes
        for _ in range(1000):
            taken_bytes += 10_000
            yield b"x" * 10_000

    streamed = client.post(
        "/api/content-items", content=endless(), headers={"Content-Type": "application/json"}
    )
    assert (streamed.status_code, streamed.json()["error"]["code"]) == (413, "request_too_large")


def test_the_largest_request_that_is_allowed_fits(client: ApiClient) -> None:
    url = "https://media.example.com/"
    body = new_item(title="é" * 200, clipUrls=[url + "a" * (4096 - len(url))] * 5)
    assert client.post("/api/content-items", body).status_code == 202


def test_the_request_id_goes_through_to_the_log(client: ApiClient) -> None:
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as lines:
        given = client.post("/api/content-items", new_item(), headers={"X-Request-Id": "trace-42"})
        assert given.headers["X-Request-Id"] == "trace-42"
        for bad in ("a b", "x" * 129, "<script>"):
            made = client.get("/healthz", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
            assert len(made) == 32
    # The application does other things in the background, and logs them, too.
    lines = [line for line in lines if "http_request_id" in line]
    mine = [line for line in lines if line["http_request_id"] == "trace-42"]
    assert [line["event"] for line in mine] == ["generation_requested", "http_request"]
    assert all(line["user_id"] == str(client.user_id) for line in mine)
    assert mine[0]["request_id"] == given.json()["requestId"]
    assert (mine[1]["method"], mine[1]["path"], mine[1]["status"]) == (
        "POST",
        "/api/content-items",
        202,
    )
    assert not any("user_id" in line for line in lines if line not in mine)


def test_a_bug_is_logged_and_not_shown(api_settings: Settings) -> None:
    app = create_app(api_settings)

    @app.get("/bug", include_in_schema=False)
    def bug() -> None:
        raise RuntimeError("the secret inside")

    with (
        TestClient(app, raise_server_exceptions=False) as http,
        structlog.testing.capture_logs() as lines,
    ):
        answer = http.get("/bug", headers={"X-Request-Id": "trace-43"})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert answer.json()["error"]["details"] == {"requestId": "trace-43"}
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert any(line["event"] == "unexpected_error" and line.get("exc_info") for line in lines)


def test_a_database_outage_is_answered_as_one(api_settings: Settings) -> None:
    settings = api_settings.model_copy(
        update={"database_url": "postgresql://montage@127.0.0.1:1/montage"}
    )
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as http:
        client = ApiClient(app, http, settings, uuid4())
        answer = client.get("/api/content-items")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_unavailable")
        assert "127.0.0.1" not in answer.text
        assert client.get("/healthz").status_code == 200


def test_browsers_of_named_origins_may_read_every_answer(api_settings: Settings) -> None:
    app = create_app(
        api_settings.model_copy(
            update={"api_cors_origins": "https://app.example.com, https://staging.example.com"}
        )
    )
    with TestClient(app) as http:
        preflight: dict[str, Any] = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, idempotency-key",
        }
        allowed = http.options(
            "/api/content-items", headers={"Origin": "https://app.example.com", **preflight}
        )
        assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (
            200,
            "https://app.example.com",
        )
        refused = http.options(
            "/api/content-items", headers={"Origin": "https://evil.example", **preflight}
        )
        assert "Access-Control-Allow-Origin" not in refused.headers
        answer = http.get("/api/content-items", headers={"Origin": "https://staging.example.com"})
        check_contract(app.openapi(), "GET", "/api/content-items", answer)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (
            401,
            "https://staging.example.com",
        )


def test_no_origin_is_allowed_unless_named(http: TestClient) -> None:
    assert (
        "Access-Control-Allow-Origin"
        not in http.get("/healthz", headers={"Origin": "https://app.example.com"}).headers
    )


def test_half_a_character_is_refused_and_not_a_fault(client: ApiClient) -> None:
    for field in ("title", "captions", "prompt"):
        body = json.dumps(new_item(**{field: "a\ud83d"}))
        answer = client.post("/api/content-items", content=body, headers=_JSON)
        problems = answer.json()["error"]["details"]["errors"]
        assert (answer.status_code, problems[0]["field"]) == (422, field)


def test_a_refused_method_is_told_all_that_are_answered(client: ApiClient) -> None:
    assert client.request("PUT", "/api/content-items").headers["Allow"] == "GET, POST"
    assert client.request("DELETE", "/api/costs").headers["Allow"] == "GET"
