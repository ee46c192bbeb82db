"""One user cannot have event streams without end; others, and later ones, are served."""

from contextlib import ExitStack
from uuid import UUID, uuid4

import httpx
import pytest

from montage_pipeline.api.auth import issue_token
from montage_pipeline.settings import Settings
from montage_pipeline_tests.api.contract import new_item
from montage_pipeline_tests.api.routes.test_events import RunningApi, running

LIMIT = 2


def _headers(settings: Settings, user: UUID) -> dict[str, str]:
    token = issue_token(settings, user, email="somebody@example.org", ttl_s=600)
    return {"Authorization": f"Bearer {token}"}


def _events_of(api: RunningApi, headers: dict[str, str]) -> str:
    body = new_item()
    made = httpx.post(f"{api.url}/api/content-items", json=body, headers=headers, timeout=30)
    return f"{api.url}/api/content-items/{made.json()['id']}/events"


@pytest.mark.timeout(120)
def test_streams_of_one_user_are_limited(api_settings: Settings) -> None:
    mine, others = (_headers(api_settings, uuid4()) for _ in range(2))
    settings = api_settings.model_copy(update={"api_user_event_streams": LIMIT})
    with running(settings) as api, httpx.Client(timeout=30) as client, ExitStack() as streams:
        path = _events_of(api, mine)
        open_ones = [
            streams.enter_context(client.stream("GET", path, headers=mine)) for _ in range(LIMIT)
        ]
        assert [stream.status_code for stream in open_ones] == [200] * LIMIT
        # An iterator that is let go closes its stream. One that has begun is counted.
        events = [stream.iter_lines() for stream in open_ones]
        assert all(next(lines) for lines in events)

        refused = client.get(path, headers=mine)
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "too_many_event_streams"
        assert refused.json()["error"]["details"]["limit"] == LIMIT
        assert int(refused.headers["Retry-After"]) > 0
        # Polling goes on, and so do others.
        status = client.get(path.replace("/events", "/status"), headers=mine)
        assert status.status_code == 200
        theirs = _events_of(api, others)
        with client.stream("GET", theirs, headers=others) as stream:
            assert stream.status_code == 200

        open_ones[0].close()
        _wait_for_room(client, path, mine)


def _wait_for_room(client: httpx.Client, path: str, headers: dict[str, str]) -> None:
    """Until the server has noticed that one stream was left."""
    while True:
        with client.stream("GET", path, headers=headers) as stream:
            if stream.status_code == 200:
                return
