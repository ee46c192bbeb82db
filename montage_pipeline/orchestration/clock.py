"""Jobs that run by the clock.

Does not belong here: what they do, and the minutes at which they run (`jobs`, `analytics.refresh`).
"""

from typing import TYPE_CHECKING

import dagster as dg

from montage_pipeline.settings import Settings

if TYPE_CHECKING:  # what `define_asset_job` makes has no public name
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )


def schedule_status(settings: Settings) -> dg.DefaultScheduleStatus:
    """Schedules run by themselves, except without a database, where they could only fail."""
    if settings.database_url:
        return dg.DefaultScheduleStatus.RUNNING
    return dg.DefaultScheduleStatus.STOPPED


def schedule_of(
    job: "dg.JobDefinition | UnresolvedAssetJobDefinition",
    name: str,
    cron_schedule: str,
    settings: Settings,
) -> dg.ScheduleDefinition:
    """The whole job at these times (UTC), shown with the job's own description."""
    return dg.ScheduleDefinition(
        name=name,
        job=job,
        cron_schedule=cron_schedule,
        default_status=schedule_status(settings),
        description=job.description,
    )
