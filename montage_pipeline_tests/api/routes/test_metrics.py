"""The API's `/metrics`: for who has the token, by route, with nothing of users in it."""

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from montage_pipeline.api.app import create_app
from montage_pipeline.settings import Settings

TOKEN = "of-prometheus-alone"


@pytest.fixture
def watched(api_settings: Settings) -> TestClient:
    """An application with a token for its metrics, not started."""
    settings = api_settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})
    return TestClient(create_app(settings), raise_server_exceptions=False)


def scraped(client: TestClient) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if line[0] != "#"]
    return {name: float(value) for name, _, value in lines}


def test_requests_by_route_and_status(watched: TestClient) -> None:
    for _ in range(3):
        watched.get(f"/api/content-items/{uuid4()}/status")
    watched.get(f"/nothing/{uuid4()}")
    watched.request("BREW", "/healthz")
    found = scraped(watched)
    route = "/api/content-items/{item_id}/status"
    counted = [name for name in found if "content-items" in name and "requests_total" in name]
    assert len(counted) == 1
    assert 'status="401"' in counted[0]
    assert "{" in counted[0].partition('route="')[2], f"a template, as {route}"
    assert found[counted[0]] == 3
    unmatched = 'montage_http_requests_total{method="GET",route="unmatched",status="404"}'
    assert found[unmatched] == 1
    assert any('method="other"' in name for name in found)


def test_strangers_see_none(watched: TestClient, http: TestClient) -> None:
    assert watched.get("/metrics").status_code == 401
    wrong = watched.get("/metrics", headers={"Authorization": "Bearer wrong"})
    assert wrong.json()["error"]["code"] == "unauthenticated"
    assert http.get("/metrics").status_code == 404, "without a token there is no such route"
