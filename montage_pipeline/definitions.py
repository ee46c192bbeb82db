"""The whole graph, assembled once."""

from typing import Any

import dagster as dg

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.orchestration.analytics.checks import CHECKS
from montage_pipeline.orchestration.analytics.marts import marts
from montage_pipeline.orchestration.analytics.refresh import cost_checks, cost_reports
from montage_pipeline.orchestration.analytics.source import api_cost_logs
from montage_pipeline.orchestration.assets import montage_assets
from montage_pipeline.orchestration.documents import DocumentIOManager
from montage_pipeline.orchestration.jobs import chunk_retention, montage, schedules
from montage_pipeline.orchestration.outcomes import outcome_sensors
from montage_pipeline.orchestration.reconciliation import reconciliation
from montage_pipeline.orchestration.retention.history import history_retention
from montage_pipeline.orchestration.retirement import retirement_sensor
from montage_pipeline.orchestration.sensors import request_sensor
from montage_pipeline.orchestration.spending.audit import ledger_audit, ledger_audit_job
from montage_pipeline.orchestration.spending.reconciler import cost_reconciliation
from montage_pipeline.orchestration.watching.alerts import operations_alerts
from montage_pipeline.orchestration.watching.delivered import (
    delivered_objects,
    delivered_objects_job,
)
from montage_pipeline.orchestration.watching.run_lines import log_runs_as_all_else
from montage_pipeline.settings import Settings, get_settings
from montage_pipeline.storage.buckets import refuse_open_bucket


def build_definitions(
    settings: Settings | None = None, **resource_overrides: Any
) -> dg.Definitions:
    """The definitions for these settings, or for those of the environment.

    `resource_overrides` replaces resources by name: `services`, `documents`. Nothing is
    connected to until a step or a sensor runs.
    """
    settings = settings or get_settings()
    refuse_open_bucket(settings)
    services = Services(settings)
    resources: dict[str, Any] = {
        "services": services,
        "documents": DocumentIOManager(services),
    }
    return dg.Definitions(
        assets=[*montage_assets(settings), api_cost_logs, *marts],
        jobs=[
            montage,
            cost_reports,
            cost_checks,
            chunk_retention,
            history_retention,
            ledger_audit_job,
            delivered_objects_job,
        ],
        asset_checks=[ledger_audit, delivered_objects, *CHECKS],
        schedules=schedules(settings),
        sensors=[
            request_sensor(settings),
            retirement_sensor(settings),
            *outcome_sensors(settings),
            cost_reconciliation(settings),
            reconciliation(settings),
            operations_alerts(settings),
        ],
        resources=resources | resource_overrides,
        # One import of the heavy libraries for all five steps; separate processes cost several
        # times as much.
        executor=dg.in_process_executor,
    )


# This module is what the code server and the run workers load, so their logs begin here.
logs.configure(get_settings())
log_runs_as_all_else(get_settings())
defs = build_definitions()
