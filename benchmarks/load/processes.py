"""Many requests through everything but their steps: the daemon hears of them and makes their runs,
the code server starts a process for each, and each takes its request over, holds it with its
heartbeat and delivers.

As in `alone`, most of the requests are of one user, and others come with one each.
"""

import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from benchmarks import report
from benchmarks.load.alone import GREEDY_SHARE, LATE_SHARE, MAX_OTHERS
from benchmarks.load.standing_in import COST_VARIABLE
from montage_pipeline.composition import Services
from montage_pipeline.local.embedded import servers
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.local.embedded.process import ServerProcess, free_port
from montage_pipeline.local.environment import (
    child_environment,
    code_server_address,
    make_dagster_home,
)
from montage_pipeline.requests.migrate import upgrade
from montage_pipeline.requests.model import NewContentItem
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Format

PLACES = 2
"""As an installation has by default."""

_STANDING_IN = "benchmarks.load.standing_in"
_START_S = 300.0
_MAX_RUN_S = 120.0
"""For one request, on a machine that has much else to do: when none begins or ends for as long, the
system does not work.
"""
_SHOWN_OF_LOG = 2000
"""Characters of each server's log that are printed when the system does not work."""

_ROWS = """
SELECT id, user_id, state, attempt, lost_runs, created_at, started_at, finished_at
FROM montage_requests ORDER BY started_at
"""
_RUNS = "SELECT value, count(*) FROM run_tags WHERE key = 'montage/request_id' GROUP BY value"
_TICKS = """
SELECT (tick_body::json ->> 'end_timestamp')::float - (tick_body::json ->> 'timestamp')::float
FROM job_ticks WHERE selector_id IN (
    SELECT selector_id FROM instigators WHERE instigator_body LIKE '%montage_requests%'
) AND status IN ('SUCCESS', 'SKIPPED') ORDER BY timestamp
"""


@dataclass(frozen=True)
class Row:
    """A request when everything was over."""

    id: UUID
    user: UUID
    state: str
    attempt: int
    lost_runs: int
    clicked: datetime
    started: datetime
    ended: datetime


@dataclass(frozen=True)
class Course:
    """What happened."""

    rows: list[Row]
    """By when they started."""
    runs: dict[str, int]
    """How many runs Dagster made for each request."""
    ticks_s: list[float]
    greedy: UUID
    took_s: float


@contextmanager
def _system(folder: Path, settings: Settings, dagster_dsn: str, cost_s: float) -> Iterator[None]:
    """Code server and daemon, as `montage up` starts them, on the stand-ins for the steps."""
    dagster_home = make_dagster_home(settings.home)
    code_port = free_port()
    found = code_server_address(code_port) | {
        "DAGSTER_HOME": str(dagster_home),
        "DAGSTER_POSTGRES_URL": dagster_dsn.replace("postgresql://", "postgresql+psycopg2://"),
        COST_VARIABLE: str(cost_s),
    }
    environment = child_environment(settings, found)
    environment["PYTHONPATH"] = os.pathsep.join([str(report.PAGE.parent.parent), *sys.path])
    (settings.home / "tmp").mkdir(exist_ok=True)
    started: list[ServerProcess] = []
    try:
        for command in (
            servers.code_server(dagster_dsn, code_port),
            servers.daemon(dagster_home / "workspace.yaml", dagster_dsn),
        ):
            argv = [_STANDING_IN if part == _REAL else part for part in command.argv]
            log_path = folder / f"{command.name}.log"
            process = ServerProcess.start(
                command.name, argv, cwd=dagster_home, env=environment, log_path=log_path
            )
            started.append(process)
            process.wait_until(command.ready, timeout_s=_START_S)
        yield
    except TimeoutError:
        for process in started:
            sys.stderr.write(process.log_path.read_text()[-_SHOWN_OF_LOG:])
        raise
    finally:
        for process in reversed(started):
            process.stop()


_REAL = "montage_pipeline.definitions"


class Clicks:
    """Who asks for what."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def user(self) -> UUID:
        """Somebody new."""
        user_id = uuid4()
        self.services.library.ensure_user(user_id, "bench@example.org")
        return user_id

    def click(self, user: UUID) -> None:
        """One request of this user."""
        asked = NewContentItem(
            clip_urls=("https://x/a.mp4",), style="travel", format=Format.REEL, duration_s=30
        )
        self.services.library.create_item(user, asked)


def measure(total: int, cost_s: float) -> Course:
    """Make so many, and what became of them."""
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder, durable=False)
        server.start()
        try:
            server.create_database("dagster")
            settings = Settings(
                home=folder / "home",
                database_url=server.dsn(),
                max_running=PLACES,
                max_running_per_user=PLACES,
                _env_file=None,
            )
            settings.home.mkdir()
            upgrade(settings.sqlalchemy_url)
            services = Services(settings)
            with _system(folder, settings, server.dsn("dagster"), cost_s):
                greedy, took_s = _watch(Clicks(services), total)
            services.close()
            return _course(server, greedy, took_s)
        finally:
            server.destroy()


def _watch(clicks: Clicks, total: int) -> tuple[UUID, float]:
    """Click, go on clicking while the queue is long, and wait; the greedy user, and the seconds."""
    greedy, late = clicks.user(), max(2, int(total * LATE_SHARE))
    many = int(total * GREEDY_SHARE)
    began_s = time.monotonic()
    for _ in range(many):
        clicks.click(greedy)
    for _ in range(total - many - late):
        clicks.click(clicks.user())
    late_at = [total * part // (late + 1) for part in range(1, late + 1)]
    moved_s, before = began_s, (0, 0)
    while late_at or clicks.services.requests.under_way():
        with clicks.services.engine.connect() as connection:
            begun, ended = connection.exec_driver_sql(
                "SELECT count(started_at), count(finished_at) FROM montage_requests"
            ).one()
        while late_at and begun >= late_at[0]:
            late_at.pop(0)
            clicks.click(clicks.user())
        if (begun, ended) != before:
            moved_s, before = time.monotonic(), (begun, ended)
        if time.monotonic() > moved_s + _MAX_RUN_S:
            raise TimeoutError(
                f"{begun} of {total} requests have begun, {ended} are over, and for "
                f"{_MAX_RUN_S:.0f} s none has begun or ended: see the servers' last lines above"
            )
        time.sleep(0.2)
    return greedy, time.monotonic() - began_s


def _course(server: EmbeddedPostgres, greedy: UUID, took_s: float) -> Course:
    with psycopg.connect(server.dsn()) as connection:
        rows = [Row(*row) for row in connection.execute(_ROWS)]
    with psycopg.connect(server.dsn("dagster")) as connection:
        runs = {str(request_id): int(number) for request_id, number in connection.execute(_RUNS)}
        ticks_s = [float(seconds) for (seconds,) in connection.execute(_TICKS) if seconds]
    return Course(rows, runs, ticks_s, greedy, took_s)


def _most_at_once(rows: list[Row]) -> int:
    """How many ran at the same time, at most."""
    changes = sorted([(row.ended, -1) for row in rows] + [(row.started, 1) for row in rows])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


def _passed_by(course: Course, row: Row) -> int:
    """How many runs of the greedy user began between this click and its own beginning."""
    return sum(
        other.user == course.greedy and row.clicked < other.started < row.started
        for other in course.rows
    )


def table(course: Course, cost_s: float) -> str:
    """What was promised, and what was. Raises RuntimeError where it was not."""
    rows, total = course.rows, len(course.rows)
    states = Counter(row.state for row in rows)
    twice = sum(course.runs.get(str(row.id), 0) != 1 or row.attempt != 1 for row in rows)
    lost = sum(row.lost_runs for row in rows)
    passed = [_passed_by(course, row) for row in rows if row.user != course.greedy]
    most = _most_at_once(rows)
    fifth = max(1, len(course.ticks_s) // 5)
    first, last = course.ticks_s[:fifth], course.ticks_s[-fifth:]
    lines = [
        ["delivered", f"{states['succeeded']} of {total}"],
        ["made twice, or by more than one run; runs lost", f"{twice}; {lost}"],
        [f"most at once, of {PLACES} places", str(most)],
        [
            f"runs of the greedy user between the click of each of {len(passed)} others and their "
            "own: median, most",
            f"{statistics.median(passed):.0f}, {max(passed)}",
        ],
        [f"tick, first {fifth}: median ms", f"{statistics.median(first) * 1000:.0f}"],
        [f"tick, last {fifth}: median ms", f"{statistics.median(last) * 1000:.0f}"],
        [
            "seconds for each beside its render (processes, steps, rows)",
            f"{course.took_s * PLACES / total - cost_s:.1f}",
        ],
        ["seconds in all", f"{course.took_s:.0f}"],
    ]
    promised = states["succeeded"] == total and not twice and not lost and most <= PLACES
    if not promised or max(passed) > MAX_OTHERS:
        raise RuntimeError(f"not what was promised: {lines}")
    head = (
        f"{report.machine()}, load {os.getloadavg()[0]:.0f}; {total} requests, "
        f"{GREEDY_SHARE:.0%} of them one user's; each render takes {cost_s:g} s.\n\n"
    )
    return head + report.table(("", "measured"), lines)
