"""The views say what the ledger says: every one against sums made in Python, to the last digit."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from montage_pipeline.requests.analytics.views import VIEWS
from montage_pipeline.vocabulary import CostState, RequestState
from montage_pipeline_tests.ledgers import Ledger, Row, fill, utc

ZERO = Decimal(0)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Three weeks, across the end of a month."""
    return fill(engine, until=utc(2026, 11, 10))


def rows_of(engine: Engine, view: str, columns: str) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM {view}"))]
    assert len(found) == len(set(found))
    return set(found)


def day_of(row: Row) -> date:
    created: date = row["created_at"].date()
    return created


def model_of(ledger: Ledger, call: Row) -> str:
    versions = [bought["price_version"] for bought in bought_for(ledger, call)]
    version = call["price_version"] or max(filter(None, versions), default=None)
    if version:
        return str(version).split(":")[1].split("@")[0]
    return str(call["endpoint"]) if call["service"] == "fal" else "unknown"


def bought_for(ledger: Ledger, call: Row) -> list[Row]:
    """What the request had paid whose purchase a call used again."""
    return [
        bought
        for bought in ledger.calls
        if str(bought["montage_request_id"]) == call["usage"].get("reused_from")
        and bought["asset"] == call["asset"]
    ]


def waste_of(ledger: Ledger, call: Row) -> str | None:
    if call["cost_usd"] == 0:
        return None
    if call["usage"].get("uncertain"):
        return "in_doubt"
    if "unusable" in call["usage"]:
        return "unusable_answer"
    if any(
        again["fingerprint"] == call["fingerprint"]
        and again["cost_usd"] > 0
        and again["created_at"] > call["created_at"]
        for again in ledger.calls
    ):
        return "bought_again"
    request = ledger.request_of(call)
    ended = {RequestState.FAILED: "request_failed", RequestState.CANCELED: "request_canceled"}
    return ended.get(request["state"]) if request else None


def grouped(
    rows: Iterable[Row], key: Callable[[Row], tuple[Any, ...]]
) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def total(calls: Iterable[Row], name: str = "cost_usd") -> Decimal:
    return sum((call[name] or ZERO for call in calls), ZERO)


def test_cost_by_day(engine: Engine, ledger: Ledger) -> None:
    groups = grouped(
        ledger.calls,
        lambda c: (
            day_of(c),
            c["service"].value,
            model_of(ledger, c),
            c["asset"],
            c["state"].value,
        ),
    )
    expected = {
        (
            *key,
            len(calls),
            len({c["montage_request_id"] for c in calls}),
            total(calls),
            total(calls, "predicted_usd"),
        )
        for key, calls in groups.items()
    }
    columns = "day, service, model, step, state, calls, requests, cost_usd, predicted_usd"
    assert rows_of(engine, "analytics.cost_by_day", columns) == expected


def test_cost_by_request_and_by_reel(engine: Engine, ledger: Ledger) -> None:
    calls_of = grouped(ledger.calls, lambda call: (call["montage_request_id"],))
    costs: dict[Any, tuple[Any, ...]] = {}
    for request in ledger.requests:
        calls = calls_of.get((request["id"],), [])
        music = [call for call in calls if call["asset"] == "music_track"]
        wasted = [call for call in calls if waste_of(ledger, call)]
        costs[request["id"]] = (len(calls), total(calls), total(music), total(wasted))
    columns = "request_id, day, delivered, calls, cost_usd, music_usd, wasted_usd"
    assert rows_of(engine, "analytics.cost_by_request", columns) == {
        (request["id"], day_of(request), request["state"] == "succeeded", *costs[request["id"]])
        for request in ledger.requests
    }

    reels = set()
    for (item,), requests in grouped(ledger.requests, lambda r: (r["content_item_id"],)).items():
        delivered = [r for r in requests if r["state"] == "succeeded"]
        if delivered:
            day = min(r["finished_at"] for r in delivered).date()
            cost = sum((costs[r["id"]][1] for r in requests), ZERO)
            reels.add((item, day, len(requests), len(delivered), cost))
    columns = "item_id, day, requests, deliveries, cost_usd"
    assert rows_of(engine, "analytics.cost_by_reel", columns) == reels


def test_cost_by_style_and_by_user(engine: Engine, ledger: Ledger) -> None:
    calls_of = grouped(ledger.calls, lambda call: (call["montage_request_id"],))
    by_style = grouped(
        ledger.requests,
        lambda r: (day_of(r), r["style"], r["format"].value, r["duration_sec"]),
    )
    columns = "day, style, format, duration_sec, requests, delivered, cost_usd"
    assert rows_of(engine, "analytics.cost_by_style", columns) == {
        (
            *key,
            len(requests),
            sum(r["state"] == "succeeded" for r in requests),
            sum((total(calls_of.get((r["id"],), [])) for r in requests), ZERO),
        )
        for key, requests in by_style.items()
    }

    by_user = grouped(ledger.calls, lambda c: (day_of(c), c["user_id"], c["service"].value))
    columns = "day, user_id, service, month, calls, cost_usd"
    assert rows_of(engine, "analytics.cost_by_user", columns) == {
        (*key, key[0].replace(day=1), len(calls), total(calls)) for key, calls in by_user.items()
    }


def test_waste_predictions_and_reuse(engine: Engine, ledger: Ledger) -> None:
    reasons = {waste_of(ledger, call) for call in ledger.calls}
    assert reasons == {
        None,
        "in_doubt",
        "unusable_answer",
        "bought_again",
        "request_failed",
        "request_canceled",
    }, "the ledger of this test has every kind of waste"
    wasted = grouped(
        [call for call in ledger.calls if waste_of(ledger, call)],
        lambda c: (day_of(c), c["service"].value, model_of(ledger, c), waste_of(ledger, c)),
    )
    columns = "day, service, model, reason, calls, cost_usd"
    assert rows_of(engine, "analytics.waste_by_day", columns) == {
        (*key, len(calls), total(calls)) for key, calls in wasted.items()
    }

    def by_model(call: Row) -> tuple[Any, ...]:
        return day_of(call), call["service"].value, model_of(ledger, call)

    predicted = [
        call
        for call in ledger.calls
        if call["state"] is CostState.SETTLED and call["cost_usd"] > 0 and call["predicted_usd"]
    ]
    columns = "day, service, model, calls, predicted_usd, settled_usd, off_usd, over"
    assert rows_of(engine, "analytics.prediction_by_day", columns) == {
        (
            *key,
            len(calls),
            total(calls, "predicted_usd"),
            total(calls),
            sum((abs(c["cost_usd"] - c["predicted_usd"]) for c in calls), ZERO),
            sum(c["cost_usd"] > c["predicted_usd"] for c in calls),
        )
        for key, calls in grouped(predicted, by_model).items()
    }

    reused = grouped([c for c in ledger.calls if "reused_from" in c["usage"]], by_model)
    saved = {
        (*key, len(calls), sum((total(bought_for(ledger, c)) for c in calls), ZERO))
        for key, calls in reused.items()
    }
    assert (
        rows_of(engine, "analytics.reuse_by_day", "day, service, model, reuses, saved_usd") == saved
    )
    assert sum(row[-1] for row in saved) > 0


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: str(view.name))
def test_a_row_for_each_grain(engine: Engine, ledger: Ledger, view: Any) -> None:
    grain = ", ".join(view.grain)
    with engine.connect() as connection:
        rows, grains, empty = connection.execute(
            text(
                f"SELECT count(*), count(DISTINCT ({grain})), count(*) FILTER (WHERE day IS NULL)"
                f" FROM {view.qualified_name}"
            )
        ).one()
    assert rows == grains > 0
    assert empty == 0


def test_a_deleted_request_leaves_its_costs(engine: Engine, ledger: Ledger) -> None:
    before = total(ledger.calls)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM content_items"))
        for view in ("calls", "cost_by_day", "cost_by_user"):
            assert connection.scalar(text(f"SELECT sum(cost_usd) FROM analytics.{view}")) == before
        assert connection.scalar(text("SELECT count(*) FROM analytics.cost_by_request")) == 0
