"""The migrations and the tables of the code are the same thing said twice."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from montage_pipeline.requests.migrate import is_current, upgrade
from montage_pipeline.requests.tables import Base


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
