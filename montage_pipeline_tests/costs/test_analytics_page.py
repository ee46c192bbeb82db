"""Every answer of docs/analytics.md is run as it stands there: on Postgres as the role of analysts,
in DuckDB, and in pandas. All three say the same.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from montage_pipeline.costs.marts import days_between, store_days
from montage_pipeline.requests.analytics.schema import READER_ROLE
from montage_pipeline.requests.analytics.views import VIEWS
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.ledgers import fill, utc
from montage_pipeline_tests.package_tree import ROOT

PAGE = (ROOT / "docs" / "analytics.md").read_text()
QUESTIONS = re.findall(
    r"^### (\d+)\. (.+?)\n\n```sql\n(.+?)\n```\n\n```python\n(.+?)\n```", PAGE, re.M | re.S
)


def plain(value: Any) -> Any:
    """Comparable, whoever answered: numbers to nine digits, anything else as text."""
    if isinstance(value, Decimal | float | int) or type(value).__module__ == "numpy":
        return f"{float(value):.9f}"
    return str(value.date()) if hasattr(value, "date") else str(value)


def rows(answer: Any) -> list[tuple[Any, ...]]:
    """What pandas answers, as rows."""
    if hasattr(answer, "reset_index"):
        if not isinstance(answer.index.names[0], str):
            return [tuple(map(plain, row)) for row in answer.to_numpy().tolist()]
        return [tuple(map(plain, row)) for row in answer.reset_index().to_numpy().tolist()]
    return [(plain(answer),)]


def test_ten_questions_each_answered_in_a_line() -> None:
    assert [int(number) for number, *_ in QUESTIONS] == list(range(1, 11))
    assert all("\n" not in answer for *_, sql, python in QUESTIONS for answer in (sql, python))
    for view in VIEWS:
        assert f"| `{view.name}` |" in PAGE


def test_three_ways_give_the_same_answers(
    engine: Engine,
    object_store: ObjectStore,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    duckdb = pytest.importorskip("duckdb")
    made = fill(engine, until=utc(2026, 11, 3), days=10)
    first = min(call["created_at"] for call in made.requests).date()
    duck = duckdb.connect()
    monkeypatch.chdir(tmp_path)
    [duck_views] = re.findall(r"```sql duckdb\n(.+?)\n```", PAGE, re.S)
    for view in VIEWS:
        store_days(engine, object_store, view, days_between(first, utc(2026, 11, 3).date()))
        for key in object_store.list_keys(f"analytics/{view.name}/"):
            (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / key).write_bytes(object_store.get_bytes(key))
        duck.sql(duck_views.format(table=view.name))

    for name, value in {
        "R2_ENDPOINT_URL": settings.r2_endpoint_url,
        "R2_ACCESS_KEY_ID": settings.r2_access_key_id,
        "R2_SECRET_ACCESS_KEY": settings.r2_secret_access_key.get_secret_value(),
        "R2_BUCKET": settings.r2_bucket,
    }.items():
        monkeypatch.setenv(name, str(value))
    names: dict[str, Any] = {}
    [preamble] = re.findall(r"```python preamble\n(.+?)\n```", PAGE, re.S)
    exec(preamble, names)

    for _number, question, sql, python in QUESTIONS:
        with engine.connect() as connection:
            connection.execute(text(f"SET LOCAL ROLE {READER_ROLE}"))
            found = [tuple(map(plain, row)) for row in connection.execute(text(sql))]
        assert found, question
        assert "nan" not in str(found), question
        in_duck = [tuple(map(plain, row)) for row in duck.sql(sql).fetchall()]
        in_pandas = rows(eval(python, names))
        assert sorted(in_duck) == sorted(found), question
        assert sorted(in_pandas) == sorted(found), question
    assert UUID(found[0][0])
