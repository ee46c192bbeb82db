"""The jobs: one Reel from clips to delivery, and the cost tables."""

import dagster as dg

from montage_pipeline.requests.vocabulary import Step

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
