"""The servers of a local system besides its stores: what to run for each, and how to tell that it
is ready.

Belongs here: command lines and readiness. Does not belong here: the order they start and stop in
(`local.stack`).
"""

import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from montage_pipeline.local.embedded.watchdog import CodeServerWatch, DaemonWatch, last_heartbeat
from montage_pipeline.settings import get_settings

CODE_LOCATION = "montage_pipeline"

_API_STOP_S = 3
"""What answers under way get to end in; the API's usual ones take milliseconds."""

MAX_SILENCE_S = 60.0
"""For a server that answers within milliseconds; every core may be taken for a while."""

_MAX_DAEMON_PAUSE_S = 180.0
"""Its sensors' loop beats every 30 s, unless a tick takes longer; a tick has 60 s."""


_JSON_LINES = ("--log-format", "json")
"""Taken by each of Dagster's servers."""


@dataclass(frozen=True)
class ServerCommand:
    """One server to run."""

    name: str
    """Its name in errors, and of its log."""
    argv: tuple[str, ...]
    """The program and its arguments."""
    ready: Callable[[], bool]
    """Whether it does its work already."""
    port: int | None = None
    """Where it listens, if it does: an answer from there may be somebody else's."""
    start_limit_s: float = 90.0
    """How long it may take to get ready; on a slow machine Dagster's servers import for 10 s."""
    works: Callable[[], bool] | None = None
    """Whether it still works; True while nobody can tell."""
    silence_limit_s: float = MAX_SILENCE_S
    """How long it may be without working before it is restarted."""


def code_server(dagster_dsn: str, port: int) -> ServerCommand:
    """Serves the definitions to daemon and UI, and is the parent of every run's process."""
    arguments = (
        *("api", "grpc", "-m", "montage_pipeline.definitions", "--location-name", CODE_LOCATION),
        *("-h", "127.0.0.1", "-p", str(port)),
        *("--use-python-environment-entry-point", "--log-level", "warning"),
    )
    # It listens only once the definitions are loaded, and ends when they cannot be.
    return ServerCommand(
        "code-server",
        _python("montage_pipeline.orchestration.servers.code_server", *arguments),
        lambda: _listens(port),
        port,
        works=CodeServerWatch(f"127.0.0.1:{port}", dagster_dsn).works,
        silence_limit_s=MAX_SILENCE_S,
    )


def daemon(workspace: Path, dagster_dsn: str) -> ServerCommand:
    """Evaluates sensors and schedules, and starts queued runs."""
    before = last_heartbeat(dagster_dsn)

    def beats() -> bool:
        now = last_heartbeat(dagster_dsn)
        return now is not None and now != before

    argv = _python("montage_pipeline.orchestration.servers.daemon", "-w", str(workspace))
    watch = DaemonWatch(dagster_dsn)
    return ServerCommand(
        "daemon", argv, beats, works=watch.works, silence_limit_s=_MAX_DAEMON_PAUSE_S
    )


def webserver(workspace: Path, port: int) -> ServerCommand:
    """The Dagster UI, behind our guard."""
    address = ("-h", "127.0.0.1", "-p", str(port))
    argv = _python("montage_pipeline.orchestration.ui", "-w", str(workspace), *address)
    answers = partial(_answers, f"http://127.0.0.1:{port}/server_info")
    return ServerCommand("dagster-ui", argv, answers, port, works=answers)


def api(host: str, port: int) -> ServerCommand:
    """The product's HTTP API."""
    address = ("--host", host, "--port", str(port))
    # Streams of events stay open for minutes: stopping does not wait for them.
    stopping = ("--timeout-graceful-shutdown", str(_API_STOP_S))
    argv = _python(
        "uvicorn", "montage_pipeline.api.app:create_app", "--factory", *address, *stopping
    )
    answers = partial(_answers, f"{base_url(host, port)}/healthz")
    return ServerCommand("api", argv, answers, port, works=answers)


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line that runs a module as a program, Dagster's logging as we do."""
    in_json = module != "uvicorn" and get_settings().log_format != "console"
    return (sys.executable, "-m", module, *arguments, *(_JSON_LINES if in_json else ()))


def base_url(host: str, port: int) -> str:
    """The URL at which this machine reaches a server that listens on `host`."""
    reachable = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def runs_under_way(
    dagster_dsn: str, states: tuple[str, ...] = ("STARTING", "STARTED", "CANCELING")
) -> int:
    """How many runs Dagster's storage holds in these states; none when it has no tables yet."""
    import psycopg

    with psycopg.connect(dagster_dsn, connect_timeout=5) as connection:
        try:
            row = connection.execute(
                "SELECT count(*) FROM runs WHERE status = ANY(%s)", (list(states),)
            ).fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
    return int(row[0]) if row else 0


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
