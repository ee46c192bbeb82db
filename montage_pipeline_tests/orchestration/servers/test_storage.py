"""Dagster's storage keeps its connections, and outlives those that are cut."""

import multiprocessing
import os
from pathlib import Path

import psycopg
import pytest
from dagster import DagsterInstance, RunsFilter
from dagster_postgres.event_log import PostgresEventLogStorage
from sqlalchemy import event

from montage_pipeline.orchestration.servers import storage as pooled
from montage_pipeline.orchestration.servers.storage import PooledPostgresStorage
from montage_pipeline_tests.package_tree import ROOT


def test_many_calls_of_many_instances_share_a_connection_that_is_replaced_when_cut(
    empty_database: str,
) -> None:
    url = empty_database.replace("postgresql://", "postgresql+psycopg2://")
    made: list[object] = []

    def ask() -> None:
        # As each tick of a sensor does: storage of its own, used and forgotten.
        storage = PooledPostgresStorage(url)
        assert storage.run_storage.get_run_ids(RunsFilter()) == []
        assert storage.event_log_storage.get_dynamic_partitions("none") == []
        assert storage.schedule_storage.all_instigator_state() == []

    ask()
    event.listen(pooled._engine(url, os.getpid()), "connect", lambda *_: made.append(1))
    for _ in range(10):
        ask()
    assert made == []

    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    ask()
    assert len(made) == 1


def test_a_fork_has_connections_of_its_own(empty_database: str) -> None:
    url = empty_database.replace("postgresql://", "postgresql+psycopg2://")
    PooledPostgresStorage(url)
    ours = pooled._engine(url, os.getpid())
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(
        target=lambda: queue.put(id(pooled._engine(url, os.getpid())) != id(ours))
    )
    child.start()
    assert queue.get(timeout=60)
    child.join()


def test_dagster_makes_it_from_its_configuration(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = empty_database.replace("postgresql://", "postgresql+psycopg2://")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url)
    parts = ("dagster.yaml", "deploy/dagster-storage.yaml")
    (tmp_path / "dagster.yaml").write_text("".join((ROOT / part).read_text() for part in parts))
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert _engine_of(instance) is pooled._engine(url, os.getpid())
        # As code servers and runs get it, from the daemon.
        with DagsterInstance.from_ref(instance.get_ref()) as again:
            assert _engine_of(again) is _engine_of(instance)
            assert again.run_storage.get_run_ids(RunsFilter()) == []


def _engine_of(instance: DagsterInstance) -> object:
    assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
    return instance.event_log_storage._engine
