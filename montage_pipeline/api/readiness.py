"""Whether what the API leans on answers: the database, its schema, the object store.

A probe must not hang because a dependency does. Each check has its own thread and a time limit;
while one hangs, the next probe reports that instead of starting another.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import sqlalchemy

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.records import Record
from montage_pipeline.requests import migrate
from montage_pipeline.requests.database import create_engine
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import ABSENT_KEY
from montage_pipeline.storage.object_store import ObjectStore

log = get_logger(__name__)

LIMIT_S = 3.0
"""A probe gives up sooner than the orchestrators that call it, which wait 5 s and more."""

FRESH_S = 1.0
"""Everybody may call /readyz; the dependencies are asked for it at most this often."""

_POSTGRES_LIMIT_S = 2
"""Postgres is given up on before the whole probe is."""


class CheckResult(Record):
    """How one dependency answered. `problem` is null when all is well."""

    name: str
    problem: str | None
    seconds: float


class Readiness:
    """The checks behind /readyz."""

    def __init__(self, settings: Settings, store: ObjectStore) -> None:
        # Its own connections: a pool exhausted by slow requests is not a database that is down.
        self._engine = create_engine(
            settings,
            pool_size=2,
            max_overflow=0,
            pool_timeout=_POSTGRES_LIMIT_S,
            connect_args={
                "connect_timeout": _POSTGRES_LIMIT_S,
                "tcp_user_timeout": _POSTGRES_LIMIT_S * 1000,
                "options": f"-c statement_timeout={_POSTGRES_LIMIT_S * 1000}",
                "application_name": "montage-readyz",
            },
        )
        checks: dict[str, Callable[[], None]] = {
            "database": partial(_check_database, self._engine),
            "migrations": partial(_check_migrations, self._engine),
            "objectStore": partial(_check_store, store),
        }
        self._probes = [_Probe(name, check) for name, check in checks.items()]

    def check(self) -> list[CheckResult]:
        """Ask every dependency; takes at most `LIMIT_S` seconds."""
        deadline = time.monotonic() + LIMIT_S
        asked = [(probe, probe.ask()) for probe in self._probes]
        return [probe.result(future, deadline) for probe, future in asked]

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


class _Probe:
    """One check; simultaneous callers share one run of it."""

    def __init__(self, name: str, check: Callable[[], None]) -> None:
        self._name = name
        self._check = check
        self._lock = threading.Lock()
        self._latest: Future[CheckResult] | None = None
        self._begun_s = 0.0

    def ask(self) -> "Future[CheckResult]":
        with self._lock:
            if self._latest is None or (
                self._latest.done() and time.monotonic() - self._begun_s > FRESH_S
            ):
                self._begun_s = time.monotonic()
                self._latest = Future()
                # A daemon: the process may end while a dependency keeps this thread waiting.
                threading.Thread(
                    target=self._answer,
                    args=(self._latest,),
                    name=f"readyz-{self._name}",
                    daemon=True,
                ).start()
            return self._latest

    def result(self, future: "Future[CheckResult]", deadline: float) -> CheckResult:
        try:
            return future.result(timeout=max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            return CheckResult(
                name=self._name,
                problem="does not answer in time",
                seconds=round(time.monotonic() - self._begun_s, 3),
            )

    def _answer(self, future: "Future[CheckResult]") -> None:
        future.set_result(self._run())

    def _run(self) -> CheckResult:
        begun = time.monotonic()
        problem = None
        try:
            self._check()
        except Exception as error:
            # Addresses and account names belong in the log, not in an answer that everybody may
            # read.
            log.warning(
                "not_ready",
                check=self._name,
                error=str(error).splitlines()[0] if str(error) else type(error).__name__,
            )
            problem = error.code if isinstance(error, MontageError) else "cannot be reached"
        return CheckResult(
            name=self._name, problem=problem, seconds=round(time.monotonic() - begun, 3)
        )


def _check_database(engine: sqlalchemy.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))


def _check_migrations(engine: sqlalchemy.Engine) -> None:
    if not migrate.is_current(engine):
        raise PermanentError(
            ErrorCode.MIGRATIONS_PENDING,
            "The database's schema is not the one this version needs; run the migrations.",
        )


def _check_store(store: ObjectStore) -> None:
    """Reading a key that is not there is the cheapest request that also needs valid keys and the
    bucket.
    """
    try:
        store.get_bytes(ABSENT_KEY)
    except PermanentError as error:
        if error.code is not ErrorCode.STORE_MISSING:
            raise
