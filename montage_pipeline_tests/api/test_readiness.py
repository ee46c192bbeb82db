"""/readyz names what is missing, quickly, however it is missing."""

import socket
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from montage_pipeline.api.app import create_app
from montage_pipeline.settings import Settings
from montage_pipeline_tests.api.contract import ApiClient, check_contract


def test_ready_when_everything_answers(client: ApiClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.text
    checks = answer.json()["checks"]
    assert {name: check["problem"] for name, check in checks.items()} == {
        "database": None,
        "migrations": None,
        "objectStore": None,
    }


def problems(settings: Settings) -> dict[str, Any]:
    """What /readyz of an application with these settings finds wrong."""
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as http:
        answer = http.get("/readyz")
        check_contract(app.openapi(), "GET", "/readyz", answer)
        assert http.get("/healthz").status_code == 200
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    checks = answer.json()["error"]["details"]["checks"]
    return {name: check["problem"] for name, check in checks.items() if check["problem"]}


def test_a_dead_database(api_settings: Settings) -> None:
    found = problems(
        api_settings.model_copy(update={"database_url": "postgresql://montage@127.0.0.1:1/montage"})
    )
    assert found == {"database": "cannot be reached", "migrations": "cannot be reached"}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_database_that_hangs_does_not_hang_the_probe(
    api_settings: Settings, silent_port: int
) -> None:
    begun = time.monotonic()
    found = problems(
        api_settings.model_copy(
            update={"database_url": f"postgresql://montage@127.0.0.1:{silent_port}/montage"}
        )
    )
    assert time.monotonic() - begun < 15
    assert set(found) == {"database", "migrations"}


def test_a_store_that_hangs_does_not_hang_the_probe(
    api_settings: Settings, silent_port: int
) -> None:
    begun = time.monotonic()
    found = problems(
        api_settings.model_copy(update={"r2_endpoint_url": f"http://127.0.0.1:{silent_port}"})
    )
    assert time.monotonic() - begun < 15
    assert found == {"objectStore": "does not answer in time"}


def test_a_bucket_that_is_not_there(api_settings: Settings) -> None:
    assert problems(api_settings.model_copy(update={"r2_bucket": f"missing-{uuid4().hex}"})) == {
        "objectStore": "store_refused"
    }


def test_a_schema_that_is_behind(api_settings: Settings, empty_database: str) -> None:
    settings = api_settings.model_copy(update={"database_url": empty_database})
    assert problems(settings) == {"migrations": "migrations_pending"}
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as http:
        answer = ApiClient(app, http, settings, uuid4()).get("/api/content-items")
    assert answer.status_code == 500
    assert "users" not in answer.text
