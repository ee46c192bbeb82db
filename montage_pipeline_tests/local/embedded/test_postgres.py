"""`EmbeddedPostgres`: survives being killed, keeps its data, touches nothing outside its folders,
runs as root and not as root.
"""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.local.embedded import postgres_programs
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline_tests.local.embedded.test_process import runs, wait_until_gone

ROOT = os.geteuid() == 0


def _searchable_folder() -> Path:
    """A folder that every user may search, as most homes are in."""
    folder = Path(tempfile.mkdtemp(prefix="montage-postgres-"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that is not there yet."""
    folder = _searchable_folder()
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    folder = _searchable_folder()
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def _cluster(shared_home: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(shared_home, durable=False)
    yield server
    server.destroy()


@pytest.fixture
def server(_cluster: EmbeddedPostgres) -> EmbeddedPostgres:
    """A running server, whatever the test before did to it."""
    _cluster.start()
    return _cluster


def _value(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def _modes(path: Path) -> dict[Path, int]:
    return {parent: stat.S_IMODE(parent.stat().st_mode) for parent in (path, *path.parents)}


def test_both_databases_are_there_and_ask_for_the_password(
    server: EmbeddedPostgres, shared_home: Path
) -> None:
    for name in ("montage", "dagster"):
        assert _value(server.dsn(name), "SELECT current_database()") == name
    assert _value(server.dsn(), "SHOW server_encoding") == "UTF8"
    assert (
        _value(server.dsn(), "SELECT datcollate FROM pg_database WHERE datname = 'montage'") == "C"
    )
    password = (shared_home / "postgres" / "password").read_text()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn().replace(password, "guess"))
    assert stat.S_IMODE((shared_home / "postgres" / "password").stat().st_mode) == 0o600


def test_a_killed_server_starts_again_with_its_data_and_address(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    busy = psycopg.connect(server.dsn())
    dsn, pid = server.dsn(), server.pid
    assert pid is not None
    for _ in range(2):
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        server.start()
        assert server.pid not in {killed, None}
        assert server.dsn() == dsn
        assert _value(dsn, "SELECT number FROM kept") == 7
    busy.close()


def test_starting_twice_is_one_server_and_stopping_is_quick(
    server: EmbeddedPostgres, shared_home: Path
) -> None:
    pid = server.pid
    server.start()
    assert server.pid == pid
    other = EmbeddedPostgres(shared_home)
    other.start()
    assert (other.dsn(), other.pid) == (server.dsn(), None)
    other.stop()
    assert _value(server.dsn(), "SELECT 1") == 1, "only the owner stops it"
    with pytest.raises(MontageError, match="belongs to another running process"):
        other.destroy()

    busy = psycopg.connect(server.dsn())
    began = time.monotonic()
    server.stop()
    server.stop()
    assert time.monotonic() - began < 3
    busy.close()
    assert pid is not None
    assert wait_until_gone(pid) == []
    server.start()
    assert _value(server.dsn(), "SELECT 1") == 1


def test_a_server_whose_starter_was_killed_is_replaced(home: Path) -> None:
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""
                import pathlib, time
                from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
                server = EmbeddedPostgres(pathlib.Path({str(home)!r}))
                server.start()
                print(server.pid, flush=True)
                time.sleep(60)
                """
            ),
        ],
        stdout=subprocess.PIPE,
    )
    assert starter.stdout is not None
    orphan = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    server = EmbeddedPostgres(home, durable=False)
    server.start()
    try:
        assert not runs(orphan)
        assert _value(server.dsn("dagster"), "SELECT 1") == 1
    finally:
        server.destroy()
    assert not home.joinpath("postgres").exists()


def test_a_taken_port_is_exchanged_for_another(server: EmbeddedPostgres, shared_home: Path) -> None:
    import socket

    port = int((shared_home / "postgres" / "port").read_text())
    server.stop()
    with socket.create_server(("127.0.0.1", port)):
        server.start()
    assert f":{port}/" not in server.dsn()
    assert _value(server.dsn(), "SELECT 1") == 1


def test_data_of_another_version_is_refused(server: EmbeddedPostgres) -> None:
    server.stop()
    mark = server._data / "PG_VERSION"
    version = mark.read_text()
    mark.write_text("12\n")
    try:
        with pytest.raises(PermanentError, match="made by PostgreSQL 12"):
            server.start()
    finally:
        mark.write_text(version)


@pytest.mark.skipif(
    not ROOT, reason="a home that the server's account cannot reach exists only for root"
)
def test_a_private_home_of_root_stays_private(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    home = private / "home"
    home.mkdir(mode=0o700)
    before = _modes(home)
    server = EmbeddedPostgres(home, durable=False)
    server.start()
    try:
        assert _value(server.dsn(), "SELECT 1") == 1
        outside = server._data
        assert not outside.is_relative_to(home)
        again = EmbeddedPostgres(home)
        again.start()
        assert again.dsn() == server.dsn()
        assert _modes(home) == before
        assert stat.S_IMODE(outside.stat().st_mode) == 0o700
    finally:
        server.destroy()
    assert not outside.parent.exists()


@pytest.mark.skipif(
    not ROOT, reason="programs that the server's account cannot reach exist only for root"
)
def test_programs_below_roots_private_folders_are_copied_to_where_they_can_run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = postgres_programs.wheel_programs().parent.parent
    private = tmp_path / "site-packages"
    private.mkdir(mode=0o700)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, private / folder.name, symlinks=True)
    account = postgres_programs.unprivileged_account()
    programs = private / package.name / "pginstall" / "bin"
    assert not postgres_programs.may_run(account, [programs / "postgres", "--version"])
    monkeypatch.setattr(postgres_programs, "OUTSIDE_HOME", home)

    for _ in range(2):
        copied = postgres_programs.copied_programs(programs, account)
        assert copied.is_relative_to(home)
        assert postgres_programs.may_run(account, [copied / "initdb", "--version"])
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert len(list(home.iterdir())) == 1


def _python_for(account: pwd.struct_passwd) -> tuple[str, dict[str, str]]:
    """A Python of this version that the account can run, as ours may lie in root's home; and its
    environment.
    """
    environment = {
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):
            check = [
                python,
                "-c",
                "import psycopg, psutil, montage_pipeline.local.embedded.postgres",
            ]
            if (
                subprocess.run(
                    check, user=account.pw_uid, cwd="/", env=environment, capture_output=True
                ).returncode
                == 0
            ):
                return python, environment
    pytest.skip(f"no Python here that user {account.pw_name} can run")


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_an_ordinary_user_needs_no_root(home: Path) -> None:
    account = pwd.getpwnam("nobody")
    python, environment = _python_for(account)
    home.mkdir()
    os.chown(home, account.pw_uid, account.pw_gid)
    done = subprocess.run(
        [
            python,
            "-c",
            textwrap.dedent(
                f"""
                import os, pathlib, psycopg
                from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
                assert os.geteuid() != 0
                server = EmbeddedPostgres(pathlib.Path({str(home)!r}), durable=False)
                server.start()
                os.kill(server.pid, 9)
                server.start()
                with psycopg.connect(server.dsn()) as connection:
                    print(connection.execute("SELECT 6 * 7").fetchone()[0])
                server.destroy()
                """
            ),
        ],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "42", done.stderr
