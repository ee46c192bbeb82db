"""Dagster's storage in Postgres, over connections that are kept.

Dagster opens a connection for every call of its storage: some three hundred for a Reel, each with a
process of its own in Postgres, and passwords hashed at both ends. Here each process keeps a few,
shared by the three storages; one that broke is noticed and replaced before it is used.
"""

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData
    from sqlalchemy.engine import Engine

_POOL: dict[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    # A run uses one or two, the daemon's threads some more; they are made when they are needed.
    "pool_size": 8,
    "max_overflow": 30,
    "pool_use_lifo": True,
    "pool_pre_ping": True,
    # A pooler or firewall may drop those that idle for long.
    "pool_recycle": 600,
}


class PooledPostgresStorage(DagsterPostgresStorage):
    """`storage` of deploy/dagster-storage.yaml; takes what Dagster's own takes."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: "ConfigurableClassData | None" = None,
    ) -> None:
        # Every look for missing tables is three connections; once in a process will do.
        first = (os.getpid(), postgres_url) not in _looked_for_tables
        super().__init__(postgres_url, should_autocreate_tables and first, inst_data)
        _looked_for_tables.add((os.getpid(), postgres_url))
        engine = _engine(postgres_url, os.getpid())
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            if not hasattr(storage, "_engine"):
                raise RuntimeError(f"{type(storage).__name__} has no _engine to be given a pool")
            storage._engine = engine

    @classmethod
    def from_config_value(
        cls, inst_data: "ConfigurableClassData | None", config_value: Any
    ) -> "PooledPostgresStorage":
        """As Dagster makes it."""
        return cls(
            pg_url_from_config(config_value),
            config_value.get("should_autocreate_tables", True),
            inst_data,
        )


_looked_for_tables: set[tuple[int, str]] = set()


@lru_cache
def _engine(postgres_url: str, pid: int) -> "Engine":
    """One for all instances of a process, which come and go with every tick of a sensor; a fork of
    the process needs its own.
    """
    return create_pg_engine(postgres_url, **_POOL)
