"""Each view for analysts as an asset: a Parquet file for every day, in the private bucket.

A partition is a UTC day. A run may have many of them, and reads them from Postgres at once.
"""

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg
from dagster import AssetExecutionContext, ResourceParam

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.analytics.source import COMMON, api_cost_logs
from montage_pipeline.requests.analytics.model import SCHEMA, SQL_TYPES, View
from montage_pipeline.requests.analytics.views import VIEWS
from montage_pipeline.storage.keys import mart_key

FIRST_DAY = date(2025, 1, 1)
"""Before the first paid call that any installation can have made."""

days = dg.DailyPartitionsDefinition(
    start_date=FIRST_DAY.isoformat(),
    timezone="UTC",
    end_offset=1,  # today, too, as far as it has gone
)

SUMS_CHECK = "sums_equal_ledger"
NEGATIVE_CHECK = "nothing_negative"

_MAX_SHOWN = 50


def asset_key(view: View) -> dg.AssetKey:
    """`analytics/<view>`."""
    return dg.AssetKey([SCHEMA, view.name])


def partition_of(day: date) -> str:
    """The partition key of a day."""
    return day.isoformat()


def _check_specs(view: View) -> list[dg.AssetCheckSpec]:
    from montage_pipeline.costs.mart_checks import is_whole

    specs = [
        dg.AssetCheckSpec(
            NEGATIVE_CHECK, asset=asset_key(view), description="No amount is below 0."
        )
    ]
    if is_whole(view):
        specs.append(
            dg.AssetCheckSpec(
                SUMS_CHECK,
                asset=asset_key(view),
                description="Every file comes to what the ledger's rows do, to the last digit.",
            )
        )
    return specs


def _columns(view: View) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name, type=SQL_TYPES[column.type], description=column.comment
            )
            for column in view.columns
        ]
    )


def _mart(view: View) -> dg.AssetsDefinition:
    upstream = [dg.AssetKey([SCHEMA, name]) for name in view.reads] or [api_cost_logs.key]

    asset = dg.asset(
        key=asset_key(view),
        description=view.comment,
        deps=upstream,
        kinds={"postgres", "parquet"},
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        code_version=hashlib.sha256(view.query.encode()).hexdigest()[:12],
        metadata={
            "dagster/column_schema": _columns(view),
            "dagster/table_name": view.qualified_name,
        },
        check_specs=_check_specs(view),
        **COMMON,
    )

    def mart(
        context: AssetExecutionContext, services: ResourceParam[Services]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        yield from _stored(context, services, view)

    made: dg.AssetsDefinition = asset(mart)
    return made


def _stored(
    context: AssetExecutionContext, services: Services, view: View
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Write the days of this run, read them back, and hold them against the ledger."""
    from montage_pipeline.costs.mart_checks import differences
    from montage_pipeline.costs.marts import read_days, store_days

    wanted = [date.fromisoformat(key) for key in context.partition_keys]
    ledger = store_days(services.engine, services.store, view, wanted)
    negative: list[str] = []
    costs: dict[date, Decimal] = {}
    for stored in read_days(services.store, view, wanted):
        context.add_asset_metadata(
            # Floats, which the UI plots: a point for each day.
            {"dagster/partition_row_count": stored.rows}
            | {name: float(total) for name, total in stored.sums.items()},
            partition_key=partition_of(stored.day),
        )
        costs[stored.day] = stored.sums.get("cost_usd", Decimal(0))
        negative += [f"{view.name} of {stored.day}: {name}" for name in stored.negative]

    uri = f"s3://{services.store.bucket}/{mart_key(view.name)}"
    yield dg.MaterializeResult(metadata={"dagster/uri": uri})
    yield _result(view, NEGATIVE_CHECK, negative, {"days": len(wanted)})
    if ledger is not None:
        wrong = differences(view, costs, ledger)
        yield _result(view, SUMS_CHECK, wrong, {"days": len(wanted)})


def _result(
    view: View, name: str, problems: list[str], facts: Mapping[str, Any]
) -> dg.AssetCheckResult:
    return check_result(asset_key(view), name, problems, facts)


def check_result(
    asset: dg.AssetKey,
    name: str,
    problems: list[str],
    facts: Mapping[str, Any],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """Passed when there are no problems; else with a line on each."""
    lines = "\n".join(f"- {line}" for line in problems[:_MAX_SHOWN])
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not problems,
        severity=severity,
        metadata={
            "problems": len(problems),
            "what": dg.MetadataValue.md(lines or "nothing"),
            **facts,
        },
    )


with warnings.catch_warnings():
    # Without it each day of a range is a run of its own.
    warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
    marts = [_mart(view) for view in VIEWS]
