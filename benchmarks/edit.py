"""Measure the planner: time, proved gap, cuts on beats, and what two attempts at one Reel share.

    python -m benchmarks.edit [--style dynamic …] [--write]

The footage is made up: every clip has one shot with a moment every four seconds, scores and
fingerprints drawn at random. That is harder than real footage, where a few moments stand out.
`--write` puts the table into docs/benchmarks.md.
"""

import argparse
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import report
from montage_pipeline.analysis.model import (
    AnalysedClip,
    AnalystFacts,
    ClipAnalysis,
    Moment,
    QualityScores,
    TimeSpan,
)
from montage_pipeline.editing.originality import footage_shown
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.footage.model import Box, ClipFacts, FrameRate
from montage_pipeline.music.model import BeatGrid, MusicTrack
from montage_pipeline.spans import Span, covered_s
from montage_pipeline.styles import STYLES
from montage_pipeline.vocabulary import Format

CLIPS = (10, 30, 60)
DURATIONS_S = (15, 30, 90)
CLIP_S = 20
MOMENT_S = 4
BPM = 120


class Measured(NamedTuple):
    """One edit and the next attempt at it."""

    cpu_s: float
    gap: float
    on_beat: float
    shared: float


def footage(clips: int, seed: int) -> ClipAnalysis:
    """`clips` clips of 20 s, each with five moments."""
    analysed = []
    for clip in range(clips):
        draw = random.Random(f"{seed}/{clip}")
        moments = tuple(_moment(clip, number, draw) for number in range(CLIP_S // MOMENT_S))
        analysed.append(
            AnalysedClip(
                facts=_facts(clip), shots=(TimeSpan(start_s=0, end_s=CLIP_S),), moments=moments
            )
        )
    best = sorted(
        (moment for clip in analysed for moment in clip.moments), key=lambda moment: -moment.hook
    )
    return ClipAnalysis(
        clips=tuple(analysed),
        rejected_clips=(),
        hook_moment=best[0].id,
        best_moments=tuple(moment.id for moment in best[:5]),
        mood="bright",
        music_prompt="bright",
        suggested_bpm=BPM,
        analyst=AnalystFacts(name="local"),
    )


def _facts(clip: int) -> ClipFacts:
    return ClipFacts(
        url=f"https://clips.example/{clip}.mp4",
        sha256=f"{clip:064x}",
        bytes=1,
        container="mp4",
        video_codec="h264",
        video_stream=0,
        coded_width=1920,
        coded_height=1080,
        width=1920,
        height=1080,
        rotation_deg=0,
        pixel_format="yuv420p",
        bit_depth=8,
        full_range=False,
        interlaced=False,
        fps=FrameRate(num=30, den=1),
        variable_frame_rate=False,
        start_s=0,
        duration_s=CLIP_S,
        color_space="bt709",
        hdr="sdr",
        audio_codec="aac",
        audio_stream=1,
        audio_channels=2,
        audio_sample_rate=48000,
    )


def _moment(clip: int, number: int, draw: random.Random) -> Moment:
    names = ("sharpness", "exposure", "stability", "motion", "colour", "faces", "speech")
    return Moment(
        id=f"c{clip}m{number}",
        clip=clip,
        start_s=number * MOMENT_S,
        end_s=(number + 1) * MOMENT_S,
        scores=QualityScores(**{name: draw.random() for name in names}),
        quality=draw.random(),
        interest=draw.random(),
        hook=draw.random(),
        subject=Box(
            x=draw.uniform(0, 0.6),
            y=draw.uniform(0, 0.6),
            width=draw.uniform(0.05, 0.4),
            height=draw.uniform(0.05, 0.4),
        ),
        fingerprint=f"{draw.getrandbits(64):016x}",
    )


def track(duration_s: float) -> MusicTrack:
    """Music with a steady beat and ten seconds to spare."""
    beats = tuple(60 / BPM * number for number in range(int((duration_s + 10) * BPM / 60)))
    return MusicTrack(
        key="music.wav",
        sha256="0" * 64,
        bytes=1,
        content_type="audio/wav",
        duration_s=duration_s + 10,
        grid=BeatGrid(
            bpm=BPM, beats_s=beats, downbeats_s=beats[::4], confidence=1.0, source="composed"
        ),
        loudness_lufs=-14,
        true_peak_dbtp=-1,
        mood="bright",
        prompt="bright",
        composer="local",
        seed=1,
    )


def measure(clips: int, duration_s: int, style: str) -> Measured:
    """Plan a Reel, then another attempt that knows what the first one shows."""
    analysis, music = footage(clips, clips), track(duration_s)
    request = EditRequest(
        request_id="bench", style=style, format=Format.REEL, duration_s=duration_s, seed=1
    )
    began_s = time.process_time()
    first = plan_timeline(request, analysis, music)
    cpu_s = time.process_time() - began_s
    again = plan_timeline(
        request.model_copy(update={"seed": 2, "seen": footage_shown(first, analysis)}),
        analysis,
        music,
    )
    assert first.proof is not None
    cuts = [segment.on_beat for segment in first.segments[:-1]]
    return Measured(cpu_s, first.proof.gap, sum(cuts) / len(cuts), shared(again, first))


def shared(timeline: Timeline, earlier: Timeline) -> float:
    """The share of a Reel's seconds that an earlier one showed."""
    shown: dict[int, list[Span]] = {}
    for segment in earlier.segments:
        shown.setdefault(segment.clip, []).append(_span(segment, earlier))
    shared_s = sum(
        covered_s(_span(segment, timeline), shown.get(segment.clip, []))
        for segment in timeline.segments
    )
    return shared_s / float(timeline.duration)


def _span(segment: Segment, timeline: Timeline) -> Span:
    length_s = float(segment.frames / timeline.fps.fraction)
    return Span(segment.source_in_s, segment.source_in_s + length_s)


def import_s() -> float:
    """Processor seconds of the planner's imports in a new process, without those of NumPy."""
    code = (
        "import time, numpy; t = time.process_time(); import montage_pipeline.editing.planner; "
        "print(time.process_time() - t)"
    )
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def loop_s() -> float:
    """Processor seconds of five million additions in Python: how fast this machine is."""
    began_s, total = time.process_time(), 0
    for number in range(5_000_000):
        total += number
    return time.process_time() - began_s


def _figures(measured: Sequence[Measured]) -> list[str]:
    """The columns of a row after its name."""
    cpu_s = [edit.cpu_s for edit in measured]
    gaps = [100 * edit.gap for edit in measured]
    return [
        f"{statistics.median(cpu_s):.2f}",
        f"{max(cpu_s):.2f}",
        f"{statistics.median(gaps):.2f} %",
        f"{max(gaps):.2f} %",
        f"{100 * min(edit.on_beat for edit in measured):.0f} %",
        f"{100 * max(edit.shared for edit in measured):.0f} %",
    ]


def main() -> None:
    """Print the table, and put it into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--style", nargs="*", type=str, default=list(STYLES))
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    measure(2, 15, "travel")  # The first plan of a process pays for what Python compiles late.
    rows = []
    for clips in CLIPS:
        for duration_s in DURATIONS_S:
            measured = [measure(clips, duration_s, style) for style in arguments.style]
            rows.append([f"{clips} clips, {duration_s} s", *_figures(measured)])
            print(rows[-1], flush=True)
    head = (
        f"{report.machine()}; {len(arguments.style)} styles, the worst of them where it says so. "
        f"The planner's imports take {import_s():.2f} s of processor time (NumPy apart), "
        f"and five million additions in a Python loop {loop_s():.2f} s.\n\n"
    )
    columns = (
        "footage and Reel",
        "median CPU s",
        "max CPU s",
        "median gap",
        "max gap",
        "min cuts on beat",
        "max shared with the first attempt",
    )
    text = head + report.table(columns, rows)
    print(text)
    if arguments.write:
        report.write("edit", text)


if __name__ == "__main__":
    main()
