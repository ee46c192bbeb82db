"""Puts the views into a database, and lets a role read them and nothing else.

The views are derived, so they are not in the migrations: each upgrade makes them anew when what is
defined here is not what the database has.
"""

import hashlib
from collections.abc import Iterator

from psycopg.errors import DuplicateObject, InsufficientPrivilege
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from montage_pipeline.requests.analytics.model import SCHEMA, SQL_TYPES, View
from montage_pipeline.requests.analytics.views import VIEWS

READER_ROLE = "montage_analyst"
"""May read the views and nothing else. Nobody can log in as it: people are made members."""


def drop_views(connection: Connection) -> None:
    """Take the views away, so that a migration may change the tables under them."""
    connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))


def apply_views(connection: Connection, *, role: str = READER_ROLE) -> bool:
    """Bring the views to what is defined here, and let the role read them. False where there is no
    such role, and the database user may not make one.

    Runs in the caller's transaction: readers see the old views, or the new ones.
    """
    if _stored_digest(connection) != _digest():
        drop_views(connection)
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        for statement in _statements():
            connection.exec_driver_sql(statement)
        comment = f"Costs and Reels for analysts, read-only (docs/analytics.md). {_digest()}"
        connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS {_quoted(comment)}")
    return _let_read(connection, role)


def _let_read(connection: Connection, role: str) -> bool:
    exists = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
    if not connection.scalar(exists, {"role": role}):
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"CREATE ROLE {role} NOLOGIN")
        except ProgrammingError as error:
            if isinstance(error.orig, InsufficientPrivilege):
                return False
            # Roles belong to the whole server: another database's upgrade may have been quicker.
            if not isinstance(error.orig, DuplicateObject):
                raise
        except IntegrityError:
            pass  # the same, noticed a moment later
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}")
    connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {role}")
    return True


def _statements() -> Iterator[str]:
    for view in VIEWS:
        yield _create(view)
        yield f"COMMENT ON VIEW {view.qualified_name} IS {_quoted(view.comment)}"
        for column in view.columns:
            name = f"{view.qualified_name}.{column.name}"
            yield f"COMMENT ON COLUMN {name} IS {_quoted(column.comment)}"


def _create(view: View) -> str:
    columns = ",\n    ".join(
        f"{column.name}::{SQL_TYPES[column.type]} AS {column.name}" for column in view.columns
    )
    return (
        f"CREATE VIEW {view.qualified_name} AS\nSELECT\n    {columns}\n"
        f"FROM (\n{view.query}\n) AS selected"
    )


def _quoted(comment: str) -> str:
    return "'" + comment.replace("'", "''") + "'"


def _digest() -> str:
    """Changes with anything that a view is made of."""
    return hashlib.sha256("\x1f".join(_statements()).encode()).hexdigest()


def _stored_digest(connection: Connection) -> str | None:
    comment: str | None = connection.scalar(
        text(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :schema"
        ),
        {"schema": SCHEMA},
    )
    return comment.rpartition(" ")[2] if comment else None
