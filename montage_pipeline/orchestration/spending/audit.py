"""The daily check: the ledger recomputed, and compared with what the assets showed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import dagster as dg
from dagster import AssetCheckExecutionContext, MetadataValue, ResourceParam

from montage_pipeline.composition import Services
from montage_pipeline.costs.audit import RowCost, audit_rows, costs_of_requests
from montage_pipeline.vocabulary import Step

SPAN = timedelta(days=2)
"""Checked each day: a day that was missed is made up for."""

_PAID_STEPS = (Step.CLIP_ANALYSIS, Step.MUSIC_TRACK)
_PAGE = 500
_TOLERANCE_USD = Decimal("1e-9")
"""Metadata are floats."""
_MAX_SHOWN = 100


@dg.asset_check(
    asset=dg.AssetKey("api_cost_logs"),
    name="ledger_agrees",
    description="Every price of the last two days recomputed from its usage, nothing bought twice "
    "or left open, and the sums those that the assets show.",
)
def ledger_audit(
    context: AssetCheckExecutionContext, services: ResourceParam[Services]
) -> dg.AssetCheckResult:
    """Fails, with a sentence on each, when anything is wrong."""
    since = datetime.now(UTC) - SPAN
    audited = audit_rows(services.engine, since)
    shown = list(_disagreements(context.instance, services, since))
    problems = [*audited.problems, *shown]
    return dg.AssetCheckResult(
        passed=not problems,
        metadata={
            "rows": audited.rows,
            "rows_not_recomputable": audited.not_recomputable,
            "problems": len(problems),
            "what": MetadataValue.md("\n".join(f"- {line}" for line in problems[:_MAX_SHOWN])),
        },
    )


ledger_audit_job = dg.define_asset_job(
    "ledger_audit",
    selection=dg.AssetSelection.checks(ledger_audit),
    description="Check the ledger of paid calls against itself and against the assets.",
)


def _disagreements(
    instance: dg.DagsterInstance, services: Services, since: datetime
) -> Iterator[str]:
    for step in _PAID_STEPS:
        cursor: str | None = None
        while True:
            page = instance.fetch_materializations(
                dg.AssetRecordsFilter(
                    asset_key=dg.AssetKey(step.value), after_timestamp=since.timestamp()
                ),
                limit=_PAGE,
                cursor=cursor,
            )
            yield from _disagreeing(services, step, page.records)
            if not page.has_more:
                break
            cursor = page.cursor


def _disagreeing(
    services: Services, step: Step, records: Sequence[dg.EventLogRecord]
) -> Iterator[str]:
    """A sentence on each event whose cost is not the sum of the rows that it could see."""
    shown: list[tuple[str, datetime, Decimal]] = []
    for record in records:
        event = record.asset_materialization
        if event is None or event.partition is None or "cost_usd" not in event.metadata:
            continue
        cost = event.metadata["cost_usd"]
        at = datetime.fromtimestamp(record.timestamp, UTC)
        shown.append((event.partition, at, Decimal(str(cost.value))))

    ids = services.requests.ids_of_partitions({key for key, _at, _usd in shown})
    costs = costs_of_requests(services.engine, ids.values(), step.value)
    for key, at, shown_usd in shown:
        request_id = ids.get(key)
        ledger_usd = _seen_at(costs.get(request_id, []) if request_id else [], at)
        if abs(ledger_usd - shown_usd) > _TOLERANCE_USD:
            yield (
                f"{step.value} of {key} shows ${shown_usd}, and its rows come to ${ledger_usd:f}."
            )


def _seen_at(rows: list[RowCost], at: datetime) -> Decimal:
    """What the rows that were closed by then cost; closed rows never change."""
    return sum((row.cost_usd for row in rows if row.closed_at <= at), Decimal(0))
