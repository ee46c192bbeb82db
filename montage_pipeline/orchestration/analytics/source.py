"""The ledger, `api_cost_logs`, as the graph's source of everything about money."""

from typing import Any

import dagster as dg
from sqlalchemy import inspect

from montage_pipeline.requests.tables import ApiCostLogRow

GROUP = "costs"

COMMON: dict[str, Any] = {
    "group_name": GROUP,
    "owners": ["team:montage"],
    "tags": {"domain": "costs"},
}

COLUMN_MEANINGS = {
    "id": "Id of the row.",
    "user_id": "Who the call was paid for.",
    "service": "Whom the call was made to.",
    "endpoint": "Path or model that was called.",
    "cost_usd": "What it cost; 0 while pending.",
    "predicted_usd": "What it was predicted to cost before it was sent.",
    "state": "pending: sent, not priced yet; settled: priced from the reported usage; estimated: "
    "perhaps charged, never answered.",
    "montage_request_id": "The request it was made for; null when that was deleted.",
    "run_id": "The Dagster run that made it.",
    "asset": "The step that made it.",
    "fingerprint": "Names what was bought, so that a retry knows it.",
    "provider_request_id": "The provider's own id of the call.",
    "usage": "What the provider reported, in its own terms.",
    "price_version": "Day of the price table, and its row.",
    "sent_at": "When its bytes went out; null: never.",
    "created_at": "When the row was written.",
    "updated_at": "When it last changed.",
}


def _columns() -> list[dg.TableColumn]:
    table = inspect(ApiCostLogRow).local_table
    return [
        dg.TableColumn(
            name=column.name,
            type=str(column.type).lower(),
            description=COLUMN_MEANINGS[column.name],
            constraints=dg.TableColumnConstraints(
                nullable=bool(column.nullable), unique=column.primary_key
            ),
        )
        for column in table.columns
    ]


api_cost_logs = dg.AssetSpec(
    "api_cost_logs",
    description="The ledger of paid calls: one row per call, written before it is sent.",
    kinds={"postgres"},
    code_version="1",
    metadata={
        "dagster/column_schema": dg.TableSchema(columns=_columns()),
        "dagster/table_name": "public.api_cost_logs",
    },
    **COMMON,
)
