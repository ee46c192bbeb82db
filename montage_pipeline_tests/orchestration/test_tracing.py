"""One trace for each click: the API's request, the steps wherever they run, the paid calls."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import dagster as dg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from montage_pipeline import tracing
from montage_pipeline.api.app import create_app
from montage_pipeline.api.auth import issue_token
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import upload_key
from montage_pipeline.vocabulary import ContentStatus
from montage_pipeline_tests.fakes.fal_server import FalServer
from montage_pipeline_tests.fakes.otlp_receiver import OtlpReceiver
from montage_pipeline_tests.orchestration.conftest import add_partition, run_montage


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpReceiver]:
    """A collector, and a process that sends it nothing yet."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")
    monkeypatch.setattr(tracing._State, "provider", None)
    with OtlpReceiver() as receiver:
        yield receiver
        if tracing._State.provider is not None:
            tracing._State.provider.shutdown()


def test_a_click_is_one_trace_through_every_step_and_paid_call(
    collector: OtlpReceiver,
    with_fal: Settings,
    queue: FalServer,
    instance: dg.DagsterInstance,
    clip: Path,
) -> None:
    settings = with_fal.model_copy(
        update={
            "otlp_endpoint": collector.url,
            "jwt_secret": SecretStr("a-secret-of-the-tests-that-is-long-enough"),
        }
    )
    user = uuid4()
    key = upload_key(user, uuid4(), "moving.mp4")
    Services(settings).store.put_file(key, clip, content_type="video/mp4")
    body = {
        "type": "reel",
        "clipUrls": [f"s3://{settings.r2_bucket}/{key}"],
        "style": "dynamic",
        "format": "square",
        "durationSec": 8,
    }
    with TestClient(create_app(settings)) as api:
        token = issue_token(settings, user, ttl_s=60)
        answer = api.post(
            "/api/content-items", json=body, headers={"Authorization": f"Bearer {token}"}
        )
    assert answer.status_code == 202, answer.text

    services = Services(settings)
    item, request = UUID(answer.json()["id"]), UUID(answer.json()["requestId"])
    stored = services.requests.get_request(request)
    assert stored is not None
    created = CreatedRequest(
        content_item_id=item,
        request_id=request,
        partition_key=stored.partition_key,
        status=ContentStatus.GENERATING,
    )
    partition = add_partition(instance, created)
    assert run_montage(services, instance, partition, "clip_analysis", "music_track").success
    services.close()

    spans = {span.name: span for span in collector.spans}
    click = spans["http"]
    assert click.attributes["montage.route"] == "/api/content-items"
    assert click.attributes["montage.status"] == "202"
    for step in ("clip_analysis", "music_track"):
        assert spans[step].parent_id == click.span_id
        assert spans[step].attributes["montage.request_id"] == str(request)
    [paid] = [span for span in collector.spans if span.name.startswith("fal ")]
    assert paid.parent_id == spans["music_track"].span_id
    assert paid.attributes["montage.cost_id"]
    assert {span.trace_id for span in collector.spans} == {click.trace_id}
    assert clip.name not in str(collector.spans), "nothing that users gave"


def test_an_error_is_told_by_its_code_and_not_by_its_words(collector: OtlpReceiver) -> None:
    tracing.configure(Settings(otlp_endpoint=collector.url), "test")

    def fail() -> None:
        with (
            tracing.continued("00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
            tracing.span("a step"),
        ):
            assert tracing.current_traceparent() is not None
            raise PermanentError(ErrorCode.CLIP_FAILED, "holiday-with-anna.mp4 is broken")

    with pytest.raises(PermanentError):
        fail()
    tracing.flush()
    [span] = collector.spans
    assert (span.status, span.trace_id, span.parent_id) == ("clip_failed", "a" * 32, "b" * 16)
    assert "anna" not in str(span)


def test_without_a_collector_there_is_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing._State, "provider", None)
    tracing.configure(Settings(), "test")
    with tracing.continued("00-" + "a" * 32 + "-" + "b" * 16 + "-01"), tracing.span("a step"):
        assert tracing.current_traceparent() is None
