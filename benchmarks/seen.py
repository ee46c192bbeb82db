"""Time the search for what a user's earlier Reels showed, among a million stored segments.

    python -m benchmarks.seen [--rows 1000000] [--write]

Against the embedded Postgres, in a folder of its own: once with all rows of one user, once shared
by a thousand users. A request asks for ten files and 300 moments, as one of ten long clips does.
"""

import argparse
import math
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import Engine, text

from benchmarks import report
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.requests.database import create_engine
from montage_pipeline.requests.migrate import upgrade
from montage_pipeline.requests.seen import MAX_COMPARED, SeenFootage
from montage_pipeline.settings import Settings

LIMIT_MS = 50
FILES, MOMENTS = 10, 300
ONE_REEL = 10
SEARCHES = 60

_FILL = """
INSERT INTO users (id, email)
SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@example.org'
FROM generate_series(0, :users - 1) n;
INSERT INTO content_items (id, user_id, type, style, format, duration_sec, clip_urls)
SELECT id, id, 'reel', 'travel', 'reel', 30, '[]' FROM users;
INSERT INTO montage_requests
  (id, content_item_id, user_id, clip_urls, style, format, duration_sec, state)
SELECT id, id, id, '[]', 'travel', 'reel', 30, 'succeeded' FROM users;
INSERT INTO seen_segments
  (user_id, montage_request_id, sha256, start_s, end_s, fingerprint, shown_at)
SELECT owner, owner, md5((n / :reel % 20000)::text) || md5('b'), n % 60, n % 60 + 3,
       ('x' || substr(md5(n::text), 1, 16))::bit(64)::bigint,
       now() - interval '1 second' * (:rows - n)
FROM (SELECT n, ('00000000-0000-0000-0000-' || lpad(to_hex(n / :reel % :users), 12, '0'))::uuid
               AS owner
      FROM generate_series(0, :rows - 1) n) rows;
"""


def fill(engine: Engine, rows: int, users: int) -> None:
    """`rows` segments in turn of `users` users, ten from one Reel."""
    with engine.begin() as connection:
        connection.execute(
            text("TRUNCATE users, content_items, montage_requests, seen_segments, api_cost_logs")
        )
        for statement in _FILL.split(";\n"):
            if statement.strip():
                used = {
                    name: value
                    for name, value in {"rows": rows, "users": users, "reel": ONE_REEL}.items()
                    if f":{name}" in statement
                }
                connection.execute(text(statement), used)
    # As it is once autovacuum came by, which would else come by during the measurement.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
        connection.execute(text("CHECKPOINT"))


def searched_ms(engine: Engine, users: int) -> tuple[list[float], list[int]]:
    """Milliseconds of each search, and how many segments it found; every search for another user,
    files and moments.
    """
    seen, draw = SeenFootage(engine), Random(1)
    spent, found = [], []
    for _ in range(SEARCHES):
        user = UUID(int=draw.randrange(users))
        files = _files(engine, user, draw)
        prints = {f"{draw.getrandbits(64):016x}" for _ in range(MOMENTS)}
        began = time.perf_counter()
        segments = seen.earlier(
            user,
            datetime.now(UTC) + timedelta(minutes=1),
            files=files,
            fingerprints=prints,
        )
        spent.append((time.perf_counter() - began) * 1000)
        found.append(len(segments))
    return spent, found


def _files(engine: Engine, user: UUID, draw: Random) -> set[str]:
    """Files of this user, so that there is something to find."""
    with engine.connect() as connection:
        query = text(
            "SELECT DISTINCT sha256 FROM "
            "(SELECT sha256 FROM seen_segments WHERE user_id = :user LIMIT 2000) AS own "
            "ORDER BY sha256"
        )
        files = list(connection.execute(query, {"user": user}).scalars())
    return set(draw.sample(files, min(FILES, len(files))))


def main() -> None:
    """Print the table, and put it into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        try:
            settings = Settings(database_url=server.dsn())
            upgrade(settings.sqlalchemy_url)
            engine = create_engine(settings)
            for users in (1, 1000):
                fill(engine, arguments.rows, users)
                spent, found = searched_ms(engine, users)
                slow = sorted(spent)[math.ceil(0.95 * len(spent)) - 1]
                lines.append(
                    [
                        f"{arguments.rows:,} of {users:,} user{'s' if users > 1 else ''}",
                        f"{statistics.median(spent):.1f}",
                        f"{slow:.1f}",
                        f"{slow / LIMIT_MS:.2f}",
                        f"{statistics.median(found):.0f}",
                    ]
                )
            engine.dispose()
        finally:
            server.destroy()
    asked = f"{SEARCHES} searches for {FILES} files and {MOMENTS} moments each"
    head = f"{report.machine()}; {asked}; the newest {MAX_COMPARED} are compared.\n\n"
    columns = ("stored segments", "median ms", "95 % below ms", f"share of {LIMIT_MS} ms", "found")
    shown = head + report.table(columns, lines)
    print(shown)
    if arguments.write:
        report.write("seen", shown)


if __name__ == "__main__":
    main()
