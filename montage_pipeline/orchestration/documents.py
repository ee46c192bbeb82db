"""IO managers: documents as JSON, tables as CSV, both in the object store.

A value goes to `work/<partition key>/<asset>.json`, so any machine can run any step, and a step can
be
run again from its inputs long after the run that made them.
"""

from typing import TYPE_CHECKING, Any

import dagster as dg

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.orchestration.services import Services
from montage_pipeline.records import Record

if TYPE_CHECKING:
    import pandas as pd


def document_key(partition_key: str, asset: str) -> str:
    """Where the object store keeps an asset's value for one request."""
    return f"work/{partition_key}/{asset}.json"


class DocumentIOManager(dg.IOManager):
    """Stores a Record as JSON and reads it back as the type the downstream asset names."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def handle_output(self, context: dg.OutputContext, obj: Record) -> None:
        """Write the value in one PUT: it is there whole or not at all."""
        key = document_key(context.partition_key, context.asset_key.path[-1])
        self._services.store.put_bytes(
            key, obj.model_dump_json(indent=1).encode(), content_type="application/json"
        )
        context.add_output_metadata({"dagster/uri": f"s3://{self._services.store.bucket}/{key}"})

    def load_input(self, context: dg.InputContext) -> Record:
        """Read the upstream value; a missing one fails at once and names the asset to materialise."""
        asset = context.asset_key.path[-1]
        key = document_key(context.partition_key, asset)
        kind: Any = context.dagster_type.typing_type
        if self._services.store.head(key) is None:
            raise PermanentError(
                ErrorCode.MISSING_INPUT,
                f"{key} is not in the object store. Materialise {asset} for this partition first.",
            )
        value = kind.model_validate_json(self._services.store.get_bytes(key))
        assert isinstance(value, Record)
        return value


class TableIOManager(dg.IOManager):
    """Stores a pandas DataFrame as CSV under `analytics/`, for analysts to download."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def handle_output(self, context: dg.OutputContext, obj: "pd.DataFrame") -> None:
        """Write the table; decimals keep every digit."""
        key = f"analytics/{context.asset_key.path[-1]}.csv"
        self._services.store.put_bytes(
            key, obj.to_csv(index=False).encode(), content_type="text/csv"
        )
        context.add_output_metadata({"dagster/uri": f"s3://{self._services.store.bucket}/{key}"})

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame":
        """Read the table back; `cost_usd` as Decimal."""
        import io
        from decimal import Decimal

        import pandas as pd

        data = self._services.store.get_bytes(f"analytics/{context.asset_key.path[-1]}.csv")
        return pd.read_csv(io.BytesIO(data), converters={"cost_usd": Decimal})
