"""What was spent, as tables for analysts: by day and by user."""

from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import MetadataValue, ResourceParam

from montage_pipeline.composition import Services

if TYPE_CHECKING:
    import pandas as pd

_PREVIEW_ROWS = 50
"""As many as the UI shows well; each materialisation stores them in Dagster's event log."""

_COMMON: dict[str, Any] = {
    "group_name": "costs",
    "owners": ["team:montage"],
    "kinds": {"postgres", "pandas"},
    "tags": {"domain": "costs"},
    "io_manager_key": "tables",
    "code_version": "1",
}


def _materialised(frame: "pd.DataFrame") -> dg.MaterializeResult[Any]:
    total = sum(frame["cost_usd"]) if len(frame) else 0
    records = [
        dg.TableRecord({str(name): str(value) for name, value in row.items()})
        for row in frame.head(_PREVIEW_ROWS).to_dict("records")
    ]
    metadata: dict[str, Any] = {
        "dagster/row_count": len(frame),
        "total_usd": float(total),
        "calls": int(frame["calls"].sum()) if len(frame) else 0,
    }
    if records:
        metadata["preview"] = MetadataValue.table(records=records)
    return dg.MaterializeResult(value=frame, metadata=metadata)


@dg.asset(
    **_COMMON,
    description="Paid calls summed by UTC day, service, endpoint and state.",
)
def api_costs_by_day(services: ResourceParam[Services]) -> dg.MaterializeResult[Any]:
    """Columns: day, service, endpoint, state, calls, requests, cost_usd."""
    from montage_pipeline.costs.reports import costs_by_day

    return _materialised(costs_by_day(services.engine))


@dg.asset(
    **_COMMON,
    description="Paid calls summed by user and service.",
)
def api_costs_by_user(services: ResourceParam[Services]) -> dg.MaterializeResult[Any]:
    """Columns: user_id, service, calls, requests, cost_usd, first_call, last_call."""
    from montage_pipeline.costs.reports import costs_by_user

    return _materialised(costs_by_user(services.engine))
