"""500 requests through the real queue, sensor, nudges and storage of Dagster. In place of a run's
process stands a thread that takes the request over, waits for a fixed time, and delivers.

Most of the requests are of one user. Others come with one each, some at once and some while the
queue is long.
"""

import os
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import dagster as dg
from dagster._core.test_utils import create_run_for_test

from benchmarks import report
from montage_pipeline.composition import Services
from montage_pipeline.definitions import build_definitions
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.local.environment import make_dagster_home
from montage_pipeline.orchestration.jobs import montage
from montage_pipeline.orchestration.sensors import request_sensor
from montage_pipeline.requests.lifecycle import FinishedReel
from montage_pipeline.requests.migrate import upgrade
from montage_pipeline.requests.model import NewContentItem
from montage_pipeline.requests.queue.nudges import Nudges
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Format

PLACES = 4
MAX_OTHERS = 2
"""How many runs of who has queued hundreds may start between another's click and first run."""

GREEDY_SHARE = 0.8
LATE_SHARE = 0.04

_SAFETY_S = 5.0
"""How often the daemon looks without a nudge."""

_REEL = FinishedReel(media_url="m", music_url="u", poster_url="p")


@dataclass
class Course:
    """What happened, in order."""

    clicked: dict[UUID, int] = field(default_factory=dict)
    """For each request, how many runs had started when it was asked for."""
    started: list[UUID] = field(default_factory=list)
    ticks_ms: list[float] = field(default_factory=list)
    most_running: int = 0


class Load:
    """The queue under load."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, cost_s: float) -> None:
        options = {"pool_size": PLACES + 4}
        self.services = Services(settings, engine_options=options)
        self.course = Course()
        self._instance = instance
        self._cost_s = cost_s
        self._sensor = request_sensor(settings)
        self._definitions = build_definitions(settings)
        self._lock = threading.Lock()
        self._running = 0
        self._nudged = threading.Event()
        self._runs = ThreadPoolExecutor(PLACES * 2)
        self._nudges = Nudges(settings, self._nudged.set)

    def click(self, user: UUID) -> UUID:
        """One request of this user."""
        asked = NewContentItem(
            clip_urls=("https://x/a.mp4",), style="travel", format=Format.REEL, duration_s=30
        )
        with self._lock:
            request_id = self.services.library.create_item(user, asked).request_id
            self.course.clicked[request_id] = len(self.course.started)
        return request_id

    def user(self) -> UUID:
        """Somebody new."""
        user_id = uuid4()
        self.services.library.ensure_user(user_id, "bench@example.org")
        return user_id

    def run(self, total: int) -> None:
        """Tick as the daemon does until so many requests have ended, others clicking meanwhile."""
        self._nudges.start()
        late = int(total * LATE_SHARE)
        late_at = {total * part // (late + 1) for part in range(1, late + 1)}
        while len(self.course.clicked) < total or self._under_way():
            self._tick()
            due = {at for at in late_at if at <= len(self.course.started)}
            late_at -= due
            for _ in due:
                self.click(self.user())
            self._nudged.wait(_SAFETY_S)
            self._nudged.clear()
        self._nudges.close()
        self._runs.shutdown()

    def _under_way(self) -> bool:
        return bool(self.services.requests.under_way())

    def _tick(self) -> None:
        context = dg.build_sensor_context(
            instance=self._instance,
            resources={"services": self.services},
            definitions=self._definitions,
        )
        began = time.perf_counter()
        result = self._sensor(context)
        self.course.ticks_ms.append((time.perf_counter() - began) * 1000)
        if isinstance(result, dg.SensorResult):
            for asked in result.run_requests or ():
                run = create_run_for_test(
                    self._instance,
                    job_name=montage.name,
                    status=dg.DagsterRunStatus.STARTING,
                    tags=dict(asked.tags)
                    | {
                        "dagster/partition": str(asked.partition_key),
                        "dagster/run_key": str(asked.run_key),
                    },
                )
                self._runs.submit(self._stand_in, run, UUID(asked.tags["montage/request_id"]))

    def _stand_in(self, run: dg.DagsterRun, request_id: UUID) -> None:
        with self._lock:
            self.course.started.append(request_id)
            self._running += 1
            self.course.most_running = max(self.course.most_running, self._running)
        assert self.services.requests.start(request_id, run.run_id)
        time.sleep(self._cost_s)
        with self._lock:
            self._running -= 1
        assert self.services.requests.succeed(request_id, run.run_id, _REEL)
        self._instance.report_run_failed(run, "a stand-in, which is over")


def measure(total: int, cost_s: float) -> tuple[Course, set[UUID], float]:
    """The course of it, the requests of modest users, and the seconds it took."""
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        try:
            server.create_database("dagster")
            settings = Settings(
                home=Path(folder) / "home",
                database_url=server.dsn(),
                max_running=PLACES,
                max_running_per_user=PLACES,
            )
            upgrade(settings.sqlalchemy_url)
            os.environ["DAGSTER_POSTGRES_URL"] = server.dsn("dagster").replace(
                "postgresql://", "postgresql+psycopg2://"
            )
            home = make_dagster_home(settings.home)
            with dg.DagsterInstance.from_config(str(home)) as instance:
                load = Load(settings, instance, cost_s)
                greedy, many = load.user(), int(total * GREEDY_SHARE)
                greedy_ids = {load.click(greedy) for _ in range(many)}
                for _ in range(total - many - int(total * LATE_SHARE)):
                    load.click(load.user())
                began = time.perf_counter()
                load.run(total)
                took_s = time.perf_counter() - began
                load.services.close()
        finally:
            server.destroy()
    return load.course, set(load.course.clicked) - greedy_ids, took_s


def table(course: Course, modest: set[UUID], took_s: float, cost_s: float) -> str:
    """What was promised, and what was."""
    place = {request: number for number, request in enumerate(course.started)}
    at_once = [request for request in modest if course.clicked[request] == 0]
    late = [request for request in modest if course.clicked[request] > 0]
    passed = [
        sum(other not in modest for other in course.started[course.clicked[each] : place[each]])
        for each in late
    ]
    greedy_before = sum(
        request not in modest
        for request in course.started[: 1 + max(place[request] for request in at_once)]
    )
    first, last = course.ticks_ms[:20], course.ticks_ms[-20:]
    total = len(course.clicked)
    lines = [
        ["requests made", f"{len(set(course.started))} of {total}"],
        ["made twice", str(len(course.started) - len(set(course.started)))],
        [f"most at once, of {PLACES} places", str(course.most_running)],
        [
            f"runs of the greedy user before the last of {len(at_once)} others who wait with it",
            str(greedy_before),
        ],
        [
            f"the same for each of {len(late)} who come while it waits: median, most",
            f"{statistics.median(passed):.0f}, {max(passed)}",
        ],
        ["tick, first 20: median ms", f"{statistics.median(first):.0f}"],
        ["tick, last 20: median ms", f"{statistics.median(last):.0f}"],
        ["seconds, and at best", f"{took_s:.0f}, {total * cost_s / PLACES:.0f}"],
    ]
    if max(passed) > MAX_OTHERS or len(course.started) != total:
        raise RuntimeError(f"not what was promised: {lines}")
    head = (
        f"{report.machine()}, load {os.getloadavg()[0]:.0f}; {total} requests, "
        f"{GREEDY_SHARE:.0%} of them one user's; each run takes {cost_s:g} s.\n\n"
    )
    return head + report.table(("", "measured"), lines)
