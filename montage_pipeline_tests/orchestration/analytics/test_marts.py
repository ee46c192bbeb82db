"""The tables for analysts in Dagster: days as partitions, backfilled in one run, checked as they
are written and again each day.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest
from sqlalchemy import inspect, text

from montage_pipeline.composition import Services
from montage_pipeline.costs.marts import days_between, first_day, read_days, stored_days, today
from montage_pipeline.definitions import build_definitions
from montage_pipeline.orchestration.analytics.checks import stale_files
from montage_pipeline.orchestration.analytics.marts import NEGATIVE_CHECK, SUMS_CHECK, asset_key
from montage_pipeline.orchestration.analytics.refresh import days_to_write, ranges_of, run_request
from montage_pipeline.orchestration.analytics.source import COLUMN_MEANINGS
from montage_pipeline.requests.analytics.views import CALLS, COST_BY_DAY, VIEWS
from montage_pipeline.requests.tables import ApiCostLogRow
from montage_pipeline.storage.keys import mart_key
from montage_pipeline_tests.ledgers import Ledger, fill


@pytest.fixture
def ledger(services: Services) -> Ledger:
    """Four days of calls, up to now."""
    return fill(services.engine, until=datetime.now(UTC), days=4)


@pytest.fixture
def long_ledger(services: Services) -> Ledger:
    """So many days of calls, up to now, that it is known what is usual."""
    return fill(services.engine, until=datetime.now(UTC), days=10)


def write(services: Services, instance: dg.DagsterInstance) -> list[dg.ExecuteInProcessResult]:
    """Run what the hourly schedule asks for."""
    job = build_definitions(services.settings).resolve_job_def("cost_reports")
    results = []
    for first, last in ranges_of(days_to_write(services, instance)):
        request = run_request(first, last)
        results.append(
            job.execute_in_process(
                instance=instance, partition_key=request.partition_key, tags=request.tags
            )
        )
    return results


def checked(services: Services, instance: dg.DagsterInstance) -> dict[str, dg.AssetCheckEvaluation]:
    """What the daily checks say, by name."""
    job = build_definitions(services.settings).resolve_job_def("cost_checks")
    result = job.execute_in_process(instance=instance)
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def test_one_run_writes_every_day_of_every_view(
    services: Services, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    [result] = write(services, instance)
    first = first_day(services.engine)
    assert first is not None
    days = days_between(first, today())
    for view in VIEWS:
        assert stored_days(services.store, view) == days
        events = result.asset_materializations_for_node(f"analytics__{view.name}")
        assert [event.partition for event in events] == [str(day) for day in days]
        for event, stored in zip(events, read_days(services.store, view, days), strict=True):
            assert event.metadata["dagster/partition_row_count"].value == stored.rows
            for name, total in stored.sums.items():
                assert event.metadata[name].value == float(total), "what the UI plots over days"
    total = sum((call["cost_usd"] for call in ledger.calls), Decimal(0))
    for view in (CALLS, COST_BY_DAY):
        read = read_days(services.store, view, days)
        assert sum((day.sums["cost_usd"] for day in read), Decimal(0)) == total

    found = {(e.asset_key, e.check_name): e for e in result.get_asset_check_evaluations()}
    assert len(found) == len(VIEWS) + 6
    assert all(evaluation.passed for evaluation in found.values()), found
    assert (asset_key(COST_BY_DAY), SUMS_CHECK) in found
    assert (asset_key(VIEWS[-1]), NEGATIVE_CHECK) in found
    assert all(check.passed for check in checked(services, instance).values())


def test_only_what_changed_is_written_again(
    services: Services, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    write(services, instance)
    with services.engine.begin() as connection:
        # As if all of it had happened long ago.
        for table, column in (("api_cost_logs", "updated_at"), ("montage_requests", "finished_at")):
            connection.execute(text(f"UPDATE {table} SET {column} = created_at"))
    yesterday = today() - timedelta(days=1)
    again = days_to_write(services, instance)
    assert set(again) <= {today() - timedelta(days=2), yesterday, today()}

    old = ledger.calls[0]
    with services.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE api_cost_logs SET cost_usd = cost_usd + 0.000000000001,"
                " updated_at = now() WHERE id = :id"
            ),
            {"id": old["id"]},
        )
    assert old["created_at"].date() in days_to_write(services, instance)


def test_the_daily_checks_see_what_is_wrong(
    services: Services, instance: dg.DagsterInstance, long_ledger: Ledger
) -> None:
    write(services, instance)
    old = long_ledger.calls[0]["created_at"].date()
    services.store.delete(mart_key("waste_by_day", old))
    with services.engine.begin() as connection:
        connection.execute(
            text("UPDATE api_cost_logs SET cost_usd = cost_usd + 0.000000000001 WHERE id = :id"),
            {"id": long_ledger.calls[0]["id"]},
        )
        connection.execute(
            text("UPDATE api_cost_logs SET cost_usd = 500 WHERE id = :id"),
            {"id": long_ledger.calls[-1]["id"]},
        )
        connection.execute(text("UPDATE api_cost_logs SET updated_at = created_at"))
        connection.execute(text("UPDATE montage_requests SET finished_at = created_at"))
    found = checked(services, instance)
    told = {name: str(check.metadata["what"].value) for name, check in found.items()}
    assert not found["no_day_missing"].passed
    assert told["no_day_missing"] == (
        f"- waste_by_day has no file for {old}: materialise those partitions."
    )
    assert not found["every_day_agrees"].passed
    assert f"cost_by_day of {old} has $" in told["every_day_agrees"]
    bounds = found["spend_within_bounds"]
    assert not bounds.passed
    assert bounds.severity is dg.AssetCheckSeverity.WARN
    assert "is usual" in told["spend_within_bounds"]


def test_a_file_that_is_behind_the_ledger_is_noticed(
    services: Services, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    write(services, instance)
    old = ledger.calls[0]
    day, changed_at = old["created_at"].date(), datetime.now(UTC) + timedelta(minutes=1)
    with services.engine.begin() as connection:
        connection.execute(
            text("UPDATE api_cost_logs SET updated_at = :at WHERE id = :id"),
            {"at": changed_at, "id": old["id"]},
        )
    assert stale_files(services, changed_at + timedelta(hours=1)) == [], "written within the hour"
    late = stale_files(services, changed_at + timedelta(hours=3))
    assert {line.split(" was written")[0] for line in late} >= {
        f"{view.name} of {day}" for view in VIEWS
    }
    # Until it is written anew: here, as if that had been in time.
    with services.engine.begin() as connection:
        connection.execute(text("UPDATE api_cost_logs SET updated_at = created_at"))
    assert stale_files(services, changed_at + timedelta(hours=3)) == []


def test_an_amount_below_zero_fails_its_check(
    services: Services, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    with services.engine.begin() as connection:
        connection.execute(
            text("UPDATE api_cost_logs SET cost_usd = -1 WHERE id = :id"),
            {"id": ledger.calls[-1]["id"]},
        )
    [result] = write(services, instance)
    failed = {
        (e.asset_key.path[-1], e.check_name)
        for e in result.get_asset_check_evaluations()
        if not e.passed
    }
    assert {("calls", NEGATIVE_CHECK), ("cost_by_day", NEGATIVE_CHECK)} <= failed
    assert SUMS_CHECK not in {name for _asset, name in failed}


def test_an_empty_ledger_has_nothing_to_write(
    services: Services, instance: dg.DagsterInstance
) -> None:
    assert days_to_write(services, instance) == []
    assert all(check.passed for check in checked(services, instance).values())


def test_ranges_have_no_gaps() -> None:
    day = date(2026, 11, 1)
    days = [day + timedelta(days=number) for number in (0, 1, 2, 5, 7, 8)]
    assert ranges_of(days) == [
        (date(2026, 11, 1), date(2026, 11, 3)),
        (date(2026, 11, 6), date(2026, 11, 6)),
        (date(2026, 11, 8), date(2026, 11, 9)),
    ]


def test_the_source_describes_every_column() -> None:
    assert set(COLUMN_MEANINGS) == {
        column.name for column in inspect(ApiCostLogRow).local_table.columns
    }
