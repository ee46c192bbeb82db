"""What operators are told, from real rows, once, until it is over."""

import json
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import dagster as dg
import pytest
from sqlalchemy import text

from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode
from montage_pipeline.metrics.faults import Fault
from montage_pipeline.orchestration.watching.alerts import operations_alerts, problems
from montage_pipeline.orchestration.watching.figures import Figures, look
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.clicks import click, finish
from montage_pipeline_tests.orchestration.spending.test_webhook import Receiver

QUIET = Figures(
    oldest_queued_s=0,
    queued=0,
    ended=0,
    failed_by={},
    hour_usd=Decimal(0),
    usual_hour_usd=Decimal(0),
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver(503, 204, 204)
    yield running
    running.close()


@pytest.mark.parametrize(
    ("changes", "alert"),
    [
        ({"oldest_queued_s": 601.0, "queued": 3}, "queue_stands"),
        ({"ended": 5, "failed_by": {Fault.OURS: 1, Fault.PROVIDER: 1}}, "reels_fail"),
        ({"hour_usd": Decimal("1.01")}, "spend_unusual"),
        ({"hour_usd": Decimal(11), "usual_hour_usd": Decimal(2)}, "spend_unusual"),
        ({"hour_usd": Decimal(9), "usual_hour_usd": Decimal(2)}, None),
        ({"ended": 5, "failed_by": {Fault.USER: 5}}, None),
        ({"ended": 5, "failed_by": {Fault.OURS: 1}}, None),
        ({"ended": 4, "failed_by": {Fault.OURS: 4}}, None),
        ({"oldest_queued_s": 599.0}, None),
    ],
)
def test_what_an_operator_is_woken_for(changes: dict[str, object], alert: str | None) -> None:
    found = problems(QUIET.model_copy(update=changes))
    assert list(found) == ([alert] if alert else [])


def test_figures_are_those_of_the_rows(
    services: Services, library: ContentLibrary, user: UUID
) -> None:
    waiting, fine, *bad = (click(library, user).request_id for _ in range(5))
    finish(services.requests, fine)
    for request_id, code in zip(
        bad, (ErrorCode.CLIP_NOT_FOUND, ErrorCode.BAD_RENDER, ErrorCode.CANCELED), strict=True
    ):
        services.requests.start(request_id, "run")
        failure = RequestFailure(
            code=code, message="m", step=Step.CLIP_ANALYSIS, attempts=1, run_id="run"
        )
        assert services.requests.fail(request_id, failure)
    with services.engine.begin() as connection:
        connection.execute(
            text("UPDATE montage_requests SET created_at = now() - interval '20 min' WHERE id=:id"),
            {"id": waiting},
        )
        for age, usd in (("10 min", "0.5"), ("2 days", "16.8"), ("9 days", "1000")):
            connection.execute(
                text(
                    "INSERT INTO api_cost_logs (user_id, service, endpoint, cost_usd, created_at)"
                    f" VALUES (:user, 'fal', 'e', {usd}, now() - interval '{age}')"
                ),
                {"user": user},
            )
    now = look(services.engine)
    assert (now.queued, now.ended) == (1, 4)
    assert now.oldest_queued_s == pytest.approx(1200, abs=30)
    assert now.failed_by == {Fault.USER: 1, Fault.OURS: 1, Fault.STOPPED: 1}
    assert (now.hour_usd, now.usual_hour_usd) == (Decimal("0.5"), Decimal("0.1"))


def test_an_alert_is_told_until_taken_once_and_again_when_it_is_over(
    services: Services, library: ContentLibrary, user: UUID, receiver: Receiver
) -> None:
    settings = services.settings.model_copy(update={"budget_webhook_url": receiver.url})
    telling = Services(settings)
    created = click(library, user)
    with services.engine.begin() as connection:
        connection.execute(
            text("UPDATE montage_requests SET created_at = now() - interval '1 hour'")
        )
    cursor: str | None = None
    sensor = operations_alerts(settings)
    for look_number in range(5):
        if look_number == 3:
            services.requests.withdraw(created.request_id)
        context = dg.build_sensor_context(cursor=cursor, resources={"services": telling})
        sensor(context)
        cursor = context.cursor
    telling.close()

    refused, raised, cleared = (json.loads(body) for _headers, body in receiver.got)
    assert refused == raised
    assert (raised["alert"], raised["state"]) == ("queue_stands", "raised")
    assert raised["message"] == "A request has waited for 60 minutes; 1 wait."
    assert (cleared["alert"], cleared["state"]) == ("queue_stands", "cleared")
    assert (cleared["since"], cleared["id"] != raised["id"]) == (raised["since"], True)
    assert cursor == "{}"
