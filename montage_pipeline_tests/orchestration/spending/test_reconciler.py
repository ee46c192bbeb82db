"""Rows that no step will close are closed, as exactly as can be known."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from pydantic import SecretStr

from montage_pipeline.composition import Services
from montage_pipeline.costs.ledger import CostEntry, PaidCall, fingerprint_of
from montage_pipeline.definitions import build_definitions
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.orchestration.spending.reconciler import settle_left_behind
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import claude_answer_key
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import CostState, Service, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.fakes.fal_server import FalServer, Fault, JobPlan
from montage_pipeline_tests.music.fal.desk import Desk

AT_ONCE = timedelta(0)
LATER = timedelta(hours=1)
PREDICTED_USD = Decimal("0.01")


@pytest.fixture
def queue() -> Iterator[FalServer]:
    with FalServer() as server:
        yield server


@pytest.fixture
def services(settings: Settings, object_store: ObjectStore, queue: FalServer) -> Iterator[Services]:
    changes = {"fal_queue_url": queue.url, "fal_key": SecretStr("a-key")}
    services = Services(settings.model_copy(update=changes))
    yield services
    services.close()


@pytest.fixture
def request_id(library: ContentLibrary, user: UUID) -> UUID:
    return click(library, user).request_id


@pytest.fixture
def call(user: UUID, request_id: UUID) -> PaidCall:
    return PaidCall(
        user_id=user,
        service=Service.CLAUDE,
        endpoint="/v1/messages",
        montage_request_id=request_id,
        run_id="run",
        asset=Step.CLIP_ANALYSIS,
        fingerprint=fingerprint_of("a question"),
        predicted_usd=PREDICTED_USD,
        predicted_usage={"input_tokens": 1000, "output_tokens": 800},
        price_version="2026-11-22:claude-sonnet-5-5@2026-10-07",
    )


@pytest.fixture
def desk(
    services: Services, queue: FalServer, user: UUID, request_id: UUID, tmp_path: Path
) -> Desk:
    return Desk(services.engine, queue, user, request_id, tmp_path)


def fail(services: Services, request_id: UUID) -> None:
    """What a request goes through that fails for good."""
    failure = RequestFailure(
        code=ErrorCode.RUN_CRASHED, message="m", step=None, attempts=1, run_id="run"
    )
    assert services.requests.start(request_id, "run")
    assert services.requests.fail(request_id, failure)


def warnings_of(services: Services, request_id: UUID) -> tuple[str, ...]:
    """What the request's item says."""
    request = services.requests.get_request(request_id)
    assert request is not None
    item = services.library.find_item(request.content_item_id)
    assert item is not None
    return item.warnings


def settled(services: Services, request_id: UUID, *, most: timedelta = LATER) -> list[CostEntry]:
    """The request's rows once the reconciler has been there."""
    settle_left_behind(services, grace=AT_ONCE, most=most)
    return services.ledger.entries(request_id)


def test_rows_of_a_request_under_way_are_left_to_its_step(
    services: Services, call: PaidCall, request_id: UUID
) -> None:
    services.ledger.mark_sent(services.ledger.open(call))
    [row] = settled(services, request_id)
    assert row.state is CostState.PENDING


def test_a_call_that_was_never_sent_costs_nothing(
    services: Services, call: PaidCall, request_id: UUID
) -> None:
    services.ledger.open(call)
    fail(services, request_id)
    [row] = settled(services, request_id)
    assert (row.state, row.cost_usd) == (CostState.SETTLED, Decimal(0))


def test_a_call_in_flight_is_put_down_at_its_prediction(
    services: Services, call: PaidCall, request_id: UUID
) -> None:
    services.ledger.mark_sent(services.ledger.open(call))
    fail(services, request_id)
    [row] = settled(services, request_id)
    assert (row.state, row.cost_usd) == (CostState.ESTIMATED, PREDICTED_USD)
    assert row.in_doubt
    assert settled(services, request_id) == [row]
    [warning] = warnings_of(services, request_id)
    assert "call to claude" in warning
    assert "$0.0100" in warning


def test_an_answer_that_was_kept_settles_its_row_exactly(
    services: Services, call: PaidCall, request_id: UUID
) -> None:
    usage = {"input_tokens": 2000, "output_tokens": 100}
    kept: dict[str, Any] = {
        "received_at": datetime(2026, 11, 22, tzinfo=UTC).isoformat(),
        "provider_request_id": "req_1",
        "message": {"model": "claude-sonnet-5-5", "usage": usage, "content": []},
    }
    services.ledger.mark_sent(services.ledger.open(call))
    services.store.put_bytes(
        claude_answer_key(request_id, call.fingerprint),
        json.dumps(kept).encode(),
        content_type="application/json",
    )
    fail(services, request_id)
    [row] = settled(services, request_id)
    assert (row.state, row.cost_usd, row.usage, row.provider_request_id) == (
        CostState.SETTLED,
        Decimal("0.005"),
        usage,
        "req_1",
    )


@pytest.mark.parametrize(
    ("most", "state"), [(LATER, CostState.PENDING), (AT_ONCE, CostState.ESTIMATED)]
)
def test_a_store_that_is_away_is_waited_for_but_not_for_ever(
    services: Services,
    call: PaidCall,
    request_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
    most: timedelta,
    state: CostState,
) -> None:
    services.ledger.mark_sent(services.ledger.open(call))
    fail(services, request_id)

    def away(key: str) -> None:
        raise MontageError(ErrorCode.STORE_UNAVAILABLE, f"{key}: the store is away")

    monkeypatch.setattr(services.store, "head", away)
    [row] = settled(services, request_id, most=most)
    assert row.state is state


def test_a_finished_job_is_priced_by_what_fal_bills(
    services: Services, desk: Desk, request_id: UUID
) -> None:
    desk.server.script("result", *[Fault.http(500, {"detail": "oops"})] * 7)
    desk.fails(ErrorCode.MUSIC_UNAVAILABLE)
    fail(services, request_id)

    [row] = settled(services, request_id)
    assert row.state is CostState.PENDING, "fal does not say yet"
    [row] = settled(services, request_id)
    assert (row.state, row.cost_usd) == (CostState.SETTLED, desk.server.charged_usd)
    assert row.usage["billable_units"] == "0.25"
    assert len(desk.server.jobs) == 1


def test_a_failed_job_costs_nothing(services: Services, desk: Desk, request_id: UUID) -> None:
    desk.server.plan(JobPlan(never=True))
    desk.fails(ErrorCode.MUSIC_TIMEOUT, fal_timeout_s=0.05)
    desk.server.jobs[0].plan = JobPlan(polls=0, error="out of memory", billed_units=None)
    fail(services, request_id)
    [row] = settled(services, request_id)
    assert (row.state, row.cost_usd) == (CostState.SETTLED, Decimal(0))


def test_a_job_that_never_ends_waits_until_its_row_is_too_old_and_can_still_be_fetched(
    services: Services, desk: Desk, request_id: UUID
) -> None:
    desk.server.plan(JobPlan(never=True))
    desk.fails(ErrorCode.MUSIC_TIMEOUT, fal_timeout_s=0.05)
    fail(services, request_id)
    [row] = settled(services, request_id)
    assert row.state is CostState.PENDING
    [row] = settled(services, request_id, most=AT_ONCE)
    assert (row.state, row.cost_usd) == (CostState.ESTIMATED, Decimal("0.005"))

    desk.server.finish(desk.server.jobs[0])
    assert desk.buy().provider_request_id == desk.server.jobs[0].id
    assert len(desk.server.jobs) == len(desk.entries()) == 1


def test_rows_that_cannot_be_closed_now_do_not_hide_the_others(
    services: Services, desk: Desk, call: PaidCall, request_id: UUID
) -> None:
    desk.server.plan(JobPlan(never=True))
    desk.fails(ErrorCode.MUSIC_TIMEOUT, fal_timeout_s=0.05)
    services.ledger.mark_sent(services.ledger.open(call))
    fail(services, request_id)
    for _ in range(2):
        [left] = services.ledger.left_behind(grace=AT_ONCE, most=LATER, limit=1)
        settle_left_behind(services, grace=AT_ONCE, most=LATER)
    states = {entry.service: entry.state for entry in services.ledger.entries(request_id)}
    assert states == {Service.FAL: CostState.PENDING, Service.CLAUDE: CostState.ESTIMATED}
    assert left.service is Service.FAL


def test_the_daemon_has_the_sensor(services: Services) -> None:
    definitions = build_definitions(services.settings)
    sensor = definitions.resolve_sensor_def("cost_reconciliation")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, resources={"services": services}) as context,
    ):
        assert "0 cost rows" in str(sensor.evaluate_tick(context).skip_message)
