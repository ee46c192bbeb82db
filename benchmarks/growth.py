"""Measure that a long past costs nothing: ticks, retirement, the daemon's memory and the pages of
the UI after many thousand finished requests.

    python -m benchmarks.growth [--requests 100000] [--write]

Rows of finished requests with their Dagster runs, events, tags and partitions are put into the real
Postgres as a busy month would leave them; then each thing that looks at the queue is timed, before
and after. For the daemon's memory and for the pages the whole system is started on the same
databases, while nothing that waits may start.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import dagster as dg
import httpx
import psutil
from sqlalchemy import Engine, create_engine, text

from benchmarks import report
from montage_pipeline.composition import Services
from montage_pipeline.definitions import build_definitions
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.local.environment import make_dagster_home
from montage_pipeline.local.stack import LocalStack
from montage_pipeline.orchestration.reconciliation import Watch, reconcile
from montage_pipeline.orchestration.retention.history import prune_runs
from montage_pipeline.orchestration.retirement import idle_partitions, retire
from montage_pipeline.orchestration.sensors import request_sensor
from montage_pipeline.requests.migrate import upgrade
from montage_pipeline.requests.model import NewContentItem
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Format, Step

WAITING = 50
"""Requests that wait while the ticks are timed."""

TICKS = 15
EVENTS_OF_A_RUN = 20
"""A real one leaves about a hundred, of which the ticks read none; these are there to be pruned."""

_USERS = 1000

_PRODUCT = """
INSERT INTO users (id, email)
SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@example.org'
FROM generate_series(1, :users) n;
INSERT INTO content_items (id, user_id, type, style, format, duration_sec, clip_urls, status)
SELECT md5('r' || n)::uuid,
       ('00000000-0000-0000-0000-' || lpad(to_hex(n % :users + 1), 12, '0'))::uuid,
       'reel', 'travel', 'reel', 30, '["https://x/a.mp4"]', 'draft'
FROM generate_series(1, :requests) n;
INSERT INTO montage_requests (id, content_item_id, user_id, clip_urls, style, format, duration_sec,
    state, run_id, created_at, started_at, finished_at)
SELECT id, id, user_id, clip_urls, style, format, duration_sec, 'succeeded', id::text,
       now() - interval '40 days', now() - interval '40 days', now() - interval '40 days'
FROM content_items;
"""

_DAGSTER = """
INSERT INTO runs (run_id, pipeline_name, mode, status, run_body, partition, create_timestamp,
    update_timestamp, start_time, end_time)
SELECT md5('r' || n)::uuid::text, 'montage', 'default', 'SUCCESS', repeat('x', 2000),
       md5('r' || n)::uuid::text, now() - interval '90 days', now() - interval '90 days', 1, 2
FROM generate_series(1, :requests) n;
INSERT INTO run_tags (run_id, key, value)
SELECT run_id, key, value FROM runs, LATERAL (VALUES ('dagster/partition', run_id),
    ('dagster/run_key', run_id || chr(58) || '1'), ('montage/request_id', run_id)
) AS tags (key, value);
INSERT INTO dynamic_partitions (partitions_def_name, partition)
SELECT 'montage_requests', run_id FROM runs;
INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key)
SELECT run_id, repeat('e', 700), 'STEP_OUTPUT', now() - interval '90 days', 'rendered_video'
FROM runs, generate_series(1, :events) e;
"""


_CATALOGUE = """
query($keys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $keys) {
    partitionStats { numMaterialized numFailed numPartitions }
    assetMaterializations(limit: 1) { runId }
  }
}
"""
_PARTITIONS = """
query($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      partitionKeysByDimension { partitionKeys }
      assetPartitionStatuses {
        ... on DefaultPartitionStatuses { materializedPartitions failedPartitions }
      }
    }
  }
}
"""
"""What the UI asks for its list of the steps' assets, and for one asset's partitions."""

_LIVE_S = 60.0
"""Every sensor that looks at the queue has ticked a dozen times by then."""

_FOR_EVER_DAYS = 3650

_NO_BOUND = 10**9
"""Partitions: what more than the usual number of them takes is what is measured."""


def fill(engine: Engine, statements: str, **values: int) -> None:
    """Carry out these statements, each with the values that it names."""
    with engine.begin() as connection:
        # The trigger that names a request's partition looks for the name. Its plan is made while
        # the table is all but empty, and must not stay a scan of the whole while that grows.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement in filter(str.strip, statements.split(";\n")):
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def timed_ms(action: Callable[[], object]) -> float:
    """The median milliseconds of many calls; the first one, which imports, does not count."""
    action()
    spent = []
    for _ in range(TICKS):
        began = time.perf_counter()
        action()
        spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent)


class System:
    """The two databases, and what looks at them."""

    def __init__(self, server: EmbeddedPostgres, home: Path) -> None:
        server.create_database("dagster")
        settings = Settings(home=home, database_url=server.dsn(), max_running=2)
        upgrade(settings.sqlalchemy_url)
        dsn = server.dsn("dagster")
        os.environ["DAGSTER_POSTGRES_URL"] = dsn.replace("postgresql://", "postgresql+psycopg2://")
        self.instance = dg.DagsterInstance.from_config(str(make_dagster_home(home)))
        self.services = Services(settings)
        self.dagster_engine = create_engine(Settings(database_url=dsn).sqlalchemy_url)
        self._sensor = request_sensor(settings)
        self._definitions = build_definitions(settings)

    def ticks(self) -> dict[str, float]:
        """Milliseconds of what the daemon has done again and again, and its memory."""
        found = {
            "tick of the request sensor, ms": timed_ms(self._request_tick),
            "tick of the reconciliation, ms": timed_ms(
                lambda: reconcile(self.instance, self.services, Watch.from_cursor(None))
            ),
            "partitions that may retire, found, ms": timed_ms(
                lambda: idle_partitions(self.instance, self.services, timedelta(days=30), _NO_BOUND)
            ),
        }
        found["memory of this process, MB"] = psutil.Process().memory_info().rss / 1e6
        return found

    def _request_tick(self) -> None:
        context = dg.build_sensor_context(
            instance=self.instance,
            resources={"services": self.services},
            definitions=self._definitions,
        )
        result = self._sensor(context)
        assert isinstance(result, dg.SensorResult), result

    def hold(self, until: str) -> None:
        """Let nothing that waits start before this time, in the words of Postgres."""
        with self.services.engine.begin() as connection:
            connection.execute(
                text(
                    f"UPDATE montage_requests SET not_before = {until}"  # noqa: S608
                    " WHERE state = 'queued'"
                )
            )

    def wait(self, number: int) -> None:
        """Have so many requests wait, of as many users."""
        for _ in range(number):
            user: UUID = uuid4()
            self.services.library.ensure_user(user, "bench@example.org")
            asked = NewContentItem(
                clip_urls=("https://x/a.mp4",),
                style="travel",
                format=Format.REEL,
                duration_s=30,
            )
            self.services.library.create_item(user, asked)

    def clear(self) -> dict[str, float]:
        """Seconds that it takes to have Dagster forget everything."""
        began = time.perf_counter()
        keys = idle_partitions(self.instance, self.services, timedelta(days=30), _NO_BOUND)
        retire(self.instance, keys)
        retired_s = time.perf_counter() - began
        began = time.perf_counter()
        removed = prune_runs(self.instance, timedelta(days=60))
        assert len(keys) == removed, (len(keys), removed)
        return {"all retired, s": retired_s, "all pruned, s": time.perf_counter() - began}

    def megabytes(self) -> float:
        """What Dagster's database takes on the disk."""
        with self.dagster_engine.connect() as connection:
            size = connection.scalar(text("SELECT pg_database_size(current_database())"))
        return (size or 0) / 1e6


def live(home: Path) -> dict[str, float]:
    """What the whole system's pages and daemon take, on the databases of this home."""
    # What is old stays: it is what is measured.
    settings = Settings(
        home=home,
        ui_port=0,
        partition_retention_days=_FOR_EVER_DAYS,
        partition_max=_NO_BOUND,
        history_retention_days=_FOR_EVER_DAYS,
        _env_file=None,
    )
    stack = LocalStack(settings, with_ui=True, with_api=False)
    address = stack.start()
    try:
        url = f"{address.ui_url}/graphql"
        keys = [{"path": [step.value]} for step in Step]
        found = {
            "the list of assets, ms": timed_ms(lambda: _ask(url, _CATALOGUE, keys=keys)),
            "the page of an asset, ms": timed_ms(lambda: _ask(url, _PARTITIONS, key=keys[0])),
        }
        time.sleep(_LIVE_S)
        pid = stack.pid_of("daemon")
        assert pid is not None
        found["memory of the daemon, MB"] = psutil.Process(pid).memory_info().rss / 1e6
    finally:
        stack.stop(at_once=True)
    return found


def _ask(url: str, query: str, **variables: object) -> None:
    answer = httpx.post(url, json={"query": query, "variables": variables}, timeout=600).json()
    if "errors" in answer:
        raise RuntimeError(f"the UI answers {answer}")


def measure(
    requests: int, events: int
) -> tuple[dict[str, float], dict[str, float], dict[str, float], float]:
    """Figures without a past, with one, of clearing it away; and the size of Dagster's database."""
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        server = EmbeddedPostgres(home, durable=False)
        server.start()
        try:
            system = System(server, home)
            system.wait(WAITING)
            before = system.ticks() | _live_beside(server, system, home)
            fill(system.services.engine, _PRODUCT, requests=requests, users=_USERS)
            fill(system.dagster_engine, _DAGSTER, requests=requests, events=events)
            size_mb = system.megabytes()
            after = system.ticks() | _live_beside(server, system, home)
            cleared = system.clear()
            system.services.close()
            system.dagster_engine.dispose()
        finally:
            server.destroy()
    return before, after, cleared, size_mb


def _live_beside(server: EmbeddedPostgres, system: System, home: Path) -> dict[str, float]:
    """`live`, while the server of this benchmark makes room for the system's own."""
    system.hold("now() + interval '1 day'")
    server.stop()
    found = live(home)
    server.start()
    system.hold("NULL")
    return found


def table(requests: int, events: int, figures: Sequence[dict[str, float]], size_mb: float) -> str:
    """Before and after, and what clearing away took."""
    before, after, cleared = figures
    lines = [[name, f"{before[name]:.0f}", f"{after[name]:.0f}"] for name in before]
    lines += [[name, "", f"{value:.1f}"] for name, value in cleared.items()]
    head = (
        f"{report.machine()}, load {os.getloadavg()[0]:.0f}; {requests:,} finished requests of "
        f"{_USERS:,} users with {events} events each, {WAITING} waiting; Dagster's "
        f"database then takes {size_mb / requests * 1000:.0f} kB for each.\n\n"
    )
    return head + report.table(("", "no past", f"{requests:,} finished"), lines)


def main() -> None:
    """Print the table, and put it into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=EVENTS_OF_A_RUN, help="of each run")
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    *figures, size_mb = measure(arguments.requests, arguments.events)
    shown = table(arguments.requests, arguments.events, figures, size_mb)
    print(shown)
    if arguments.write:
        report.write("growth", shown)


if __name__ == "__main__":
    main()
