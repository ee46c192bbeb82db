"""Keeps the tables for analysts current: hourly, the days that changed or are missing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster import ResourceParam, ScheduleEvaluationContext

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.analytics.checks import CHECKS
from montage_pipeline.orchestration.analytics.marts import FIRST_DAY, asset_key, marts, partition_of
from montage_pipeline.orchestration.clock import schedule_of, schedule_status
from montage_pipeline.requests.analytics.views import COST_BY_DAY
from montage_pipeline.settings import Settings

_LOOK_BACK = timedelta(hours=26)
"""An hourly run that was missed, even for a day, is made up for by the next."""

_MAX_DAYS = 62
"""In one hour: an installation whose ledger is older than its files catches up two months at a
time.
"""

_SHORT = {"dagster/max_runtime": "600"}
"""The run takes seconds. One whose process is lost must not hold a slot for longer."""

cost_reports = dg.define_asset_job(
    "cost_reports",
    selection=dg.AssetSelection.assets(*marts) - dg.AssetSelection.checks(*CHECKS),
    description="Write the tables for analysts anew, for some days.",
    tags=_SHORT,
)

cost_checks = dg.define_asset_job(
    "cost_checks",
    selection=dg.AssetSelection.checks(*CHECKS),
    description="Check the tables for analysts, all days of them.",
    tags=_SHORT,
)


def refresh_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Hourly files, daily checks; stopped without a database, where they could only fail."""

    @dg.schedule(
        name="hourly_cost_reports",
        job=cost_reports,
        cron_schedule="5 * * * *",
        default_status=schedule_status(settings),
        description="Writes the tables for analysts for the days that changed.",
    )
    def hourly_cost_reports(
        context: ScheduleEvaluationContext, services: ResourceParam[Services]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        wanted = days_to_write(services, context.instance)
        if not wanted:
            yield dg.SkipReason("Nothing changed.")
        for first, last in ranges_of(wanted):
            yield run_request(first, last)

    daily = schedule_of(cost_checks, "daily_cost_checks", "50 4 * * *", settings)
    return [hourly_cost_reports, daily]


def days_to_write(services: Services, instance: dg.DagsterInstance) -> list[date]:
    """The days that changed lately or were never written, oldest first; not more than can be
    written within the hour.
    """
    from montage_pipeline.costs.marts import days_between, first_day, last_changes, today

    first = first_day(services.engine)
    if first is None:
        return []
    written = instance.get_materialized_partitions(asset_key(COST_BY_DAY))
    wanted = {
        day
        for day in days_between(max(first, FIRST_DAY), today())
        if partition_of(day) not in written
    }
    wanted.update(
        day
        for day in last_changes(services.engine, datetime.now(UTC) - _LOOK_BACK)
        if day >= FIRST_DAY
    )
    # The newest first: those are what people look at.
    return sorted(sorted(wanted, reverse=True)[:_MAX_DAYS])


def ranges_of(wanted: Sequence[date]) -> list[tuple[date, date]]:
    """The days as ranges without a gap, each by its first and last day."""
    ranges: list[tuple[date, date]] = []
    for day in wanted:
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def run_request(first: date, last: date) -> dg.RunRequest:
    """One run for the days from `first` to `last`."""
    if first == last:
        return dg.RunRequest(partition_key=partition_of(first))
    return dg.RunRequest(
        tags={
            "dagster/asset_partition_range_start": partition_of(first),
            "dagster/asset_partition_range_end": partition_of(last),
        }
    )
