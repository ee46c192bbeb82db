"""A client that holds every answer against the OpenAPI document of the application that gave it."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator, FormatChecker

from montage_pipeline.api.auth import issue_token
from montage_pipeline.settings import Settings

_ERROR = {"$ref": "#/components/schemas/ErrorEnvelope"}


class ApiClient:
    """One user's way to the API, or nobody's when `user_id` is None."""

    def __init__(
        self, app: FastAPI, http: TestClient, settings: Settings, user_id: UUID | None
    ) -> None:
        self.app = app
        self.user_id = user_id
        self._settings = settings
        self._http = http
        self._headers = (
            {"Authorization": f"Bearer {issue_token(settings, user_id, ttl_s=600)}"}
            if user_id
            else {}
        )

    def as_user(self, user_id: UUID | None) -> "ApiClient":
        """The same API for somebody else."""
        return ApiClient(self.app, self._http, self._settings, user_id)

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Any:
        """The answer, after it was found to be one that the document promises."""
        answer = self._http.request(
            method, path, headers={**self._headers, **(headers or {})}, **options
        )
        check_contract(self.app.openapi(), method, path, answer)
        return answer

    def get(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options)

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path)

    def patch(self, path: str, body: Any) -> Any:
        return self.request("PATCH", path, json=body)

    def put(self, path: str, body: Any) -> Any:
        return self.request("PUT", path, json=body)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.request("POST", path, **({"json": body} if body is not None else {}), **options)


def check_contract(document: dict[str, Any], method: str, path: str, answer: Any) -> None:
    """Raise unless the operation documents this status, this body and its headers."""
    if answer.status_code == 204:
        described = _operation(document, method, path.split("?")[0]) or {"responses": {}}
        assert "content" not in described["responses"]["204"]
        assert answer.content == b""
        return
    kind = answer.headers["content-type"]
    if kind != "application/json":
        operation = _operation(document, method, path.split("?")[0])
        assert operation is not None
        assert kind in operation["responses"][str(answer.status_code)]["content"]
        return
    assert re.fullmatch(r"[A-Za-z0-9._-]+", answer.headers["x-request-id"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    operation = _operation(document, method, path.split("?")[0])
    if operation is None:
        assert answer.status_code in (404, 405)
        schema = _ERROR
    else:
        responses = operation["responses"]
        assert str(answer.status_code) in responses, (
            f"{method} {path} gave {answer.status_code}: {answer.text}; "
            f"documented: {sorted(responses)}"
        )
        documented = responses[str(answer.status_code)]
        schema = documented["content"]["application/json"]["schema"]
        for name in ("Location", "Retry-After", "Idempotent-Replay", "WWW-Authenticate"):
            assert name not in answer.headers or name in documented.get("headers", {}), (
                f"{name} is not documented for {method} {path}"
            )
    if answer.status_code >= 400:
        assert schema == _ERROR
    Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=FormatChecker()
    ).validate(answer.json())


def _operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    for template, operations in document["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            operation: dict[str, Any] | None = operations.get(method.lower())
            return operation
    return None


def new_item(**changes: Any) -> dict[str, Any]:
    """A body that POST /api/content-items accepts, with changes."""
    return {
        "type": "reel",
        "title": "Sunday at the beach",
        "clipUrls": [
            "https://media.example.com/surf.mp4",
            "https://media.example.com/beach.mp4?token=a%20b",
        ],
        "style": "travel",
        "format": "feed",
        "durationSec": 30,
        **changes,
    }
