"""Removes runs that ended long ago from Dagster, with their events, tags and logs.

Dagster has no retention of its own for them, and a Reel leaves about a hundred rows. It can delete
a run, one at a time and over several connections each; here it is many at once, in statements short
enough to hold nobody up.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import OpExecutionContext, ResourceParam
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from sqlalchemy import delete, select

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.orchestration.runs import LIVE

_RUNS_AT_ONCE = 200
"""Some twenty thousand rows: a statement of a second."""

_OVER = [status for status in dg.DagsterRunStatus if status not in LIVE]

log = logs.get_logger(__name__)


def prune_runs(instance: dg.DagsterInstance, age: timedelta) -> int:
    """Remove every run that ended longer ago than `age`; how many there were.

    Dying on the way loses nothing: a run's own row goes last, and is found again.
    """
    filters = dg.RunsFilter(statuses=_OVER, updated_before=datetime.now(UTC) - age)
    removed = 0
    while run_ids := instance.get_run_ids(filters, limit=_RUNS_AT_ONCE):
        _delete_events(instance, run_ids)
        _delete_runs(instance, run_ids)
        for run_id in run_ids:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
        removed += len(run_ids)
    log.info("runs_pruned", runs=removed)
    return removed


def _delete_events(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        for run_id in run_ids:
            storage.delete_events(run_id)
        return
    events = SqlEventLogStorageTable
    of_runs = events.c.run_id.in_(run_ids)
    with storage.index_connection() as connection:
        tagged = AssetEventTagsTable.c.event_id.in_(select(events.c.id).where(of_runs))
        connection.execute(delete(AssetEventTagsTable).where(tagged))
        checked = AssetCheckExecutionsTable.c.run_id.in_(run_ids)
        connection.execute(delete(AssetCheckExecutionsTable).where(checked))
        connection.execute(delete(events).where(of_runs))


def _delete_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    storage = instance.run_storage
    if not isinstance(storage, SqlRunStorage):
        for run_id in run_ids:
            storage.delete_run(run_id)
        return
    with storage.connect() as connection:
        connection.execute(delete(RunTagsTable).where(RunTagsTable.c.run_id.in_(run_ids)))
        connection.execute(delete(RunsTable).where(RunsTable.c.run_id.in_(run_ids)))


@dg.op(description="Removes runs that ended long ago, with their events and logs.")
def prune_history(context: OpExecutionContext, services: ResourceParam[Services]) -> None:
    days = services.settings.history_retention_days
    removed = prune_runs(context.instance, timedelta(days=days))
    context.log.info(f"{removed} runs that ended more than {days} days ago were removed")
    context.add_output_metadata({"removed": removed, "days": days})


@dg.job(
    tags={"dagster/max_runtime": "3600"},
    description="Keep Dagster's runs and events within MONTAGE_HISTORY_RETENTION_DAYS.",
)
def history_retention() -> None:
    prune_history()
