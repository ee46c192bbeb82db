"""Measure the render, on footage made from the demo's clips, and print tables.

    python -m benchmarks.render [--only limit,moviepy,frontier,incremental,memory] [--write]

The first time, making the footage takes several minutes. It needs about 5 GB of disk. Figures worth
publishing need a machine that does nothing else meanwhile.
"""

import argparse
import tempfile
from functools import cached_property
from pathlib import Path

from benchmarks import report
from benchmarks.render import against_moviepy, frontier, frontier_table, incremental, limit, memory
from benchmarks.render.footage import Edit, Footage
from benchmarks.render.frames import composite
from benchmarks.render.limit import Limit

TABLES = ("limit", "moviepy", "frontier", "incremental", "memory")
_PUBLISHED_S = 30


class Session:
    """What the tables share: each is made when the first of them needs it."""

    def __init__(self, footage: Footage, folder: Path, arguments: argparse.Namespace) -> None:
        self._footage = footage
        self._folder = folder
        self._seconds: int = arguments.seconds
        self._runs: int = arguments.runs
        self._every: int = arguments.frontier_part

    def text(self, name: str) -> str:
        """The named table, measured now."""
        if name == "limit":
            return limit.text(self.limit)
        if name == "moviepy":
            limits = self.limit
            return against_moviepy.text(
                against_moviepy.measure(self.edit, self.composite, self._folder), limits
            )
        if name == "frontier":
            return frontier_table.text(
                frontier.measure(self.edit, self.composite, self._folder, self._every), self._every
            )
        if name == "incremental":
            return incremental.text(
                incremental.measure(self._footage, self._seconds, self._folder, self._runs)
            )
        return memory.text(memory.measure(self._footage, self._folder, max(7, 3 * self._seconds)))

    @cached_property
    def edit(self) -> Edit:
        """The Reel."""
        return self._footage.reel(self._seconds)

    @cached_property
    def composite(self) -> Path:
        """Its frames before encoding."""
        print("rendering the lossless composite", flush=True)
        return composite(self.edit, self._folder)

    @cached_property
    def limit(self) -> Limit:
        """The time it takes at least, and the time it takes."""
        return limit.measure(self.edit, self.composite, self._folder, self._runs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", default=",".join(TABLES), metavar="TABLE,…", help=f"some of {', '.join(TABLES)}"
    )
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/benchmarks.md"
    )
    parser.add_argument(
        "--footage",
        type=Path,
        default=Path(tempfile.gettempdir()) / "montage-bench-footage",
        help="folder that keeps clips",
    )
    parser.add_argument(
        "--seconds",
        type=int,
        default=_PUBLISHED_S,
        help="length of the Reel; less is for trying the benchmark out",
    )
    parser.add_argument(
        "--runs", type=int, default=5, help="of the limit and of the incremental renders"
    )
    parser.add_argument(
        "--frontier-part",
        type=int,
        default=3,
        help="search on every nth segment: 3 is about a third, 1 all",
    )
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    if unknown := set(wanted) - set(TABLES):
        parser.error(
            f"there is no table {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}"
        )
    if arguments.write and arguments.seconds != _PUBLISHED_S:
        parser.error(f"only figures of a Reel of {_PUBLISHED_S} s are written down")
    footage = Footage(arguments.footage)
    with tempfile.TemporaryDirectory(prefix="work-", dir=arguments.footage) as folder:
        session = Session(footage, Path(folder), arguments)
        timeline = session.edit.timeline
        size = f"{timeline.width}x{timeline.height}, {timeline.total_frames} frames"
        segments = f"{len(timeline.segments)} segments"
        head = f"{arguments.seconds} s, {size}, {segments}; {report.machine()}."
        for name in wanted:
            text = f"{head}\n\n{session.text(name)}"
            print(f"\n## {name}\n\n{text}", flush=True)
            if arguments.write:
                report.write(f"render {name}", text)


if __name__ == "__main__":
    main()
