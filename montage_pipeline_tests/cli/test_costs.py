"""`montage costs --by …`: the ledger summed, for people and for programs."""

import csv
import io
import json
import re
from decimal import Decimal

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from montage_pipeline.cli.app import app
from montage_pipeline.costs.reports import Dimension
from montage_pipeline.settings import get_settings
from montage_pipeline_tests.ledgers import Ledger, fill, utc


@pytest.fixture
def ledger(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A week, in the database that the command finds."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    get_settings.cache_clear()
    return fill(engine, until=utc(2026, 11, 10), days=7)


def montage(*args: str) -> Result:
    result = CliRunner().invoke(app, ["costs", *args], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("by", [by for by in Dimension if by is not Dimension.REEL])
def test_every_way_of_summing_gives_the_ledger(ledger: Ledger, by: Dimension) -> None:
    import pyarrow.parquet as pq

    total = sum((call["cost_usd"] for call in ledger.calls), Decimal(0))
    lines = json.loads(montage("--by", by, "--json").output)
    assert sum(Decimal(line["cost_usd"]) for line in lines) == total
    assert sum(line["calls"] for line in lines) == len(ledger.calls)

    amounts = [value for line in lines for name, value in line.items() if name.endswith("_usd")]
    assert [usd for usd in amounts if not re.fullmatch(r"\d+(\.\d+)?", usd)] == []

    rows = list(csv.DictReader(io.StringIO(montage("--by", by, "--csv").output)))
    assert [row["key"] for row in rows] == [line["key"] for line in lines]
    assert sum(Decimal(row["cost_usd"]) for row in rows) == total

    table = pq.read_table(io.BytesIO(montage("--by", by, "--parquet").stdout_bytes))
    assert sum(table["cost_usd"].to_pylist()) == total
    table_lines = montage("--by", by).output.splitlines()
    assert [line.split()[0] for line in table_lines[1:-1]] == [line["key"] for line in lines]
    shown = table_lines[-1].split()
    assert shown[:3] == ["total", str(len(ledger.calls)), f"{total:.6f}"]


def test_reels_cost_what_all_their_requests_did(ledger: Ledger) -> None:
    delivered = {r["content_item_id"] for r in ledger.requests if r["state"] == "succeeded"}
    lines = json.loads(montage("--by", "reel", "--json").output)
    assert {line["key"] for line in lines} == {str(item) for item in delivered}
    for line in lines:
        calls = [
            call
            for call in ledger.calls
            if str((ledger.request_of(call) or {})["content_item_id"]) == line["key"]
        ]
        assert Decimal(line["cost_usd"]) == sum((c["cost_usd"] for c in calls), Decimal(0))


def test_since_and_user_narrow_it(ledger: Ledger) -> None:
    someone = ledger.calls[0]["user_id"]
    [line] = json.loads(montage("--by", "user", "--user", str(someone), "--json").output)
    assert line["key"] == str(someone)
    days = json.loads(montage("--by", "day", "--since", "2026-11-09", "--json").output)
    assert {line["key"] for line in days} <= {"2026-11-09", "2026-11-10"}


def test_calls_without_any_are_a_parquet_file_with_types(ledger: Ledger) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(montage("--parquet").stdout_bytes))
    assert table.num_rows == 0, "the local user has none"
    assert str(table.schema.field("cost_usd").type) == "decimal128(38, 12)"
    assert str(table.schema.field("created_at").type) == "timestamp[us, tz=UTC]"


def test_one_form_at_a_time(ledger: Ledger) -> None:
    result = CliRunner().invoke(app, ["costs", "--csv", "--json"])
    assert result.exit_code == 2
    assert "one or the other" in result.output
