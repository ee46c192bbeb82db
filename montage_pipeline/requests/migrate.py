"""Bringing a database to the newest schema, and telling whether it is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from montage_pipeline.requests.analytics.schema import apply_views, drop_views

_ADVISORY_LOCK = 0x6D6F6E74
"""Any constant serves that is the same in every process that migrates."""


def alembic_config() -> Config:
    """What Alembic's commands need beside `attributes["connection"]`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(url: str) -> bool:
    """Run every pending migration, and bring the views for analysts to what this version defines.
    Safe to call from several processes at once.

    `url` is a SQLAlchemy URL or a plain postgresql:// one. False when the role that may read the
    views is missing, and could not be made.
    """
    with _migrating(url) as config:
        connection = config.attributes["connection"]
        if MigrationContext.configure(connection).get_current_revision() != newest_revision():
            drop_views(connection)
            command.upgrade(config, "head")
        return apply_views(connection)


def downgrade(url: str, revision: str) -> None:
    """Undo the migrations after this revision, for an earlier version of the code.

    One that would lose what users stored raises, and nothing is changed.
    """
    with _migrating(url) as config:
        drop_views(config.attributes["connection"])
        command.downgrade(config, revision)


@contextmanager
def _migrating(url: str) -> Iterator[Config]:
    """What Alembic's commands take, while nobody else migrates."""
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.execute(
            sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}
        )
        connection.commit()
        try:
            config = alembic_config()
            config.attributes["connection"] = connection
            yield config
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(
                sqlalchemy.text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK}
            )
            connection.commit()


def newest_revision() -> str:
    """The revision this version of the code needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head


def is_current(engine: Engine) -> bool:
    """Whether the database has every migration this version of the code needs."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest_revision()
