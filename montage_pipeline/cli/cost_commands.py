"""`montage costs`: what was paid for, call by call or summed, for people and for programs."""

import csv
import io
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from montage_pipeline.cli.options import UserOption
from montage_pipeline.cli.system import running_database
from montage_pipeline.cli.terminal import plain, plain_table
from montage_pipeline.costs.reports import CostRow, Dimension, costs_by, get_user_costs
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.records import Record

if TYPE_CHECKING:
    from montage_pipeline.costs.reports import CostLine, UserCosts


class _Output(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


_CALL_COLUMNS = (
    "created_at",
    "service",
    "endpoint",
    "state",
    "cost_usd",
    "montage_request_id",
    "predicted_usd",
)
_AMOUNTS = ("cost_usd", "predicted_usd", "wasted_usd")

_LINE_COLUMNS = 100
"""Characters of a line with a whole id, which is what `--user` and the API take: a narrower
terminal wraps it.
"""


def costs(
    by: Annotated[
        Dimension | None,
        typer.Option(help="Sums by this, of everybody's calls; without it, every call of a user."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only calls from this moment on (UTC).")
    ] = None,
    user: UserOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV on stdout.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
    as_parquet: Annotated[
        bool, typer.Option("--parquet", help="As a Parquet file on stdout.")
    ] = False,
) -> None:
    """Show what was paid for."""
    output = _output(as_csv=as_csv, as_json=as_json, as_parquet=as_parquet)
    moment = since.replace(tzinfo=UTC) if since else None
    with running_database() as services:
        if by is not None:
            lines = costs_by(services.engine, by, since=moment, user_id=user)
            _show_lines(by, lines, output)
        else:
            report = get_user_costs(services.engine, user or LOCAL_USER_ID, moment)
            _show_calls(report, output)


def _output(*, as_csv: bool, as_json: bool, as_parquet: bool) -> _Output:
    asked = [
        output
        for output, is_asked in (
            (_Output.CSV, as_csv),
            (_Output.JSON, as_json),
            (_Output.PARQUET, as_parquet),
        )
        if is_asked
    ]
    if len(asked) > 1:
        raise typer.BadParameter("--csv, --json and --parquet are one or the other.")
    if as_parquet and sys.stdout.isatty():
        raise PermanentError(
            ErrorCode.FILE_ERROR,
            "A Parquet file is not for a terminal: send it to a file, as in "
            "`montage costs --by day --parquet > costs.parquet`.",
        )
    return asked[0] if asked else _Output.TABLE


def _show_calls(report: "UserCosts", output: _Output) -> None:
    if output is _Output.JSON:
        print(report.model_dump_json())  # noqa: T201
    elif output is _Output.TABLE:
        Console().print(_calls_table(report))
    else:
        _write(CostRow, report.rows, _CALL_COLUMNS, output)


def _show_lines(by: Dimension, lines: "Sequence[CostLine]", output: _Output) -> None:
    from montage_pipeline.costs.reports import CostLine

    columns = tuple(CostLine.model_fields)
    if output is _Output.JSON:
        print("[" + ",".join(line.model_dump_json() for line in lines) + "]")  # noqa: T201
    elif output is _Output.TABLE:
        console = Console()
        console.width = max(console.width, _LINE_COLUMNS)
        console.print(_lines_table(by, lines))
    else:
        _write(CostLine, lines, columns, output)


def _write(
    kind: type[Record], rows: Sequence[Record], columns: tuple[str, ...], output: _Output
) -> None:
    if output is _Output.CSV:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([[_csv_value(getattr(row, name)) for name in columns] for row in rows])
        return
    values = [{name: _parquet_value(getattr(row, name)) for name in columns} for row in rows]
    sys.stdout.buffer.write(_parquet(kind, values, columns))


def _csv_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else value


def _parquet_value(value: Any) -> Any:
    return value if value is None or isinstance(value, Decimal | int | datetime) else str(value)


def _parquet(kind: type[Record], values: list[dict[str, Any]], columns: tuple[str, ...]) -> bytes:
    """Types by the record's fields, so that a file without rows has them too."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def arrow_type(name: str) -> pa.DataType:
        if name in _AMOUNTS:
            return pa.decimal128(38, 12)
        types = {int: pa.int64(), datetime: pa.timestamp("us", tz="UTC")}
        return types.get(kind.model_fields[name].annotation, pa.string())  # type: ignore[arg-type]

    schema = pa.schema([(name, arrow_type(name)) for name in columns])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(values, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()


def _calls_table(report: "UserCosts") -> Table:
    table = plain_table("when", "service", "endpoint", "state", "USD", right="USD")
    for row in report.rows:
        table.add_row(
            f"{row.created_at:%Y-%m-%d %H:%M}",
            row.service.value,
            plain(row.endpoint),
            row.state.value,
            f"{row.cost_usd:f}",
        )
    table.add_row("total", "", "", "", f"{report.total_usd:f}", style="bold")
    return table


def _lines_table(by: Dimension, lines: "Sequence[CostLine]") -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(by.value)
    for name in ("requests", "calls", "USD", "predicted", "wasted"):
        table.add_column(name, justify="right")
    for line in lines:
        amounts = (line.cost_usd, line.predicted_usd, line.wasted_usd)
        counts = (str(line.requests), str(line.calls))
        table.add_row(plain(line.key), *counts, *(f"{amount:.6f}" for amount in amounts))
    totals = [
        sum((getattr(line, name) for line in lines), Decimal(0))
        for name in ("cost_usd", "predicted_usd", "wasted_usd")
    ]
    # Each call is in one line; a request can be in several, so that theirs do not add up.
    calls = str(sum(line.calls for line in lines))
    table.add_row("total", "", calls, *(f"{amount:.6f}" for amount in totals), style="bold")
    return table
