"""The views for analysts as Arrow tables and as Parquet, one file per view and day.

Belongs here: reading a view, and its files in the private bucket. Does not belong here: what a view
holds (requests.analytics), and when files are written (orchestration.analytics).

Amounts are decimals with twelve places all the way: what is summed from a file is what is summed
from the ledger, to the last digit.
"""

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

from montage_pipeline.costs.mart_checks import ledger_sums
from montage_pipeline.requests.analytics.model import View
from montage_pipeline.storage.keys import mart_days_of, mart_key
from montage_pipeline.storage.object_store import ObjectStore

if TYPE_CHECKING:
    import pyarrow as pa

_READERS = 8
"""Files read at once: each is small, so that waiting for the store is all there is to it."""

_CONTENT_TYPE = "application/vnd.apache.parquet"


class StoredDay(NamedTuple):
    """A day's file: its rows, the sum of each of its columns of USD, and which of these columns
    have an amount below 0.
    """

    day: date
    rows: int
    sums: dict[str, Decimal]
    negative: tuple[str, ...]


def days_between(first: date, last: date) -> list[date]:
    """Both included; none when `last` is before `first`."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def store_days(
    engine: Engine, store: ObjectStore, view: View, days: Sequence[date]
) -> "dict[date, Decimal] | None":
    """Write the file of each of these days, which are a range; one without rows gets one too, so
    that a day that is missing can be told from one on which nothing happened.

    Returns what the ledger's own rows come to on each day (see `ledger_sums`), as they were in the
    transaction that the view was read in.
    """
    import pyarrow.compute as pc

    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        table = _selected(connection, view, days[0], days[-1])
        sums = ledger_sums(connection, view, days[0], days[-1])
    for day in days:
        rows = table.filter(pc.equal(table["day"], day))
        store.put_bytes(mart_key(view.name, day), parquet_of(rows), content_type=_CONTENT_TYPE)
    return sums


def stored_days(store: ObjectStore, view: View) -> list[date]:
    """The days that have a file, oldest first."""
    return sorted(mart_days_of(view.name, store.list_keys(mart_key(view.name))))


def written_days(store: ObjectStore, view: View) -> dict[date, datetime]:
    """When the file of each day that has one was written, by the store's clock."""
    return {
        day: stored.modified
        for stored in store.list_objects(mart_key(view.name))
        for day in mart_days_of(view.name, [stored.key])
        if stored.modified is not None
    }


def read_days(store: ObjectStore, view: View, days: Sequence[date]) -> list[StoredDay]:
    """What the files of these days hold."""
    with ThreadPoolExecutor(_READERS) as pool:
        tables = pool.map(lambda day: read_day(store, view, day), days)
        return [_stored_day(view, day, rows) for day, rows in zip(days, tables, strict=True)]


def read_day(store: ObjectStore, view: View, day: date) -> "pa.Table":
    """The rows of a day's file."""
    import pyarrow.parquet as pq

    return pq.read_table(
        io.BytesIO(store.get_bytes(mart_key(view.name, day))), schema=arrow_schema(view)
    )


def parquet_of(table: "pa.Table") -> bytes:
    """The table as one Parquet file."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def last_changes(engine: Engine, since: datetime) -> dict[date, datetime]:
    """When what the views show of a day last changed, for the days of which it did since then.

    What changes is a call, or how a request ends; with it come the days of the request, of its
    calls, and of the first delivery of its item.
    """
    query = """
        WITH change AS (
            SELECT id AS request_id, greatest(finished_at, created_at) AS changed_at
            FROM montage_requests WHERE finished_at >= :since OR created_at >= :since
            UNION ALL
            SELECT montage_request_id, updated_at FROM api_cost_logs WHERE updated_at >= :since
        ), request AS (
            SELECT r.id, r.content_item_id, r.created_at, max(changed_at) AS changed_at
            FROM montage_requests r JOIN change ON change.request_id = r.id GROUP BY r.id
        ), moment (at, changed_at) AS (
            SELECT created_at, changed_at FROM request
            UNION ALL
            SELECT created_at, updated_at FROM api_cost_logs WHERE updated_at >= :since
            UNION ALL
            SELECT call.created_at, request.changed_at
            FROM api_cost_logs call JOIN request ON request.id = call.montage_request_id
            UNION ALL
            SELECT min(r.finished_at), max(request.changed_at)
            FROM request JOIN montage_requests r USING (content_item_id)
            WHERE r.state = 'succeeded' GROUP BY content_item_id
        )
        SELECT (at AT TIME ZONE 'UTC')::date AS day, max(changed_at) AS changed_at
        FROM moment GROUP BY 1 ORDER BY 1
    """
    with engine.connect() as connection:
        rows = connection.execute(text(query), {"since": since})
        return {row.day: row.changed_at for row in rows}


def first_day(engine: Engine) -> date | None:
    """The UTC day of the ledger's first row or of the first request, whichever was earlier."""
    query = """
        SELECT (least(
            (SELECT min(created_at) FROM api_cost_logs),
            (SELECT min(created_at) FROM montage_requests)
        ) AT TIME ZONE 'UTC')::date
    """
    with engine.connect() as connection:
        day: date | None = connection.scalar(text(query))
    return day


def today() -> date:
    """The UTC day."""
    return datetime.now(UTC).date()


def arrow_schema(view: View) -> "pa.Schema":
    """The types of a view's files; ids are text, which everything can read."""
    import pyarrow as pa

    types = {
        "date": pa.date32(),
        "timestamptz": pa.timestamp("us", tz="UTC"),
        "text": pa.string(),
        "uuid": pa.string(),
        "bigint": pa.int64(),
        "boolean": pa.bool_(),
        "usd": pa.decimal128(38, 12),
    }
    return pa.schema(
        [
            pa.field(column.name, types[column.type], metadata={"comment": column.comment})
            for column in view.columns
        ]
    )


def _selected(connection: Connection, view: View, first: date, last: date) -> "pa.Table":
    import pyarrow as pa

    order = ", ".join(("day", *(name for name in view.grain if name != "day")))
    rows = connection.execute(
        text(
            f"SELECT * FROM {view.qualified_name}"  # noqa: S608
            f" WHERE day BETWEEN :first AND :last ORDER BY {order}"
        ),
        {"first": first, "last": last},
    )
    return pa.Table.from_pylist(list(_plain(rows.mappings())), schema=arrow_schema(view))


def _plain(rows: Any) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            name: str(value) if isinstance(value, UUID) else value for name, value in row.items()
        }


def _stored_day(view: View, day: date, rows: "pa.Table") -> StoredDay:
    amounts = {
        name: [value for value in rows[name].to_pylist() if value is not None]
        for name in view.money_columns
    }
    return StoredDay(
        day=day,
        rows=rows.num_rows,
        sums={name: sum(values, Decimal(0)) for name, values in amounts.items()},
        negative=tuple(name for name, values in amounts.items() if any(v < 0 for v in values)),
    )
