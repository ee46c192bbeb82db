"""Events over real sockets, from two API processes' worth of servers on one database."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import fastapi.routing
import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from httpx_sse import ServerSentEvent, connect_sse
from sqlalchemy.engine import Engine

from montage_pipeline.api.app import create_app
from montage_pipeline.api.auth import issue_token
from montage_pipeline.requests.changes import CHANNEL
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.plans import note_plan
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.api.routes.test_content_items import deliver

SOON_S = 5.0
"""Far above what an event takes, far below the 10 s after which a stream looks by itself."""


class RunningApi(NamedTuple):
    """An application behind a socket of its own."""

    url: str
    app: FastAPI
    server: uvicorn.Server


@contextmanager
def running(settings: Settings, port: int = 0) -> Iterator[RunningApi]:
    """An API of its own, on a port that is free unless one is named."""
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, lifespan="on")
    )
    listening = socket.create_server(("127.0.0.1", port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield RunningApi(f"http://127.0.0.1:{listening.getsockname()[1]}", app, server)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def apis(api_settings: Settings) -> Iterator[list[RunningApi]]:
    with running(api_settings) as one, running(api_settings) as other:
        yield [one, other]


@contextmanager
def watching(
    api: RunningApi, settings: Settings, user: UUID | None, item: str, last: str | None = None
) -> Iterator[Iterator[ServerSentEvent]]:
    assert user is not None
    headers = {"Authorization": f"Bearer {issue_token(settings, user, ttl_s=600)}"}
    if last is not None:
        headers["Last-Event-ID"] = last
    with (
        httpx.Client(timeout=SOON_S) as http,
        connect_sse(
            http, "GET", f"{api.url}/api/content-items/{item}/events", headers=headers
        ) as source,
    ):
        assert source.response.status_code == 200
        assert "no-store" in source.response.headers["cache-control"]
        yield source.iter_sse()


def data(event: ServerSentEvent) -> Any:
    return json.loads(event.data)


def test_a_reel_is_watched_from_click_to_draft_in_every_process(
    apis: list[RunningApi],
    api_settings: Settings,
    client: ApiClient,
    requests: RequestLifecycle,
    engine: Engine,
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    item, request = made["id"], UUID(made["requestId"])
    with (
        watching(apis[0], api_settings, client.user_id, item) as here,
        watching(apis[1], api_settings, client.user_id, item) as there,
    ):
        for events in (here, there):
            first = next(events)
            assert first.event == "status"
            assert data(first) == client.get(f"/api/content-items/{item}/status").json()

        requests.start(request, "run-1")
        requests.progress(request, "run-1", Step.CLIP_ANALYSIS, 7, "beach.mp4")
        for events in (here, there):
            at_hand = data(next(events))
            assert (at_hand["progressPercent"], at_hand["progressDetail"]) == (7, "beach.mp4")

        assert note_plan(engine, request, "run-1")
        for events in (here, there):
            plan = next(events)
            assert (plan.event, data(plan)["requestId"]) == ("plan", str(request))
            assert next(events).event == "status"

        deliver(requests, str(request))
        for events in (here, there):
            done = next(events)
            assert data(done)["status"] == "draft"
            assert data(done)["generatedMediaUrl"] == "https://cdn/x.mp4"
            assert next(events, None) is None  # the stream ends by itself


def test_who_comes_back_is_told_what_they_missed_and_nothing_twice(
    apis: list[RunningApi],
    api_settings: Settings,
    client: ApiClient,
    requests: RequestLifecycle,
    engine: Engine,
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    item, request = made["id"], UUID(made["requestId"])
    with watching(apis[0], api_settings, client.user_id, item) as events:
        seen = next(events).id

    requests.start(request, "run-1")
    note_plan(engine, request, "run-1")
    requests.progress(request, "run-1", Step.RENDERED_VIDEO, 50)
    with watching(apis[1], api_settings, client.user_id, item, seen) as events:
        missed = [next(events), next(events)]
        assert [event.event for event in missed] == ["plan", "status"]
        assert data(missed[1])["progressPercent"] == 50

    with watching(apis[1], api_settings, client.user_id, item, missed[1].id) as events:
        requests.progress(request, "run-1", Step.RENDERED_VIDEO, 60)
        news = next(events)
        assert (news.event, data(news)["progressPercent"]) == ("status", 60)

    deliver(requests, str(request))
    with watching(apis[0], api_settings, client.user_id, item, news.id) as events:
        last = list(events)
        assert [event.event for event in last] == ["status"]
    # Browsers come back until they are told that nothing more will come.
    path = f"{apis[0].url}/api/content-items/{item}/events"
    token = issue_token(api_settings, UUID(str(client.user_id)), ttl_s=60)
    headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": last[0].id}
    assert httpx.get(path, headers=headers).status_code == 204


def test_nobody_watches_what_is_not_theirs(client: ApiClient, client_for: Any) -> None:
    made = client.post("/api/content-items", new_item()).json()
    path = f"/api/content-items/{made['id']}/events"
    assert client_for(uuid4()).get(path).status_code == 404
    assert client_for(None).get(path).status_code == 401
    assert client.get(path, headers={"Last-Event-ID": "yesterday"}).status_code == 422


def test_waiting_takes_one_connection_in_all_and_leaving_gives_everything_back(
    apis: list[RunningApi],
    api_settings: Settings,
    client: ApiClient,
    requests: RequestLifecycle,
    engine: Engine,
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    changes = apis[0].app.state.services.changes
    before = changes.waiting
    streams = [watching(apis[0], api_settings, client.user_id, made["id"]) for _ in range(25)]
    opened = [stream.__enter__() for stream in streams]
    for events in opened:
        assert next(events).event == "status"
    assert changes.waiting == before + 25
    # More than the pool of 20 has, and yet none stays in use.
    pool = apis[0].app.state.services.engine.pool
    deadline = time.monotonic() + SOON_S
    while pool.checkedout() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert pool.checkedout() == 0
    with engine.connect() as connection:
        listening = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'montage-listen' "
            "AND datname = current_database()"
        ).scalar()
    assert listening in (1, 2)  # one for each API that was ever watched

    for stream in streams:
        stream.__exit__(None, None, None)
    deadline = time.monotonic() + SOON_S
    while changes.waiting > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert changes.waiting == before


def test_a_broken_listening_connection_is_made_again(
    apis: list[RunningApi], api_settings: Settings, client: ApiClient, requests: RequestLifecycle
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    request = UUID(made["requestId"])
    requests.start(request, "run-1")
    with watching(apis[0], api_settings, client.user_id, made["id"]) as events:
        next(events)
        with psycopg.connect(api_settings.database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'montage-listen' AND datname = current_database()"
            )
        requests.progress(request, "run-1", Step.MUSIC_TRACK, 30)
        assert data(next(events))["progressPercent"] == 30


def test_a_server_that_stops_does_not_wait_for_its_streams(
    api_settings: Settings, client: ApiClient
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    with (
        running(api_settings) as api,
        watching(api, api_settings, client.user_id, made["id"]) as events,
    ):
        next(events)
        began_s = time.monotonic()
        api.server.should_exit = True
        # What the client sees: an end, or a broken connection; then it comes back.
        with suppress(httpx.TransportError):
            list(events)
        assert time.monotonic() - began_s < SOON_S


def test_an_idle_stream_has_a_heartbeat(
    apis: list[RunningApi],
    api_settings: Settings,
    client: ApiClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.2)
    made = client.post("/api/content-items", new_item()).json()
    token = issue_token(api_settings, UUID(str(client.user_id)), ttl_s=60)
    path = f"{apis[0].url}/api/content-items/{made['id']}/events"
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("GET", path, headers=headers, timeout=SOON_S) as answer:
        beats = (line for line in answer.iter_lines() if line.startswith(":"))
        assert next(beats) == ": ping"


def test_a_change_that_is_rolled_back_is_not_announced(
    api_settings: Settings, client: ApiClient
) -> None:
    item = client.post("/api/content-items", new_item()).json()["id"]

    async def heard() -> list[str]:
        connection = await psycopg.AsyncConnection.connect(
            api_settings.database_url, autocommit=True
        )
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            change = "UPDATE content_items SET title = %s WHERE id = %s"
            with psycopg.connect(api_settings.database_url) as changing:
                changing.execute(change, ("taken back", item))
                changing.rollback()
                changing.execute(change, ("kept", item))
            return [told.payload async for told in connection.notifies(timeout=1, stop_after=2)]

    assert asyncio.run(heard()).count(item) == 1
