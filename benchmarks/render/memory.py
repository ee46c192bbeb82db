"""Peak memory of a render by number of clips and length of the Reel: neither should matter."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Peak, Usage, in_new_process
from benchmarks.render.footage import Footage
from benchmarks.render.limit import render_once
from benchmarks.report import table
from montage_pipeline.settings import Settings

GOAL_MB = 900
_SIZES = ((3, 7), (10, 7), (10, 30), (30, 30), (60, 30), (30, 90), (60, 90))


@dataclass(frozen=True)
class Sized:
    """A Reel of so many clips, each shown once, and so many seconds."""

    clips: int
    seconds: int
    usage: Usage
    peak: Peak


def measure(footage: Footage, folder: Path, longest_s: int) -> list[Sized]:
    """Every size up to that length, each in a process of its own."""
    sized = []
    for clips, seconds in _SIZES:
        if seconds <= longest_s:
            print(f"memory: {clips} clips, {seconds} s", flush=True)
            usage, peak = in_new_process(
                render_once, footage.evenly_cut(clips, seconds), folder / "sized.mp4", Settings()
            )
            sized.append(Sized(clips, seconds, usage, peak))
    return sized


def text(sized: list[Sized]) -> str:
    """The table."""
    rows = [
        [
            f"{reel.clips}",
            f"{reel.seconds}",
            f"{reel.peak.pss_mb:.0f}",
            f"{reel.peak.rss_mb:.0f}",
            f"{reel.usage.wall_s:.1f}",
        ]
        for reel in sized
    ]
    worst_mb = max(reel.peak.rss_mb for reel in sized)
    verdict = "reached" if worst_mb < GOAL_MB else "missed"
    head = ("clips of 4K HEVC", "seconds", "peak MB (PSS)", "peak MB (RSS)", "wall s")
    return table(head, rows) + (
        f"\nThe maximum is {worst_mb:.0f} MB (RSS); goal: below {GOAL_MB} MB, whatever the size; "
        f"{verdict}.\n"
    )
