"""The connection to the product's Postgres."""

from typing import Any

import sqlalchemy
from sqlalchemy.engine import Engine

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.settings import Settings


def create_engine(settings: Settings, **overrides: Any) -> Engine:
    """An engine with a small pool that notices dropped connections.

    Raises PermanentError when DATABASE_URL is not set: a process that cannot reach its rows must
    not start.
    """
    if not settings.database_url:
        raise PermanentError(
            ErrorCode.NO_DATABASE,
            "DATABASE_URL is not set. Set it, or use `montage up`, which starts its own Postgres.",
        )
    options: dict[str, Any] = {
        # Ten connections at most; a pooler or firewall may drop those that idle for long.
        "pool_pre_ping": True,
        "pool_size": 2,
        "max_overflow": 8,
        "pool_recycle": 600,
        "connect_args": {"connect_timeout": 10, "application_name": "montage"},
    }
    return sqlalchemy.create_engine(settings.sqlalchemy_url, **(options | overrides))


def create_heartbeat_engine(settings: Settings) -> Engine:
    """An engine whose calls fail within seconds when the database is away: a beat that comes late
    is worth nothing, and the next one may go through.
    """
    return create_engine(
        settings,
        pool_size=1,
        max_overflow=1,
        pool_timeout=5,
        connect_args={
            "connect_timeout": 3,
            "application_name": "montage-heartbeat",
            # A peer that vanished without a word is noticed, too.
            "tcp_user_timeout": 5000,
        },
    )
