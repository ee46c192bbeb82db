"""Dagster forgets runs that ended long ago, whole, and nothing else."""

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test, instance_for_test
from sqlalchemy import Engine, create_engine, text

from montage_pipeline.orchestration.retention import history
from montage_pipeline.settings import Settings

TABLES = ("runs", "run_tags", "event_logs", "asset_event_tags", "asset_check_executions")


@pytest.fixture
def dagster_engine(empty_database: str) -> Iterator[Engine]:
    """Connections to Dagster's database."""
    engine = create_engine(Settings(database_url=empty_database).sqlalchemy_url)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_instance(
    empty_database: str, dagster_engine: Engine, tmp_path: Path
) -> Iterator[dg.DagsterInstance]:
    """An instance as in production, with its storage in Postgres."""
    url = empty_database.replace("postgresql://", "postgresql+psycopg2://")
    storage = {"postgres": {"postgres_url": url}}
    with instance_for_test(overrides={"storage": storage}, temp_dir=str(tmp_path)) as instance:
        yield instance


@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="thing")])
def thing(context: dg.AssetExecutionContext) -> Iterator[object]:
    sys.stdout.write("a line of its log\n")
    yield dg.MaterializeResult(tags={"kind": "test"})
    yield dg.AssetCheckResult(passed=True)


def test_runs_go_with_all_they_left_and_newer_and_live_ones_stay(
    postgres_instance: dg.DagsterInstance, dagster_engine: Engine
) -> None:
    def run() -> str:
        return dg.materialize([thing], instance=postgres_instance, tags={"whose": "test"}).run_id

    old = [run(), run()]
    fresh = run()
    hung = create_run_for_test(postgres_instance, status=dg.DagsterRunStatus.STARTED).run_id
    _age(dagster_engine, [*old, hung])
    whole = _rows(dagster_engine, fresh)
    assert all(whole.values()), whole  # the test would see nothing of a table without rows

    with patch.object(history, "_RUNS_AT_ONCE", 1):
        assert history.prune_runs(postgres_instance, timedelta(days=60)) == 2
    for run_id in old:
        assert not any(_rows(dagster_engine, run_id).values())
        assert not _has_logs(postgres_instance, run_id)
    assert _rows(dagster_engine, fresh) == whole
    assert _has_logs(postgres_instance, fresh)
    assert postgres_instance.get_run_by_id(hung) is not None
    assert history.prune_runs(postgres_instance, timedelta(days=60)) == 0
    # The asset is still shown as what it is.
    latest = postgres_instance.get_latest_materialization_event(dg.AssetKey("thing"))
    assert latest is not None
    assert latest.run_id == fresh


def _age(engine: Engine, run_ids: list[str]) -> None:
    then = {"ids": run_ids, "then": time.time() - 90 * 86400}
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE runs SET update_timestamp = to_timestamp(:then)::timestamp, "
                "end_time = :then WHERE run_id = ANY(:ids)"
            ),
            then,
        )


def _rows(engine: Engine, run_id: str) -> dict[str, int]:
    """How many rows each table has of a run."""
    with engine.connect() as connection:
        counts = {}
        for table in TABLES:
            whose = (
                "event_id IN (SELECT id FROM event_logs WHERE run_id = :id)"
                if table == "asset_event_tags"
                else "run_id = :id"
            )
            query = text(f"SELECT count(*) FROM {table} WHERE {whose}")
            counts[table] = connection.scalar(query, {"id": run_id}) or 0
    return counts


def _has_logs(instance: dg.DagsterInstance, run_id: str) -> bool:
    folder = Path(instance.storage_directory()) / run_id
    return folder.exists() and any(folder.iterdir())
