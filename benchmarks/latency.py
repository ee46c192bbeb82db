"""Measure what a Reel waits for beside its steps: from the click to the first step, between the
steps, and to the end.

    python -m benchmarks.latency [--reels 8] [--write]

Through the whole system of `montage up`, in a folder of its own: small clips, one Reel after the
other. The first one finds a system that has just started; the others are what people wait for.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from benchmarks import report
from montage_pipeline.composition import Services
from montage_pipeline.local.stack import LocalStack
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.requests.model import NewContentItem
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Format

FIRST_STEP_LIMIT_S = 1.5
OVERHEAD_LIMIT_S = 2.0
"""Goals of a system that runs already: click to first step, and all that no step takes."""

_MAX_REEL_S = 300.0

Seconds = dict[str, float]

FIRST_STEP = "click to first step"
OVERHEAD = "all beside the steps"

_PHASES = (
    ("click to run made (nudge, sensor, run's rows)", "click", "PIPELINE_ENQUEUED"),
    ("to run taken from the queue", "PIPELINE_ENQUEUED", "PIPELINE_STARTING"),
    ("to its process at work (fork, connections)", "PIPELINE_STARTING", "PIPELINE_START"),
    ("to its first step (resources, claim)", "PIPELINE_START", "STEP_START"),
    (FIRST_STEP, "click", "STEP_START"),
)


def reel(services: Services, user: UUID, clip: Path) -> UUID:
    """Click, and wait until the Reel is there; the request's id."""
    asked = NewContentItem(
        clip_urls=(clip.as_uri(),), style="dynamic", format=Format.SQUARE, duration_s=8
    )
    created = services.library.create_item(user, asked)
    deadline_s = time.monotonic() + _MAX_REEL_S
    while time.monotonic() < deadline_s:
        request = services.requests.get_request(created.request_id)
        assert request is not None
        if request.state.is_terminal:
            if request.error:
                raise RuntimeError(f"the Reel failed: {request.error}")
            return request.id
        time.sleep(0.1)
    raise TimeoutError(f"no Reel after {_MAX_REEL_S:g} s")


def phases(services: Services, dagster_dsn: str, request_id: UUID) -> Seconds:
    """How long this request waited for what, in seconds."""
    request = services.requests.get_request(request_id)
    assert request is not None
    assert request.finished_at is not None
    with psycopg.connect(dagster_dsn) as connection:
        rows = connection.execute(
            "SELECT dagster_event_type, min(extract(epoch FROM timestamp AT TIME ZONE 'UTC')) "
            "FROM event_logs WHERE run_id = %s GROUP BY 1",
            (request.run_id,),
        ).fetchall()
    at = {str(kind): float(when) for kind, when in rows if kind}
    at["click"] = request.created_at.timestamp()
    found = {name: at[end] - at[begin] for name, begin, end in _PHASES}

    steps_s = sum(request.step_seconds.values())
    found["between the steps"] = request.finished_at.timestamp() - at["STEP_START"] - steps_s
    found[OVERHEAD] = (request.finished_at - request.created_at).total_seconds() - steps_s
    found["delivered to the run's end"] = (
        at.get("PIPELINE_SUCCESS", time.time()) - request.finished_at.timestamp()
    )
    return found


def sessions(dagster_dsn: str) -> int:
    """How many connections to Dagster's database there have been."""
    with psycopg.connect(dagster_dsn) as connection:
        row = connection.execute(
            "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    return int(row[0]) if row else 0


def measure(number: int) -> tuple[list[Seconds], float]:
    """The phases of so many Reels, one after the other, in a system that has just started; and how
    many connections Dagster made for each.
    """
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as home:
        # Postgres runs under another account when this runs as root.
        Path(home).chmod(0o755)
        clip = Path(home) / "clip.mp4"
        source = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30", "-t", "12"]
        run_ffmpeg([*source, "-pix_fmt", "yuv420p", str(clip)])
        settings = Settings(home=Path(home) / "home", local_files=True)
        stack = LocalStack(settings, with_ui=False, with_api=False)
        try:
            address = stack.start(print)
            os.environ.update(address.env)
            services = Services(Settings())
            user = uuid4()
            services.library.ensure_user(user, "bench@example.org")
            dsn = address.env["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
            found = []
            connections = sessions(dsn)
            for _ in range(number):
                request_id = reel(services, user, clip)
                # Until the run before has ended: nobody clicks the moment a Reel is there.
                time.sleep(3)
                found.append(phases(services, dsn, request_id))
            connections = sessions(dsn) - connections
            services.close()
        finally:
            stack.stop()
    return found, connections / number


def table(found: Sequence[Seconds], connections: float) -> str:
    """Each phase of the first Reel, and of the others: median, shortest and longest."""
    first, others = found[0], found[1:]
    limits = {FIRST_STEP: FIRST_STEP_LIMIT_S, OVERHEAD: OVERHEAD_LIMIT_S}
    lines = []
    for name in first:
        seconds = [each[name] for each in others]
        median = statistics.median(seconds)
        share = f"{median / limits[name]:.2f} of {limits[name]:g} s" if name in limits else ""
        figures = [first[name], median, min(seconds), max(seconds)]
        lines.append([name, *(f"{figure:.2f}" for figure in figures), share])
    load = os.getloadavg()[0]
    head = f"{report.machine()}, load {load:.0f}; {len(others)} Reels after the first; "
    head += f"{connections:.0f} connections to Dagster's database for each.\n\n"
    columns = ("waiting", "first Reel s", "median s", "min s", "max s", "share of limit")
    return head + report.table(columns, lines)


def main() -> None:
    """Print the table, and put it into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reels", type=int, default=8)
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    shown = table(*measure(arguments.reels))
    print(shown)
    if arguments.write:
        report.write("latency", shown)


if __name__ == "__main__":
    main()
