"""What looking at long footage costs, against PySceneDetect on the same clips, and whether its changes of shot agree with a full-rate pass.

    python -m benchmarks.analysis [--footage FOLDER] [--duration 30] [--write]

Ten clips of a minute of 4K HEVC are joined without encoding from those of the render's benchmark, which are made when they are missing.
"""

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import report
from benchmarks.measuring import Peak, Usage, in_new_process, timed
from benchmarks.render.footage import Footage
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.footage.ffmpeg import run_ffmpeg
from montage_pipeline.footage.measure import measure
from montage_pipeline.footage.measures import ClipMeasures
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.packets import read_packets
from montage_pipeline.footage.probe import probe
from montage_pipeline.footage.shots import Span
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.requests.vocabulary import Style
from montage_pipeline.settings import Settings

CLIPS, CLIP_S = 10, 60
REFERENCE_S = 6  # of each clip that PySceneDetect is given; its time grows with the footage's length, so the rest is reckoned
LIMIT_S, LIMIT_SHARE, LIMIT_MB, LIMIT_F1 = 30.0, 0.2, 1000.0, 0.95
_TOLERANCE_FRAMES = 2
_STRETCH_S, _EVERY_S = 3.0, 4.0


def long_clips(folder: Path, source: Footage) -> list[Path]:
    """CLIPS files of CLIP_S seconds each, of different orders of the same 4K footage."""
    pieces = [clip.path for clip in source.clips if clip.facts.coded_height == 2160]
    made = []
    for number in range(CLIPS):
        listed = folder / f"{number}.txt"
        order = [pieces[(number + step * (1 + number // len(pieces))) % len(pieces)] for step in range(CLIP_S // 8 + 1)]
        listed.write_text("".join(f"file '{path.resolve()}'\n" for path in order))
        path = folder / f"long{number}.mp4"
        copied = ["-t", str(CLIP_S), "-c", "copy", "-tag:v", "hvc1"]
        run_ffmpeg(["-y", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(listed), *copied, str(path)])
        made.append(path)
    return made


def fetched(path: Path) -> FetchedClip:
    return FetchedClip(url=path.as_uri(), path=path, sha256=path.name.encode().hex().ljust(64, "0")[:64], bytes=path.stat().st_size)


def analysed(paths: Sequence[Path], duration_s: float) -> tuple[Usage, ClipAnalysis]:
    with timed() as usage:
        analysis = LocalAnalyst(Settings()).analyse([fetched(path) for path in paths], Style.DYNAMIC, duration_s)
    return usage, analysis


def detected(paths: Sequence[Path]) -> Usage:
    """PySceneDetect's adaptive detector as its documentation has it, two clips at a time."""
    from scenedetect import AdaptiveDetector, detect  # type: ignore[import-untyped]

    with timed() as usage, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path: detect(str(path), AdaptiveDetector(), end_time=float(REFERENCE_S)), paths))
    return usage


def films(folder: Path) -> list[Path]:
    """Real cuts of the demo's clips, and generated cuts, fades and flashes over the same pictures."""
    pictures = demo_clips()
    made = []
    for name, chain in (
        ("cuts", "[0:v]trim=0:1.7,setpts=PTS-STARTPTS[a];[1:v]trim=0:2.3,setpts=PTS-STARTPTS[b];[0:v]trim=4:6,setpts=PTS-STARTPTS,hflip[c];"
         "[1:v]trim=3:5,setpts=PTS-STARTPTS,negate[d];[a][b][c][d]concat=n=4:v=1"),
        ("flashes", "[0:v]eq=brightness='if(lt(mod(n,40),2),0.5,0)':eval=frame"),
        ("fades", "[0:v]trim=0:4,setpts=PTS-STARTPTS[a];[1:v]trim=0:4,setpts=PTS-STARTPTS[b];[a][b]xfade=duration=0.7:offset=3"),
    ):  # fmt: skip
        path = folder / f"{name}.mp4"
        inputs = [word for picture in pictures[:2] for word in ("-i", str(picture))]
        even = chain.replace("[0:v]", "[x0]").replace("[1:v]", "[x1]")
        count0, count1 = even.count("[x0]"), even.count("[x1]")
        parts0, parts1 = ("".join(f"[x{which}{place}]" for place in range(count)) for which, count in ((0, count0), (1, count1)))
        for which, count in ((0, count0), (1, count1)):
            for place in range(count):
                even = even.replace(f"[x{which}]", f"[x{which}{place}]", 1)
        scaled = "fps=25,scale=640:360,setsar=1,settb=1/25"
        graph = f"[0:v]{scaled},split={count0}{parts0};" + (f"[1:v]{scaled},split={count1}{parts1};" if count1 else "") + even
        coded = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-g", "50", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-an"]
        run_ffmpeg(["-y", "-loglevel", "error", *inputs, "-filter_complex", graph, *coded, str(path)])
        made.append(path)
    return [*pictures, *made]


def agreement(paths: Sequence[Path]) -> tuple[int, int, int]:
    """Changes of shot found in stretches, in the same places of a full-rate pass, and in both."""
    found = true = both = 0
    for path in paths:
        facts = probe(fetched(path))
        count = max(1, int((facts.duration_s - _STRETCH_S) // _EVERY_S) + 1)
        spans = [Span(facts.start_s + place * _EVERY_S, facts.start_s + place * _EVERY_S + _STRETCH_S) for place in range(count)]
        part, whole = measure(path, facts, spans, read_packets(path, facts)), measure(path, facts)
        slack_s = (_TOLERANCE_FRAMES + 0.5) / float(facts.fps.fraction)
        for span in part.looked_at:
            inner = Span(span.start_s + 0.15, span.end_s - 0.15)
            ours, theirs = (_changes(measures, inner) for measures in (part, whole))
            found, true = found + len(ours), true + len(theirs)
            for time_s in ours:
                near = min(theirs, key=lambda other: abs(other - time_s), default=None)
                if near is not None and abs(near - time_s) <= slack_s:
                    theirs.remove(near)
                    both += 1
    return found, true, both


def _changes(measures: ClipMeasures, inside: Span) -> list[float]:
    return [shot.start_s for shot in measures.shots if inside.start_s < shot.start_s < inside.end_s]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, default=Path(tempfile.gettempdir()) / "montage-bench-footage")
    parser.add_argument("--duration", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="montage-bench-", dir=arguments.footage if arguments.footage.is_dir() else None) as name:
        folder = Path(name)
        clips = long_clips(folder, Footage(arguments.footage))
        (usage, analysis), peak = in_new_process(analysed, clips, arguments.duration)
        reference, _ = in_new_process(detected, clips)
        found, true, both = agreement(films(folder))
    text = table(usage, peak, reference, analysis, (found, true, both), arguments.duration)
    print(text)
    if arguments.write:
        report.write("analysis", text)


def table(usage: Usage, peak: Peak, reference: Usage, analysis: ClipAnalysis, changes: tuple[int, int, int], duration_s: int) -> str:
    """The figures beside their limits."""
    scale = CLIP_S / REFERENCE_S
    found, true, both = changes
    f1 = 2 * both / (found + true) if found + true else 1.0
    seen_s = sum(shot.end_s - shot.start_s for clip in analysis.clips for shot in clip.shots)
    head = f"{CLIPS} clips of {CLIP_S} s, 3840x2160 HEVC at 30 frames/s, for a Reel of {duration_s} s; {report.machine()}.\n\n"
    rows = [
        ["wall seconds", f"{usage.wall_s:.1f}", f"{LIMIT_S:.0f}"],
        ["processor seconds", f"{usage.cpu_s:.1f}", ""],
        ["most memory, MB (RSS)", f"{peak.rss_mb:.0f}", f"{LIMIT_MB:.0f}"],
        [f"PySceneDetect, wall seconds ({REFERENCE_S} s of each clip, times {scale:.0f})", f"{reference.wall_s * scale:.1f}", ""],
        ["share of PySceneDetect's wall seconds", f"{usage.wall_s / (reference.wall_s * scale):.3f}", f"{LIMIT_SHARE}"],
        ["share of PySceneDetect's processor seconds", f"{usage.cpu_s / (reference.cpu_s * scale):.3f}", ""],
        ["seconds in usable clips looked at closely", f"{seen_s:.1f}", ""],
        [f"F1 of {true} changes of shot, within {_TOLERANCE_FRAMES} frames of a full-rate pass", f"{f1:.3f}", f"{LIMIT_F1}"],
    ]
    return head + report.table(("", "measured", "limit"), rows)


if __name__ == "__main__":
    main()
