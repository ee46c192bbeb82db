"""A view of the schema `analytics`, and its columns."""

from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Literal

SCHEMA = "analytics"

ColumnType = Literal["date", "timestamptz", "text", "uuid", "bigint", "boolean", "usd"]

SQL_TYPES: dict[ColumnType, str] = {
    "date": "date",
    "timestamptz": "timestamptz",
    "text": "text",
    "uuid": "uuid",
    "bigint": "bigint",
    "boolean": "boolean",
    # The ledger's twelve decimals, with room for the sum of every row there will ever be.
    "usd": "numeric(38,12)",
}


@dataclass(frozen=True)
class Column:
    """A column, and the sentence on it that Postgres, Dagster and the docs show."""

    name: str
    type: ColumnType
    comment: str


@dataclass(frozen=True)
class View:
    """A view with one row for each combination of the columns of its `grain`.

    Every view has a `day` (UTC): files are partitioned by it. `reads` names the views that it is
    made from; none of them means the product's own tables.
    """

    name: str
    comment: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...]
    reads: tuple[str, ...] = ()

    @cached_property
    def query(self) -> str:
        """What is selected, from `queries/`."""
        folder = resources.files("montage_pipeline.requests.analytics") / "queries"
        return (folder / f"{self.name}.sql").read_text(encoding="utf-8").strip()

    @property
    def qualified_name(self) -> str:
        """With its schema."""
        return f"{SCHEMA}.{self.name}"

    @property
    def money_columns(self) -> tuple[str, ...]:
        """The names of the columns that hold USD."""
        return tuple(column.name for column in self.columns if column.type == "usd")
