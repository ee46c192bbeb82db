"""Costs are the user's own and exact to the last digit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.requests.tables import ApiCostLogRow
from montage_pipeline.vocabulary import CostState, Service
from montage_pipeline_tests.api.contract import ApiClient, new_item


def test_sums_and_rows_are_exact(
    client: ApiClient, client_for: Callable[[UUID], ApiClient], engine: Engine
) -> None:
    accepted = client.post("/api/content-items", new_item()).json()
    now = datetime.now(UTC)
    with Session(engine) as session, session.begin():
        for service, cost_usd, age_days in (
            (Service.CLAUDE, "0.010000000005", 0),
            (Service.CLAUDE, "0.1", 1),
            (Service.FAL, "0.2", 2),
            (Service.FAL, "0", 40),
        ):
            session.add(
                ApiCostLogRow(
                    user_id=client.user_id,
                    service=service,
                    endpoint="messages",
                    cost_usd=Decimal(cost_usd),
                    state=CostState.SETTLED,
                    montage_request_id=UUID(accepted["requestId"]),
                    usage={"input_tokens": 12},
                    created_at=now - timedelta(days=age_days),
                )
            )
    everything = client.get("/api/costs").json()
    assert everything["since"] is None
    assert Decimal(everything["totalUsd"]) == Decimal("0.310000000005")
    assert {service: Decimal(sum_usd) for service, sum_usd in everything["byService"].items()} == {
        "claude": Decimal("0.110000000005"),
        "fal": Decimal("0.2"),
    }
    assert [Decimal(row["costUsd"]) for row in everything["rows"]] == [
        Decimal(text) for text in ("0.010000000005", "0.1", "0.2", "0")
    ]
    assert everything["rows"][0]["montageRequestId"] == accepted["requestId"]
    assert everything["rows"][0]["usage"] == {"input_tokens": 12}

    since = (now - timedelta(hours=1)).isoformat()
    recent = client.get("/api/costs", params={"since": since}).json()
    assert Decimal(recent["totalUsd"]) == Decimal("0.010000000005")
    assert datetime.fromisoformat(recent["since"]) == datetime.fromisoformat(since)
    assert len(recent["rows"]) == 1
    for wrong in ("2026-05-01", "2026-05-01T00:00:00", "9999-12-31T23:59:59-14:00"):
        assert client.get("/api/costs", params={"since": wrong}).status_code == 422

    item = {"contentItemId": accepted["id"]}
    assert client.get("/api/costs", params=item).json()["rows"] == everything["rows"]
    other = client.post("/api/content-items", new_item()).json()["id"]
    of_other = client.get("/api/costs", params={"contentItemId": other}).json()
    assert (of_other["totalUsd"], of_other["rows"]) == ("0", [])
    assert client_for(uuid4()).get("/api/costs", params=item).json()["rows"] == []

    stranger = client_for(uuid4()).get("/api/costs").json()
    assert (stranger["totalUsd"], stranger["byService"], stranger["rows"]) == ("0", {}, [])
