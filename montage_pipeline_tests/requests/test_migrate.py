"""The migrations make the tables that the code uses, and rows survive them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DataError

from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.migrate import alembic_config, downgrade, is_current, upgrade
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.tables import Base
from montage_pipeline.settings import Settings
from montage_pipeline_tests.clicks import finish

STYLES_OF_0003 = ("dynamic", "cinematic", "travel", "fitness", "food", "minimal")


def test_migrations_make_exactly_the_tables_the_code_uses(
    engine: Engine, database_url: str
) -> None:
    upgrade(database_url)  # a second time changes nothing
    assert is_current(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Base.metadata) == []


@pytest.fixture
def empty_engine(empty_database: str) -> Iterator[Engine]:
    """Connections to a database without a single migration."""
    engine = create_engine(Settings(database_url=empty_database).sqlalchemy_url)
    yield engine
    engine.dispose()


def migrate(engine: Engine, revision: str, *, down: bool = False) -> None:
    """Bring the database to a revision, in one transaction as `upgrade` does."""
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)


def insert_requests(engine: Engine, styles: Sequence[str]) -> list[tuple[UUID, UUID, UUID]]:
    """An item with a queued request for each style, with the columns of the first revision; the ids
    of the user, the item and the request.
    """
    columns = "user_id, style, format, duration_sec, clip_urls"
    values = ":user, :style, 'reel', 30, '[\"https://x/a.mp4\"]'"
    made = []
    with engine.begin() as connection:
        for style in styles:
            user, item, request = uuid4(), uuid4(), uuid4()
            row = {"user": user, "item": item, "request": request, "style": style}
            for statement in (
                "INSERT INTO users (id, email) VALUES (:user, 'somebody@example.org')",
                f"INSERT INTO content_items (id, type, {columns}) VALUES (:item, 'reel', {values})",
                f"INSERT INTO montage_requests (id, content_item_id, {columns})"
                f" VALUES (:request, :item, {values})",
            ):
                connection.execute(text(statement), row)
            made.append((user, item, request))
    return made


def styles_stored(engine: Engine, table: str) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.scalars(text(f"SELECT style::text FROM {table}")))


def style_type(engine: Engine, table: str) -> str:
    columns = {column["name"]: column["type"] for column in inspect(engine).get_columns(table)}
    return type(columns["style"]).__name__


TABLES = ("content_items", "montage_requests")


def test_the_styles_of_rows_survive_becoming_text_and_an_enum_again(empty_engine: Engine) -> None:
    migrate(empty_engine, "0003")
    insert_requests(empty_engine, STYLES_OF_0003)
    assert {style_type(empty_engine, table) for table in TABLES} == {"ENUM"}

    migrate(empty_engine, "0004")
    for table in TABLES:
        assert style_type(empty_engine, table) == "VARCHAR"
        assert styles_stored(empty_engine, table) == sorted(STYLES_OF_0003)
    insert_requests(empty_engine, ["a style of tomorrow"])

    with empty_engine.begin() as connection:
        connection.execute(text("DELETE FROM content_items WHERE style = 'a style of tomorrow'"))
    migrate(empty_engine, "0003", down=True)
    for table in TABLES:
        assert style_type(empty_engine, table) == "ENUM"
        assert styles_stored(empty_engine, table) == sorted(STYLES_OF_0003)


def test_a_downgrade_that_would_lose_a_style_changes_nothing(empty_engine: Engine) -> None:
    migrate(empty_engine, "0004")
    insert_requests(empty_engine, ["travel", "a style of tomorrow"])

    with pytest.raises(DataError, match="a style of tomorrow"):
        migrate(empty_engine, "0003", down=True)

    for table in TABLES:
        assert style_type(empty_engine, table) == "VARCHAR"
        assert styles_stored(empty_engine, table) == ["a style of tomorrow", "travel"]
    with empty_engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "0004"
        leftover = connection.scalar(
            text("SELECT count(*) FROM pg_type WHERE typname = 'montage_style'")
        )
    assert leftover == 0


def test_requests_from_before_there_were_wishes_go_on(empty_engine: Engine) -> None:
    migrate(empty_engine, "0001")
    [(user, item, request)] = insert_requests(empty_engine, ["travel"])
    migrate(empty_engine, "head")

    library, requests = ContentLibrary(empty_engine), RequestLifecycle(empty_engine)
    finish(requests, request)
    again = library.request_again(user, item)
    for request_id in (request, again.request_id):
        stored = requests.get_request(request_id)
        assert stored is not None
        assert stored.options == MontageOptions()

    migrate(empty_engine, "0001", down=True)
    with empty_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM montage_requests")) == 2


def test_an_earlier_version_gets_its_schema_back(empty_database: str) -> None:
    upgrade(empty_database)
    downgrade(empty_database, "0010")
    engine = create_engine(Settings(database_url=empty_database).sqlalchemy_url)
    assert not is_current(engine)
    columns = {column["name"] for column in inspect(engine).get_columns("montage_requests")}
    assert "partition_key" not in columns
    upgrade(empty_database)
    assert is_current(engine)
    engine.dispose()


def test_requests_keep_the_partition_they_had_and_new_ones_have_one_to_read(
    empty_engine: Engine,
) -> None:
    migrate(empty_engine, "0010")
    [(user, item, old)] = insert_requests(empty_engine, ["travel"])
    migrate(empty_engine, "0016")
    clash = UUID("3938602d-0000-4000-8000-000000000000")
    insert = text(
        "INSERT INTO montage_requests (id, content_item_id, user_id, style, format, duration_sec,"
        " clip_urls, created_at, state) VALUES (:id, :item, :user, 'travel', 'reel', 30, '[]',"
        " '2026-11-25 23:16:59+00', 'failed')"
    )
    with empty_engine.begin() as connection:
        for id_ in (clash, UUID(int=clash.int + 1)):
            connection.execute(insert, {"id": id_, "item": item, "user": user})
        rows = connection.execute(text("SELECT id, partition_key FROM montage_requests"))
        assert {row.id: row.partition_key for row in rows} == {
            old: str(old),
            clash: "20261125-2316-travel-3938602d",
            UUID(int=clash.int + 1): "20261125-2316-travel-3938602d000040008000000000000001",
        }
    migrate(empty_engine, "0010", down=True)
    with empty_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM montage_requests")) == 3


def test_items_know_which_request_made_the_reel_they_have(empty_engine: Engine) -> None:
    migrate(empty_engine, "0010")
    made = insert_requests(empty_engine, ["travel", "food"])
    migrate(empty_engine, "0016")
    (user, item, first), (_other, unfinished, _its) = made
    insert = text(
        "INSERT INTO montage_requests (content_item_id, user_id, style, format, duration_sec,"
        " clip_urls, state, finished_at, options) VALUES (:item, :user, 'travel', 'reel', 30, '[]',"
        " :state, now(), CAST(:options AS jsonb))"
    )
    later = [("succeeded", "plan_only"), ("succeeded", "preview"), ("failed", "keep_music")]
    with empty_engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE montage_requests SET state = 'succeeded',"
                " finished_at = now() - interval '1 day' WHERE id = :first"
            ),
            {"first": first},
        )
        for state, wish in later:
            options = f'{{"{wish}": true}}'
            row = {"item": item, "user": user, "state": state, "options": options}
            connection.execute(insert, row)
        connection.execute(
            text("UPDATE content_items SET generated_media_url = 'm' WHERE id = :item"),
            {"item": item},
        )
        revisions = _revisions(connection)
    migrate(empty_engine, "0017")
    with empty_engine.connect() as connection:
        rows = connection.execute(text("SELECT id, reel_request_id FROM content_items"))
        assert {row.id: row.reel_request_id for row in rows} == {item: first, unfinished: None}
        assert _revisions(connection) == revisions, "nobody is told of a change"
    migrate(empty_engine, "0016", down=True)


def _revisions(connection: Connection) -> dict[UUID, tuple[int, datetime]]:
    rows = connection.execute(text("SELECT id, revision, updated_at FROM content_items"))
    return {row.id: (row.revision, row.updated_at) for row in rows}


def test_calls_under_way_before_predictions_count_as_sent(empty_engine: Engine) -> None:
    migrate(empty_engine, "0005")
    [(user, _item, _request)] = insert_requests(empty_engine, ["travel"])
    with empty_engine.begin() as connection:
        for state in ("pending", "settled"):
            connection.execute(
                text(
                    "INSERT INTO api_cost_logs (user_id, service, endpoint, state)"
                    " VALUES (:user, 'claude', '/v1/messages', :state)"
                ),
                {"user": user, "state": state},
            )
    migrate(empty_engine, "0007")
    with empty_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT state::text, sent_at IS NOT NULL, predicted_usd FROM api_cost_logs")
        )
        assert {tuple(row) for row in rows} == {("pending", True, None), ("settled", False, None)}

    migrate(empty_engine, "0005", down=True)
    assert "sent_at" not in {
        column["name"] for column in inspect(empty_engine).get_columns("api_cost_logs")
    }
