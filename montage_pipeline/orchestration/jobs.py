"""The jobs: one Reel from clips to delivery, and the cost tables."""

import dagster as dg
from dagster import OpExecutionContext, ResourceParam

from montage_pipeline.orchestration.services import Services
from montage_pipeline.vocabulary import Step

montage = dg.define_asset_job(
    "montage",
    selection=dg.AssetSelection.assets(*(step.value for step in Step)),
    description="One Reel: analysis, music, edit, render, delivery.",
    tags={"dagster/max_runtime": "1800"},
)

cost_reports = dg.define_asset_job(
    "cost_reports",
    selection=dg.AssetSelection.groups("costs"),
    description="Rebuild the cost tables from api_cost_logs.",
)

hourly_cost_reports = dg.ScheduleDefinition(
    name="hourly_cost_reports",
    job=cost_reports,
    cron_schedule="5 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Keeps the cost tables at most an hour old.",
)


@dg.op(
    description="Removes rendered segments that are too old, then the longest unused above the size limit."
)
def evict_chunks(context: OpExecutionContext, services: ResourceParam[Services]) -> None:
    removed, left = services.chunks.evict()
    context.log.info(f"{removed} rendered segments removed, {left} left")
    context.add_output_metadata({"removed": removed, "left": left})


@dg.job(description="Keep the store of rendered segments within its limits.")
def chunk_retention() -> None:
    evict_chunks()


hourly_chunk_retention = dg.ScheduleDefinition(
    name="hourly_chunk_retention",
    job=chunk_retention,
    cron_schedule="35 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Keeps the rendered segments in the object store within their age and size.",
)
