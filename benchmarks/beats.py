"""Compare the beat tracker with librosa's on loops of known beats, in F-measure and CPU time.

    python -m benchmarks.beats [--seeds 12] [--music NAME=FILE=BPM@FIRST_S …] [--write]

Needs librosa (`pip install '.[bench]'`), whose `beat_track` runs with its defaults. F-measures
follow mir_eval: a beat is right within 70 ms, each once, and nothing before second 5 counts (in
sounds shorter than 10 s, everything does). `--music` adds a recording whose beats keep to a tempo,
the first at so many seconds. Time is CPU time of one thread, user and system, for samples already
decoded. `--write` puts the tables into docs/benchmarks.md.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

# Threads that wait would count as work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from montage_pipeline.music.beats.tracker import RATE, TRUST, find_beats
from montage_pipeline.music.listening import listen_to
from montage_pipeline_tests.music.beats.loops.beatless import BEATLESS, make_beatless
from montage_pipeline_tests.music.beats.loops.generate import KINDS, make_loop
from montage_pipeline_tests.music.pieces import f_measure

_LENGTHS_S = (20.0, 25.0, 30.0)
"""Lengths of the loops: those of most Reels."""

_SKIPPED_S = 5.0
"""What mir_eval leaves out at the start."""

_ROUNDS = 3
"""Each measurement is the fastest of so many."""

_FRESH_RUN = """
import time, numpy
sound = numpy.random.default_rng(1).standard_normal(10 * 22050).astype("f4")
start_s = time.process_time()
{code}
print(time.process_time() - start_s)
"""
_OURS = "from montage_pipeline.music.beats.tracker import find_beats; find_beats(sound)"
_LIBROSA = "import librosa; librosa.beat.beat_track(y=sound, sr=22050)"

T = TypeVar("T")


class Outcome(NamedTuple):
    """One sound tracked by both; times in CPU seconds."""

    kind: str
    ours: float
    librosa: float
    downbeats: float | None
    confidence: float
    ours_s: float
    librosa_s: float


def compare(
    kind: str,
    sound: NDArray[np.float32],
    beats_s: Sequence[float],
    downbeats_s: Sequence[float] | None,
) -> Outcome:
    """Both trackers on one sound. `downbeats_s` is None where bars are not known."""
    from librosa.beat import beat_track

    grid, ours_s = _timed(lambda: find_beats(sound))
    (_, found), librosa_s = _timed(lambda: beat_track(y=sound, sr=RATE, units="time"))
    from_s = _SKIPPED_S if len(sound) / RATE > 2 * _SKIPPED_S else 0.0
    downbeats = (
        None
        if downbeats_s is None
        else f_measure(_counted(downbeats_s, from_s), _counted(grid.downbeats_s, from_s))
    )
    ours, theirs = (
        f_measure(_counted(beats_s, from_s), _counted(times, from_s))
        for times in (grid.beats_s, found)
    )
    return Outcome(kind, ours, theirs, downbeats, grid.confidence, ours_s, librosa_s)


def _counted(times_s: Iterable[float], from_s: float) -> list[float]:
    return [float(second) for second in times_s if second >= from_s]


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result, and the CPU seconds of the fastest of a few rounds: the others were disturbed."""
    spent = []
    for _ in range(_ROUNDS):
        start_s = time.process_time()
        result = work()
        spent.append(time.process_time() - start_s)
    return result, min(spent)


def outcomes(seeds: int, music: Sequence[str]) -> list[Outcome]:
    """Every kind with every seed, then the music."""
    compare("warm-up", make_loop("rock", 0, 10.0).sound, (), ())
    found = []
    for kind in KINDS:
        for seed in range(1, seeds + 1):
            loop = make_loop(kind, seed, _LENGTHS_S[seed % 3])
            # A metronome has no bars.
            downbeats_s = None if kind == "click" else loop.downbeats_s
            found.append(compare(kind, loop.sound, loop.beats_s, downbeats_s))
    return found + [compare_recording(entry) for entry in music]


def compare_recording(entry: str) -> Outcome:
    """Both trackers on a recording, given as NAME=FILE=BPM@FIRST_S."""
    name, file, tempo = entry.split("=")
    bpm, _, first_s = tempo.partition("@")
    sound = listen_to(Path(file)).mono
    beats_s = np.arange(float(first_s or 0), len(sound) / RATE, 60 / float(bpm)).tolist()
    return compare(f"{name} ({float(bpm):g} BPM)", sound, beats_s, None)


def accuracy_table(found: Iterable[Outcome]) -> str:
    """Mean F-measures and the ratio of the times by kind, and over all loops."""
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in found:
        by_kind[outcome.kind].append(outcome)
    groups = list(by_kind.items())
    groups.insert(
        len(KINDS), ("all loops", [outcome for kind in KINDS for outcome in by_kind[kind]])
    )
    rows = []
    for kind, group in groups:
        bars = [outcome.downbeats for outcome in group if outcome.downbeats is not None]
        ratio = sum(outcome.ours_s for outcome in group) / sum(
            outcome.librosa_s for outcome in group
        )
        rows.append(
            [
                kind,
                str(len(group)),
                f"{statistics.mean(outcome.ours for outcome in group):.3f}",
                f"{statistics.mean(outcome.librosa for outcome in group):.3f}",
                f"{statistics.mean(bars):.2f}" if bars else "",
                f"{statistics.mean(outcome.confidence for outcome in group):.2f}",
                f"{ratio:.2f}",
            ]
        )
    head = (
        "sound",
        "number",
        "beats, ours",
        "beats, librosa",
        "downbeats, ours",
        "confidence",
        "CPU time, ours / librosa",
    )
    return report.table(head, rows)


def trust_table(found: Sequence[Outcome]) -> str:
    """What confidence is worth: mean F by how sure the tracker was."""
    edges = [0.0, TRUST, 0.7, 0.8, 0.9, 1.01]
    rows = []
    for low, high in itertools.pairwise(edges):
        group = [outcome.ours for outcome in found if low <= outcome.confidence < high]
        name = (
            f"below {TRUST} (onsets)"
            if low == 0.0
            else f"{low} and more"
            if high > 1
            else f"{low} to {high}"
        )
        rows.append([name, str(len(group)), f"{statistics.mean(group):.2f}" if group else ""])
    return report.table(("confidence", "loops", "mean F of the beats"), rows)


def beatless_table(seeds: int) -> str:
    """How sure the tracker was of what has no beat."""
    rows = []
    for kind in BEATLESS:
        grids = [
            find_beats(make_beatless(kind, seed, _LENGTHS_S[seed % 3]))
            for seed in range(1, seeds + 1)
        ]
        sure = [grid.confidence for grid in grids]
        taken = sum(grid.source == "tracked" for grid in grids)
        rows.append(
            [kind, str(len(sure)), f"{statistics.mean(sure):.2f}", f"{max(sure):.2f}", str(taken)]
        )
    return report.table(
        ("without a beat", "sounds", "mean confidence", "highest", "taken for music"), rows
    )


def fresh_s(code: str) -> float:
    """CPU seconds of a new process for the imports and one run on 10 s of sound.

    librosa's compiled code is on disk by now.
    """
    command = [sys.executable, "-c", _FRESH_RUN.format(code=code)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def summary(loops: Sequence[Outcome]) -> str:
    """The machine, and the CPU time of both trackers on all loops and in a new process."""
    ours_s = sum(outcome.ours_s for outcome in loops)
    librosa_s = sum(outcome.librosa_s for outcome in loops)
    ours_fresh_s, librosa_fresh_s = fresh_s(_OURS), fresh_s(_LIBROSA)
    return (
        f"{report.machine()}, one thread; {len(loops)} loops of {min(_LENGTHS_S):.0f} to "
        f"{max(_LENGTHS_S):.0f} s. CPU time on all loops: {ours_s:.2f} s, librosa "
        f"{librosa_s:.2f} s (ratio {ours_s / librosa_s:.3f}). In a new process, with its imports, "
        f"on 10 s of sound: {ours_fresh_s:.1f} s, librosa {librosa_fresh_s:.1f} s (ratio "
        f"{ours_fresh_s / librosa_fresh_s:.3f}).\n\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=12, help="loops of each kind")
    parser.add_argument("--music", nargs="*", default=[], metavar="NAME=FILE=BPM@FIRST_S")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    found = outcomes(arguments.seeds, arguments.music)
    loops = [outcome for outcome in found if outcome.kind in KINDS]
    tables = [accuracy_table(found), trust_table(loops), beatless_table(arguments.seeds)]
    text = summary(loops) + "\n".join(tables)
    print(text)
    if arguments.write:
        report.write("beats", text)


if __name__ == "__main__":
    main()
