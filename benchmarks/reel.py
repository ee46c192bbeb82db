"""Time a Reel by step, from the row's insert to `draft`, through the whole system.

    python -m benchmarks.reel [--runs 3] [--duration 30] [--write] CLIP…

Without clips it uses the sample footage of the demo, for 10 s. `--write` puts the table into
docs/benchmarks.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from montage_pipeline.vocabulary import Step

TOTAL_LIMIT_S = 60.0
RENDER_LIMIT_S = 45.0
"""Goals for a Reel of 30 s: all of it, and the render alone."""


def measure(clips: Sequence[str], duration_s: int, runs: int) -> list[dict[str, Any]]:
    """The JSON of `montage make` for each run, in a home of its own: what was looked at in one is
    known there.
    """
    command = [str(Path(sys.executable).parent / "montage")]
    command += (
        ["make", *clips, "--duration", str(duration_s), "--json"] if clips else ["demo", "--json"]
    )
    return [_made(command) for _ in range(runs)]


def _made(command: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as home:
        # Postgres runs under another account when this runs as root; it must be able to reach its
        # folder.
        Path(home).chmod(0o755)
        done = subprocess.run(
            command,
            env=os.environ | {"MONTAGE_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def table(outcomes: Sequence[dict[str, Any]]) -> str:
    """Median, minimum and maximum seconds of each step, and their share of the limit."""
    limits = {Step.RENDERED_VIDEO.value: RENDER_LIMIT_S, "total": TOTAL_LIMIT_S}
    rows = {step.value: [outcome["steps"][step.value] for outcome in outcomes] for step in Step}
    rows["waiting for daemon and worker"] = [
        outcome["totalSeconds"] - sum(outcome["steps"].values()) for outcome in outcomes
    ]
    rows["total"] = [outcome["totalSeconds"] for outcome in outcomes]
    first = outcomes[0]
    head = (
        f"{first['durationSec']:.1f} s, {first['width']}x{first['height']}, "
        f"{first['frames']} frames; analyst {first['analyst']}, "
        f"composer {first['composer']}; {report.machine()}; "
        f"{len(outcomes)} runs.\n\n"
    )
    lines = []
    for name, seconds in rows.items():
        median = statistics.median(seconds)
        share = f"{median / limits[name]:.2f} of {limits[name]:.0f} s" if name in limits else ""
        lines.append([name, f"{median:.1f}", f"{min(seconds):.1f}", f"{max(seconds):.1f}", share])
    return head + report.table(("step", "median s", "min s", "max s", "share of limit"), lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="*", metavar="CLIP")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--duration", type=int, default=30)
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    text = table(measure(arguments.clips, arguments.duration, arguments.runs))
    print(text)
    if arguments.write:
        report.write("reel", text)


if __name__ == "__main__":
    main()
