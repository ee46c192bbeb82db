"""What looking at long clips costs, beside PySceneDetect on the same clips."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.analysis.footage import CLIP_S, as_fetched, long_clips
from benchmarks.measuring import Peak, Usage, in_new_process, timed
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.settings import Settings

REFERENCE_S = 6
"""What PySceneDetect is given of each clip; its time grows with length, so the rest is computed."""

LIMIT_S, LIMIT_SHARE, LIMIT_MB = 30.0, 0.2, 1000.0


@dataclass(frozen=True)
class Looking:
    """What the analyst took for the clips and found in them, and what PySceneDetect took."""

    b_frames: bool
    usage: Usage
    peak: Peak
    analysis: ClipAnalysis
    reference: Usage


def analysed(paths: Sequence[Path], duration_s: float) -> tuple[Usage, ClipAnalysis]:
    """The local analyst's answer for a Reel of that length."""
    clips = [as_fetched(path) for path in paths]
    with timed() as usage:
        analysis = LocalAnalyst(Settings()).analyse(clips, "dynamic", duration_s)
    return usage, analysis


def detected(paths: Sequence[Path]) -> Usage:
    """PySceneDetect's adaptive detector as its documentation has it, two clips at a time."""
    from scenedetect import AdaptiveDetector, detect

    def detect_in(path: Path) -> None:
        detect(str(path), AdaptiveDetector(), end_time=float(REFERENCE_S))

    with timed() as usage, ThreadPoolExecutor(2) as pool:
        list(pool.map(detect_in, paths))
    return usage


def measured(folder: Path, kept: Path, duration_s: float, b_frames: bool) -> Looking:
    """Make the clips, look at them, and have PySceneDetect look at them."""
    clips = long_clips(folder, kept, b_frames)
    (usage, analysis), peak = in_new_process(analysed, clips, duration_s)
    reference, _ = in_new_process(detected, clips)
    for clip in clips:
        clip.unlink()
    return Looking(b_frames, usage, peak, analysis, reference)


def looking_table(looking: Looking) -> str:
    """The figures beside their limits."""
    usage, reference = looking.usage, looking.reference
    scale = CLIP_S / REFERENCE_S
    clips = looking.analysis.clips
    seen_s = sum(shot.end_s - shot.start_s for clip in clips for shot in clip.shots)
    usable = [moment for clip in clips for moment in clip.moments if not moment.rejects]
    usable_s = sum(moment.duration_s for moment in usable)
    detector = f"PySceneDetect, wall seconds ({REFERENCE_S} s of each clip, times {scale:.0f})"
    wall_share = usage.wall_s / (reference.wall_s * scale)
    cpu_share = usage.cpu_s / (reference.cpu_s * scale)
    rows = [
        ["wall seconds", f"{usage.wall_s:.1f}", f"{LIMIT_S:.0f}"],
        ["processor seconds", f"{usage.cpu_s:.1f}", ""],
        ["peak memory, MB (RSS)", f"{looking.peak.rss_mb:.0f}", f"{LIMIT_MB:.0f}"],
        [detector, f"{reference.wall_s * scale:.1f}", ""],
        ["share of PySceneDetect's wall seconds", f"{wall_share:.3f}", f"{LIMIT_SHARE}"],
        ["share of PySceneDetect's processor seconds", f"{cpu_share:.3f}", f"{LIMIT_SHARE}"],
        ["seconds looked at closely", f"{seen_s:.1f}", ""],
        ["of them usable", f"{usable_s:.1f}", ""],
    ]
    kind = f"{'with' if looking.b_frames else 'without'} B-frames"
    return report.table((kind, "measured", "limit"), rows)
