"""Servers of our own: they report why they died, end with their workers, and do not outlive whoever
started them.
"""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from montage_pipeline.errors import MontageError
from montage_pipeline.local.embedded.process import (
    HomeLock,
    ServerProcess,
    free_port,
    port_is_free,
    write_private,
)


def runs(pid: int) -> bool:
    """Whether a process does anything still."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(*pids: int, limit_s: float = 8.0) -> list[int]:
    """The processes that are still there after a while."""
    deadline = time.monotonic() + limit_s
    while any(runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if runs(pid)]


def _python(tmp_path: Path, code: str) -> ServerProcess:
    return ServerProcess.start(
        "the server",
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=dict(os.environ),
        log_path=tmp_path / "logs" / "server.log",
    )


def _told(path: Path) -> int:
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.02)
    return int(path.read_text())


def test_a_server_that_dies_while_starting_says_why(tmp_path: Path) -> None:
    server = _python(
        tmp_path, r"print('\x1b[31mno such configuration\x1b[0m'); raise SystemExit(3)"
    )
    with pytest.raises(MontageError, match="the server ended with status 3") as died:
        server.wait_until(lambda: False, timeout_s=10)
    assert "| no such configuration" in died.value.message
    assert str(tmp_path / "logs" / "server.log") in died.value.message


def test_a_server_that_never_gets_ready_says_so(tmp_path: Path) -> None:
    server = _python(tmp_path, "import time; print('still loading', flush=True); time.sleep(60)")
    try:
        with pytest.raises(MontageError, match=r"not ready within 0\.5 s"):
            server.wait_until(lambda: False, timeout_s=0.5)
    finally:
        server.stop()


def test_stopping_ends_a_stubborn_server_and_its_workers(tmp_path: Path) -> None:
    server = _python(
        tmp_path,
        """
        import pathlib, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path("worker").write_text(f"{worker.pid}\\n")
        time.sleep(60)
        """,
    )
    worker = _told(tmp_path / "worker")
    began = time.monotonic()
    server.stop(timeout_s=0.3)
    server.stop(timeout_s=0.3)
    assert time.monotonic() - began < 3
    assert wait_until_gone(server.pid, worker) == []


def test_nothing_outlives_a_starter_that_is_killed(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""
                import os, pathlib, sys, time
                from montage_pipeline.local.embedded.process import ServerProcess
                home = pathlib.Path({str(tmp_path)!r})
                sleep = "import time; time.sleep(60)"
                code = (
                    "import signal, subprocess, sys;"
                    "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
                    f"worker = subprocess.Popen([sys.executable, '-c', {{sleep!r}}]);"
                    "open('worker', 'w').write(str(worker.pid) + chr(10));"
                ) + sleep
                server = ServerProcess.start(
                    "s",
                    [sys.executable, "-c", code],
                    cwd=home,
                    env=dict(os.environ),
                    log_path=home / "log",
                )
                (home / "server").write_text(str(server.pid) + chr(10))
                time.sleep(60)
                """
            ),
        ]
    )
    server, worker = _told(tmp_path / "server"), _told(tmp_path / "worker")
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    assert wait_until_gone(server, worker) == []


def test_a_lock_belongs_to_one_live_process(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    first, second = HomeLock(path), HomeLock(path)
    assert not second.owned_by_somebody()
    assert first.acquire()
    assert first.acquire(), "taking it again is fine"
    assert not second.acquire()
    assert second.owned_by_somebody()
    first.release()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""
                import pathlib, time
                from montage_pipeline.local.embedded.process import HomeLock
                lock = HomeLock(pathlib.Path({str(path)!r}))
                assert lock.acquire()
                pathlib.Path({str(tmp_path / "held")!r}).write_text("1" + chr(10))
                time.sleep(60)
                """
            ),
        ]
    )
    _told(tmp_path / "held")
    assert not second.acquire()
    holder.kill()
    holder.wait()
    assert second.acquire(), "the kernel frees the lock of a killed process"


def test_ports_and_secrets(tmp_path: Path) -> None:
    port = free_port(lambda port: port_is_free(port + 10_000))
    assert port_is_free(port)
    write_private(tmp_path / "secret", "one")
    write_private(tmp_path / "secret", "two")
    assert (tmp_path / "secret").read_text() == "two"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
