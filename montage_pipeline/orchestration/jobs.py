"""The jobs, and the schedules of those that run by the clock."""

from datetime import timedelta

import dagster as dg
from dagster import OpExecutionContext, ResourceParam

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.analytics.refresh import refresh_schedules
from montage_pipeline.orchestration.clock import schedule_of
from montage_pipeline.orchestration.retention.history import history_retention
from montage_pipeline.orchestration.spending.audit import ledger_audit_job
from montage_pipeline.orchestration.watching.delivered import (
    delivered_objects,
    delivered_objects_job,
)
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step

_SHORT = {"dagster/max_runtime": "300"}
"""The hourly jobs take seconds. One whose process is lost must not hold a slot for longer."""

montage = dg.define_asset_job(
    "montage",
    # The daily look at the whole bucket is no part of a Reel.
    selection=dg.AssetSelection.assets(*(step.value for step in Step))
    - dg.AssetSelection.checks(delivered_objects),
    description="One Reel: analysis, music, edit, render, delivery.",
    tags={
        # Dagster counts by the time of day, and cancels: when a clock is put forward, every Reel
        # under way would end as if its user had canceled it. Runs end themselves (`lease`).
        "dagster/max_runtime": "0",
        # What becomes of a run that died is decided in one place (`outcomes`), not by Dagster too.
        "dagster/max_retries": "0",
    },
)


@dg.op(description="Removes chunks that are too old, then the least recently used ones.")
def evict_chunks(context: OpExecutionContext, services: ResourceParam[Services]) -> None:
    removed, left = services.chunks.evict()
    context.log.info(f"{removed} chunks removed, {left} left")
    context.add_output_metadata({"removed": removed, "left": left})


@dg.op(description="Removes what was measured in clips and is too old.")
def evict_measures(context: OpExecutionContext, services: ResourceParam[Services]) -> None:
    from montage_pipeline.analysis.scan.kept import KeptMeasures

    max_age = timedelta(days=services.settings.measures_max_days)
    removed = KeptMeasures.evict(services.store, max_age)
    context.log.info(f"what was measured in {removed} clips removed")
    context.add_output_metadata({"removed": removed})


@dg.job(
    tags=_SHORT,
    description="Keep the chunks in the object store within their age and size, and what was "
    "measured in clips within its age.",
)
def chunk_retention() -> None:
    evict_chunks()
    evict_measures()


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Hourly and daily, at different minutes so that they do not wait for each other."""
    return [
        *refresh_schedules(settings),
        schedule_of(ledger_audit_job, "daily_ledger_audit", "20 4 * * *", settings),
        schedule_of(history_retention, "hourly_history_retention", "50 * * * *", settings),
        schedule_of(delivered_objects_job, "daily_delivered_objects", "50 4 * * *", settings),
        schedule_of(chunk_retention, "hourly_chunk_retention", "35 * * * *", settings),
    ]
