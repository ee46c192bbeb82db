"""The views are in every migrated database, described, and readable by one role that can do nothing
else.
"""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from montage_pipeline.requests.analytics.model import SQL_TYPES
from montage_pipeline.requests.analytics.schema import READER_ROLE, apply_views
from montage_pipeline.requests.analytics.views import VIEWS
from montage_pipeline.requests.migrate import upgrade
from montage_pipeline.settings import Settings


def test_every_view_and_column_is_described(engine: Engine) -> None:
    with engine.connect() as connection:
        comments = dict(
            tuple(row)
            for row in connection.execute(
                text(
                    "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class "
                    "WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'v'"
                )
            )
        )
        assert comments == {view.name: view.comment for view in VIEWS}
        for view in VIEWS:
            found = connection.execute(
                text(
                    "SELECT attname, format_type(atttypid, atttypmod), "
                    "col_description(attrelid, attnum) FROM pg_attribute "
                    "WHERE attrelid = CAST(:view AS regclass) AND attnum > 0 ORDER BY attnum"
                ),
                {"view": view.qualified_name},
            )
            types = SQL_TYPES | {"timestamptz": "timestamp with time zone"}
            assert [tuple(row) for row in found] == [
                (column.name, types[column.type], column.comment) for column in view.columns
            ]


@pytest.fixture
def analyst(engine: Engine) -> Iterator[Connection]:
    """A connection that is the role of analysts."""
    with engine.connect() as connection:
        connection.execute(text(f"SET ROLE {READER_ROLE}"))
        connection.commit()
        yield connection
        connection.rollback()
        connection.execute(text("RESET ROLE"))


def test_the_role_reads_the_views(analyst: Connection) -> None:
    for view in VIEWS:
        assert analyst.scalar(text(f"SELECT count(*) FROM {view.qualified_name}")) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT email FROM users",
        "SELECT * FROM api_cost_logs",
        "SELECT secret FROM webhooks",
        "DELETE FROM analytics.calls",
        "UPDATE analytics.calls SET cost_usd = 0",
        "CREATE TABLE analytics.mine (x int)",
        "DROP VIEW analytics.calls",
    ],
)
def test_the_role_can_do_nothing_else(analyst: Connection, statement: str) -> None:
    refused = "permission denied|must be owner|cannot (update|delete from) view"
    with pytest.raises(DBAPIError, match=refused):
        analyst.execute(text(statement))


def test_views_of_another_version_are_made_anew(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA analytics CASCADE"))
        connection.execute(text("CREATE SCHEMA analytics"))
        connection.execute(text("CREATE VIEW analytics.calls AS SELECT 'old' AS version"))
        connection.execute(text("COMMENT ON SCHEMA analytics IS 'of a version before 1a2b3c'"))
    assert upgrade(database_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM analytics.calls")) == 0
        oid = connection.scalar(text("SELECT 'analytics.calls'::regclass::oid"))
    upgrade(database_url)
    with engine.connect() as connection:
        # What is current stays in place: who reads it is not disturbed.
        assert connection.scalar(text("SELECT 'analytics.calls'::regclass::oid")) == oid


def test_a_database_user_who_may_make_no_roles_gets_the_views_all_the_same(
    engine: Engine, database_url: str
) -> None:
    owner, role = f"owner_{uuid4().hex}", f"reader_{uuid4().hex}"
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA analytics CASCADE"))
        connection.execute(text(f"CREATE ROLE {owner} NOLOGIN"))
        database = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"GRANT CREATE ON DATABASE {database} TO {owner}"))
        connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {owner}"))
    plain = create_engine(Settings(database_url=database_url).sqlalchemy_url)
    with plain.begin() as connection:
        connection.execute(text(f"SET LOCAL ROLE {owner}"))
        assert not apply_views(connection, role=role)
        assert connection.scalar(text("SELECT count(*) FROM analytics.cost_by_day")) == 0
    plain.dispose()
    with engine.begin() as connection:
        assert apply_views(connection, role=role), "an administrator makes it"
        connection.execute(text(f"SET LOCAL ROLE {role}"))
        assert connection.scalar(text("SELECT count(*) FROM analytics.cost_by_day")) == 0
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA analytics CASCADE"))
        connection.execute(text(f"DROP OWNED BY {owner}, {role}"))
        connection.execute(text(f"DROP ROLE {owner}, {role}"))
