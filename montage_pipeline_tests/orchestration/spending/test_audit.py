"""The daily check sees when the ledger and what the assets showed are not the same."""

from pathlib import Path
from uuid import UUID

import dagster as dg
from pydantic import SecretStr
from sqlalchemy import text

from montage_pipeline.composition import Services
from montage_pipeline.definitions import build_definitions
from montage_pipeline.settings import Settings
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.fakes.fal_server import FalServer
from montage_pipeline_tests.orchestration.conftest import add_partition, run_montage


def audit(services: Services, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    """What the job's check says."""
    job = build_definitions(services.settings).resolve_job_def("ledger_audit")
    [evaluation] = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    return evaluation


def test_the_assets_show_what_the_ledger_says(
    pipeline_settings: Settings,
    services: Services,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
) -> None:
    with FalServer() as queue:
        settings = pipeline_settings.model_copy(
            update={
                "composer": "fal",
                "fal_queue_url": queue.url,
                "fal_key": SecretStr("a-key"),
            }
        )
        buying = Services(settings)
        created = click(services.library, user, clip.as_uri())
        partition = add_partition(instance, created)
        result = run_montage(buying, instance, partition, "clip_analysis", "music_track")
        buying.close()
    assert result.success

    sound = audit(services, instance)
    assert sound.passed, sound.metadata
    assert sound.metadata["rows"].value == 1

    with services.engine.begin() as connection:
        connection.execute(text("UPDATE api_cost_logs SET cost_usd = cost_usd * 2"))
    found = audit(services, instance)
    assert not found.passed
    told = str(found.metadata["what"].value)
    assert f"music_track of {created.partition_key} shows $0.00" in told
    assert "its usage at price" in told


def test_the_check_runs_daily(services: Services) -> None:
    definitions = build_definitions(services.settings)
    [schedule] = [
        schedule
        for schedule in definitions.schedules or ()
        if schedule.name == "daily_ledger_audit"
    ]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "20 4 * * *"
