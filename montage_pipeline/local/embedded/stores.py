"""The stores of a local system: its database and its bucket, embedded unless the settings name
others.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import SecretStr

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.local.embedded import postgres, seaweed
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore
from montage_pipeline.settings import Settings
from montage_pipeline.storage.buckets import refuse_open_bucket

_DAGSTER_DATABASE = "dagster"
_AT_ONCE_S = 0.3
"""Each store, for somebody who waits: an orderly stop takes less where the machine is idle."""

_MAX_OWNED_S = 60.0
"""A short command holds its database for a second or two."""


class Stores:
    """Starts what is embedded, keeps it running, and knows the variables that lead to all of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if not settings.r2_endpoint_url and (
            settings.r2_access_key_id or settings.r2_secret_access_key.get_secret_value()
        ):
            raise PermanentError(
                ErrorCode.STORE_NOT_CONFIGURED,
                "there are R2 keys but no endpoint: set R2_ACCOUNT_ID or R2_ENDPOINT_URL too, "
                "or unset R2_*",
            )
        refuse_open_bucket(settings)
        self._postgres = None if settings.database_url else EmbeddedPostgres(settings.home)
        self._objects = None if settings.r2_endpoint_url else EmbeddedObjectStore(settings.home)

    @property
    def owns_dagster_storage(self) -> bool:
        """Whether nobody but this system can have runs in Dagster's storage."""
        return self._postgres is not None and not self._settings.dagster_postgres_url

    def begin(self) -> None:
        """Start everything. Then the database is ready; `finish` waits for the object store."""
        if self._objects is not None:
            _own(self._objects, "the object store", self._objects.begin)
        if self._postgres is not None:
            _own(self._postgres, "Postgres", self._postgres.start)
        elif not self._settings.dagster_postgres_url:
            self._make_dagster_database()

    def migrate(self) -> None:
        """Bring the database to the newest schema."""
        from montage_pipeline.requests.migrate import upgrade

        upgrade(self.reached_by().sqlalchemy_url)

    def finish(self) -> None:
        """Bring the database to the newest schema, and make sure the bucket is there."""
        from montage_pipeline.storage.object_store import ObjectStore

        self.migrate()
        reached = self.reached_by()
        if self._objects is not None:
            self._objects.wait_until_ready()
        ObjectStore.from_settings(reached).ensure_bucket()
        ObjectStore.for_reels(reached).ensure_bucket()

    def revive(self) -> list[str]:
        """Start again what died; returns the names of what had to be started."""
        revived = []
        if self._postgres is not None and self._postgres.pid is None:
            self._postgres.start()
            revived.append("postgres")
        if self._objects is not None and self._objects.pid is None:
            self._objects.start()
            revived.append("object store")
        return revived

    def stop(self, *, at_once: bool = False) -> None:
        """Stop what is embedded. Safe to call again.

        `at_once`: what takes longer than a moment is killed; the next start recovers it.
        """
        if self._objects is not None:
            self._objects.stop(timeout_s=_AT_ONCE_S if at_once else seaweed.MAX_STOP_S)
        if self._postgres is not None:
            self._postgres.stop(timeout_s=_AT_ONCE_S if at_once else postgres.MAX_STOP_S)

    def variables(self) -> dict[str, str]:
        """Every variable that leads to the stores, whether embedded or not.

        Secrets are in clear text.
        """
        settings = self._settings
        found = {
            "DATABASE_URL": self._postgres.dsn()
            if self._postgres is not None
            else settings.database_url,
            "DAGSTER_POSTGRES_URL": self._dagster_url(),
            "R2_ACCOUNT_ID": settings.r2_account_id,
            "R2_ENDPOINT_URL": settings.r2_endpoint_url,
            "R2_ACCESS_KEY_ID": settings.r2_access_key_id,
            "R2_SECRET_ACCESS_KEY": settings.r2_secret_access_key.get_secret_value(),
            "R2_REGION": settings.r2_region,
            "R2_PUBLIC_BASE_URL": settings.r2_public_base_url,
            "R2_PUBLIC_BUCKET": settings.r2_public_bucket,
        }
        if self._objects is not None:
            found |= self._objects.settings()
        return found | {"R2_BUCKET": settings.r2_bucket}

    def dagster_dsn(self) -> str:
        """Dagster's storage as a libpq URL."""
        return self._dagster_url().replace("postgresql+psycopg2://", "postgresql://", 1)

    def reached_by(self) -> Settings:
        """The settings, with what leads to the embedded stores filled in."""
        found = self.variables()
        return self._settings.model_copy(
            update={
                "database_url": found["DATABASE_URL"],
                "r2_endpoint_url": found["R2_ENDPOINT_URL"],
                "r2_access_key_id": found["R2_ACCESS_KEY_ID"],
                "r2_secret_access_key": SecretStr(found["R2_SECRET_ACCESS_KEY"]),
            }
        )

    def _dagster_url(self) -> str:
        if self._settings.dagster_postgres_url:
            return self._settings.dagster_postgres_url
        from sqlalchemy.engine import make_url

        url = make_url(
            self._settings.sqlalchemy_url if self._postgres is None else self._postgres.dsn()
        )
        # SQLAlchemy takes a bare postgresql:// for psycopg 3, with which Dagster's storage cannot
        # listen for events.
        return url.set(
            drivername="postgresql+psycopg2", database=_DAGSTER_DATABASE
        ).render_as_string(hide_password=False)

    def _make_dagster_database(self) -> None:
        import psycopg
        from psycopg import sql

        url = self._settings.sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://", 1)
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
                found = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", (_DAGSTER_DATABASE,)
                ).fetchone()
                if found is None:
                    connection.execute(
                        sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DAGSTER_DATABASE))
                    )
        except psycopg.errors.InsufficientPrivilege as error:
            raise PermanentError(
                ErrorCode.NO_DAGSTER_DATABASE,
                f"the user of DATABASE_URL may not make the database {_DAGSTER_DATABASE}: "
                "make it, or set DAGSTER_POSTGRES_URL to another",
            ) from error
        except psycopg.OperationalError as error:
            raise MontageError(
                ErrorCode.DATABASE_UNAVAILABLE,
                f"cannot reach the Postgres of DATABASE_URL: {str(error).strip()}",
            ) from error


def _own(
    server: EmbeddedPostgres | EmbeddedObjectStore, name: str, start: Callable[[], None]
) -> None:
    """Start a server as our own. One that a short command started for itself ends with it: that is
    waited for.
    """
    deadline_s = time.monotonic() + _MAX_OWNED_S
    start()
    while server.pid is None:
        if time.monotonic() > deadline_s:
            raise MontageError(
                ErrorCode.SERVER_IN_USE,
                f"another process has been holding {name} of this home for {_MAX_OWNED_S:g} s: "
                "stop it first",
            )
        time.sleep(0.1)
        start()
