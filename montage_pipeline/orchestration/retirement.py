"""Takes the partitions of finished requests out of Dagster, many at once.

Dagster rebuilds its caches from every key there is, so their number is bounded; the rows stay.
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg
from dagster import ResourceParam, SensorEvaluationContext

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.partitions import PARTITION_TAG, montage_requests
from montage_pipeline.orchestration.runs import LIVE
from montage_pipeline.orchestration.sensors import default_status
from montage_pipeline.settings import Settings

_EVERY_S = 3600

_SETTLED = timedelta(hours=1)
"""After that nobody has anything left to write about a request that ended."""

_KEYS_PER_QUERY = 5000
"""Postgres takes 65,535 parameters."""


def retirement_sensor(settings: Settings) -> dg.SensorDefinition:
    """Bounds the number of live partitions."""
    days, most = settings.partition_retention_days, settings.partition_max

    @dg.sensor(
        name="partition_retirement",
        minimum_interval_seconds=_EVERY_S,
        default_status=default_status(settings),
        description=f"Removes partitions of requests that ended more than {days} days ago, "
        f"and the oldest beyond {most:,}; their rows stay.",
    )
    def partition_retirement_sensor(
        context: SensorEvaluationContext, services: ResourceParam[Services]
    ) -> dg.SkipReason:
        services.heartbeats.forget_old()
        idle = idle_partitions(context.instance, services, timedelta(days=days), most)
        retire(context.instance, idle)
        return dg.SkipReason(f"{len(idle)} partitions were retired.")

    return partition_retirement_sensor


def idle_partitions(
    instance: dg.DagsterInstance, services: Services, age: timedelta, most: int
) -> list[str]:
    """Keys of partitions whose requests are unknown or ended longer ago than `age`, and the oldest
    beyond `most` as soon as their requests are over; none that a run works on, because a run that
    loses its partition dies when it stores its output.

    Four queries, however many keys there are, about those that Dagster knows and no others.
    """
    assert montage_requests.name is not None
    keys = instance.get_dynamic_partitions(montage_requests.name)
    fresh = services.requests.unfinished_since(age, keys)
    # Dagster names them in the order in which they were added.
    kept = [key for key in keys if key in fresh]
    beyond = kept[: max(0, len(kept) - most)]
    if beyond:
        fresh -= set(beyond) - services.requests.unfinished_since(min(age, _SETTLED), beyond)

    runs = instance.get_runs(dg.RunsFilter(statuses=LIVE))
    busy = {run.tags.get(PARTITION_TAG) for run in runs}
    return [key for key in keys if key not in fresh and key not in busy]


def retire(instance: dg.DagsterInstance, keys: Sequence[str]) -> None:
    """Delete these partitions. Dagster can only do it one by one, with two connections for each."""
    from dagster._core.storage.event_log.schema import DynamicPartitionsTable
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

    name = montage_requests.name
    assert name is not None
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        for key in keys:
            instance.delete_dynamic_partition(name, key)
        return

    table = DynamicPartitionsTable
    for begin in range(0, len(keys), _KEYS_PER_QUERY):
        some = table.c.partition.in_(keys[begin : begin + _KEYS_PER_QUERY])
        with storage.index_connection() as connection:
            connection.execute(table.delete().where(table.c.partitions_def_name == name, some))
