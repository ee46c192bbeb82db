"""Dagster's runs as the sensors see them: whose they are, and whether they still live."""

from collections.abc import Sequence
from uuid import UUID

import dagster as dg

_PARTITION_TAG = "dagster/partition"
_OVER = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
_LIVE = [status for status in dg.DagsterRunStatus if status not in _OVER]


def is_live(run: dg.DagsterRun) -> bool:
    """Whether something may still come of the run."""
    return run.status in _LIVE


def runs_of(
    instance: dg.DagsterInstance,
    partition_key: str,
    *,
    live: bool = False,
    limit: int | None = None,
) -> Sequence[dg.DagsterRun]:
    """The runs of one request, newest first; with `live` only those that are."""
    statuses = _LIVE if live else None
    filters = dg.RunsFilter(tags={_PARTITION_TAG: partition_key}, statuses=statuses)
    return instance.get_runs(filters, limit=limit)


def request_id_of(run: dg.DagsterRun) -> UUID | None:
    """The request that a run works for; None for runs of other jobs."""
    key = run.tags.get(_PARTITION_TAG)
    try:
        return UUID(key) if key else None
    except ValueError:
        return None
