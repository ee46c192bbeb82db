"""Forgets the checks of files that were never made, because of what their user gave.

Dagster plans the checks of a run when it is created. Those whose step was never reached stay
planned, and once the run has failed its UI calls them "Execution failed", as if a check of ours had
broken. It has no call to take a plan back.
"""

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage


def forget_planned_checks(instance: dg.DagsterInstance, run_id: str) -> int:
    """Take back what the run, which is over, was to check and did not; how many checks that was.

    Results of checks that did run stay, as do the run's events. Does nothing in a storage that is
    not in SQL; ours are.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return 0

    table = AssetCheckExecutionsTable
    planned = AssetCheckExecutionRecordStatus.PLANNED.value
    with storage.index_connection() as connection:
        result = connection.execute(
            table.delete().where(table.c.run_id == run_id, table.c.execution_status == planned)
        )
    return int(result.rowcount)
