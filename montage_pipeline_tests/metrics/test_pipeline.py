"""The pipeline's metrics are the rows: what stands, and what ended since the last scrape, once."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, text

from montage_pipeline.costs.ledger import CostLedger, PaidCall, fingerprint_of
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.metrics import pipeline as module
from montage_pipeline.metrics.pipeline import PipelineMetrics
from montage_pipeline.metrics.serving import MetricsServer, exposition
from montage_pipeline.requests.attempts.measures import RunMeasures, note_measures
from montage_pipeline.requests.attempts.tries import StepTries, Try
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Service, Step
from montage_pipeline_tests.clicks import REEL, click


@pytest.fixture
def metrics(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> PipelineMetrics:
    """That see a row as soon as it is there."""
    monkeypatch.setattr(module, "SETTLING", timedelta())
    found = PipelineMetrics(engine)
    found.update()
    return found


def values(metrics: PipelineMetrics) -> dict[str, float]:
    """Every series after an update, by its name and labels."""
    metrics.update()
    lines = exposition(metrics.registry).decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


def call_of(user: UUID, request: UUID, service: Service) -> PaidCall:
    return PaidCall(
        user_id=user,
        service=service,
        endpoint="/v1",
        montage_request_id=request,
        run_id="run",
        asset="clip_analysis",
        fingerprint=fingerprint_of(service),
        predicted_usd=Decimal("0.02"),
    )


def test_a_request_on_its_way(
    metrics: PipelineMetrics,
    engine: Engine,
    library: ContentLibrary,
    requests: RequestLifecycle,
    user: UUID,
) -> None:
    waiting, made = click(library, user), click(library, user)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE montage_requests SET created_at = now() - interval '70 s',"
                " not_before = now() + interval '1 h' WHERE id = :id"
            ),
            {"id": waiting.request_id},
        )
    found = values(metrics)
    assert found['montage_requests{state="queued"}'] == 2
    assert found["montage_queue_depth"] == 1, "the other waits for something to pass"
    assert found["montage_oldest_queued_seconds"] < 60, "what may not start yet does not count"

    with engine.begin() as connection:
        connection.execute(
            text("UPDATE montage_requests SET not_before = now() - interval '30 s' WHERE id = :id"),
            {"id": waiting.request_id},
        )
    assert 30 <= values(metrics)["montage_oldest_queued_seconds"] < 60

    assert requests.start(made.request_id, "run")
    requests.note_step(made.request_id, Step.RENDERED_VIDEO, 42.0)
    measures = RunMeasures(chunks=8, chunks_reused=2, render_speed=0.8)
    note_measures(engine, made.request_id, "run", measures)
    note_measures(
        engine,
        made.request_id,
        "a run that lost it",
        RunMeasures(chunks=1, chunks_reused=1, render_speed=9),
    )
    failed = Try(
        step=Step.CLIP_ANALYSIS,
        number=1,
        code=ErrorCode.ANALYSIS_RATE_LIMITED,
        message="slow down",
        run_id="run",
        at=datetime.now(UTC),
    )
    assert StepTries(engine).note(made.request_id, failed) == 1
    found = values(metrics)
    assert found['montage_requests{state="running"}'] == 1
    assert (
        found['montage_step_failures_total{code="analysis_rate_limited",step="clip_analysis"}'] == 1
    )
    assert found['montage_requests_finished_total{fault="",state="succeeded"}'] == 0

    assert requests.succeed(made.request_id, "run", REEL)
    for _scrape in range(3):  # what was counted is not counted again
        found = values(metrics)
        assert found['montage_requests_finished_total{fault="",state="succeeded"}'] == 1
        assert found['montage_step_seconds_sum{step="rendered_video"}'] == 42
        assert found['montage_step_seconds_bucket{le="60.0",step="rendered_video"}'] == 1
        assert found['montage_step_seconds_bucket{le="30.0",step="rendered_video"}'] == 0
        assert found['montage_chunks_total{source="reused"}'] == 2
        assert found['montage_chunks_total{source="encoded"}'] == 6
        assert found["montage_render_speed_sum"] == 0.8
        assert (
            found['montage_step_failures_total{code="analysis_rate_limited",step="clip_analysis"}']
            == 1
        )


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (ErrorCode.CLIP_UNREADABLE, "user"),
        (ErrorCode.ANALYSIS_UNAVAILABLE, "provider"),
        (ErrorCode.STORE_UNAVAILABLE, "ours"),
    ],
)
def test_failures_are_told_apart_by_whose_fault_they_are(
    metrics: PipelineMetrics,
    library: ContentLibrary,
    requests: RequestLifecycle,
    user: UUID,
    code: ErrorCode,
    fault: str,
) -> None:
    request_id = click(library, user).request_id
    assert requests.start(request_id, "run")
    failure = RequestFailure(code=code, message="no", step=None, attempts=1, run_id="run")
    assert requests.fail(request_id, failure)
    found = values(metrics)
    failed = {
        name: value
        for name, value in found.items()
        if name.startswith("montage_requests_finished_total") and 'state="failed"' in name
    }
    assert len(failed) == 4, "each is 0 before it happens, and not absent"
    assert [name for name, value in failed.items() if value] == [
        f'montage_requests_finished_total{{fault="{fault}",state="failed"}}'
    ]


def test_money(
    metrics: PipelineMetrics, engine: Engine, library: ContentLibrary, user: UUID
) -> None:
    ledger, request = CostLedger(engine), click(library, user).request_id
    open_calls = [ledger.open(call_of(user, request, Service.CLAUDE)) for _ in range(3)]
    assert values(metrics)['montage_pending_calls{service="claude"}'] == 3

    ledger.settle(open_calls[0], cost_usd=Decimal("0.03"), usage={}, price_version="v")
    ledger.close_free(open_calls[1], {"error": "not_sent"})
    ledger.close_in_doubt(open_calls[2], "interrupted")
    for _scrape in range(2):
        found = values(metrics)
        assert found['montage_pending_calls{service="claude"}'] == 0
        assert found['montage_cost_usd_total{service="claude"}'] == pytest.approx(0.05)
        assert found['montage_predicted_usd_total{service="claude"}'] == pytest.approx(0.04)
        for outcome in ("charged", "free", "in_doubt"):
            name = f'montage_provider_calls_total{{outcome="{outcome}",service="claude"}}'
            assert found[name] == 1


def test_a_database_that_is_away_is_told_and_nothing_is_lost(
    metrics: PipelineMetrics, engine: Engine, library: ContentLibrary, user: UUID
) -> None:
    ledger, request = CostLedger(engine), click(library, user).request_id
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    metrics._engine = away
    assert values(metrics)["montage_database_up"] == 0
    entry = ledger.open(call_of(user, request, Service.FAL))
    ledger.settle(entry, cost_usd=Decimal(1), usage={}, price_version="v")
    metrics._engine = engine
    found = values(metrics)
    assert found["montage_database_up"] == 1
    assert found['montage_cost_usd_total{service="fal"}'] == 1


def test_labels_have_few_values_and_no_ids(
    metrics: PipelineMetrics, library: ContentLibrary, user: UUID
) -> None:
    for _ in range(20):
        click(library, user, title="nobody's business")
    before = set(values(metrics))
    assert len(before) < 200
    assert not [name for name in before if re.search(r"[0-9a-f]{8}-|business", name)]


@pytest.fixture
def server(metrics: PipelineMetrics) -> Iterator[MetricsServer]:
    import threading

    settings = Settings(metrics_token=SecretStr("s3cret"), metrics_port=0)
    server = MetricsServer(settings, metrics.registry, metrics.update)
    threading.Thread(target=server.serve, daemon=True).start()
    yield server
    server.close()


def test_only_who_knows_the_token_reads_them(server: MetricsServer) -> None:
    import httpx

    url = f"http://127.0.0.1:{server.port}/metrics"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 401
    answer = httpx.get(url, headers={"Authorization": "Bearer s3cret"})
    assert answer.status_code == 200
    assert "montage_database_up 1.0" in answer.text
    assert httpx.get(url.replace("/metrics", "/")).status_code == 404


def test_an_open_port_needs_a_token(metrics: PipelineMetrics) -> None:
    with pytest.raises(PermanentError, match="MONTAGE_METRICS_TOKEN") as refused:
        MetricsServer(Settings(metrics_host="0.0.0.0"), metrics.registry, metrics.update)
    assert refused.value.code is ErrorCode.BAD_SETTING
