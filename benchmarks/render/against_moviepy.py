"""The same Reel by FFmpeg, by the MoviePy engine, and by MoviePy as it is usually written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Peak, Usage, in_new_process, timed
from benchmarks.render.footage import Edit
from benchmarks.render.frames import frames_of, raw_input, vmaf
from benchmarks.render.limit import Limit, render_once
from benchmarks.report import table
from montage_pipeline.settings import Settings

ENGINE_GOAL, USUAL_GOAL = 4.0, 12.0
_FAST_RUNS = 3


@dataclass(frozen=True)
class Rival:
    """What one way of rendering took and made.

    `vmaf` is None when it made another number of frames.
    """

    name: str
    usage: Usage
    peak: Peak
    vmaf: float | None
    frames: int
    bytes: int
    goal: float | None


def measure(edit: Edit, composite: Path, folder: Path) -> list[Rival]:
    """Each way in a process of its own, its memory watched in the same way.

    The one that the others are divided by is the median of three runs.
    """
    ways: list[tuple[str, Callable[..., Usage], list[Settings], float | None]] = [
        ("FFmpeg engine", render_once, [Settings(render_engine="ffmpeg")], None),
        ("MoviePy engine", render_once, [Settings(render_engine="moviepy")], ENGINE_GOAL),
        ("MoviePy as usually written", render_usually, [], USUAL_GOAL),
    ]
    rivals = []
    for name, work, settings, goal in ways:
        print(f"moviepy: {name}", flush=True)
        output = folder / "rival.mp4"
        taken = [
            in_new_process(work, edit, output, *settings) for _ in range(1 if goal else _FAST_RUNS)
        ]
        usage, peak = sorted(taken, key=lambda run: run[0].wall_s)[len(taken) // 2]
        frames = frames_of(output)
        alike = (
            vmaf(["-i", str(output)], raw_input(edit.timeline, composite))
            if frames == edit.timeline.total_frames
            else None
        )
        rivals.append(Rival(name, usage, peak, alike, frames, output.stat().st_size, goal))
        output.unlink()
    return rivals


def text(rivals: list[Rival], limit: Limit) -> str:
    """The table, with the limit on top."""
    fast = rivals[0].usage.wall_s
    rows = [
        [
            "L: only decoding, only encoding",
            f"{limit.limit_s:.1f}",
            f"{limit.limit_s / fast:.2f}",
            "",
            "",
            "",
            "",
        ]
    ]
    for rival in rivals:
        ratio = rival.usage.wall_s / fast
        aim = "" if rival.goal is None else f" (goal: {rival.goal:.0f} or more)"
        alike = f"{rival.vmaf:.1f}" if rival.vmaf is not None else f"none: {rival.frames} frames"
        figures = [
            f"{rival.usage.wall_s:.1f}",
            f"{ratio:.2f}{aim}",
            f"{rival.usage.cpu_s:.0f}",
            alike,
        ]
        rows.append([rival.name, *figures, f"{rival.bytes / 1e6:.1f}", f"{rival.peak.pss_mb:.0f}"])
    ratios = " and ".join(
        f"{rival.usage.wall_s / limit.limit_s:.1f}" for rival in rivals if rival.goal is not None
    )
    remark = (
        f"\nMoviePy takes {ratios} times as long as L: on these sources, where decoding is most of "
        "the work, nothing that decodes their spans and encodes the frames can be further ahead "
        "than that.\n"
    )
    return (
        table(
            (
                "way",
                "wall s",
                "times FFmpeg engine",
                "processor s",
                "VMAF",
                "MB",
                "peak memory MB (PSS)",
            ),
            rows,
        )
        + remark
    )


def render_usually(edit: Edit, output: Path) -> Usage:
    """The Reel as tutorials write it: whole frames in RGB, one process, MoviePy's own defaults."""
    from moviepy import AudioFileClip, CompositeAudioClip, VideoFileClip, concatenate_videoclips

    timeline = edit.timeline
    fps = float(timeline.fps.fraction)
    with timed() as usage:
        clips = []
        for segment in timeline.segments:
            crop, begin_s = segment.crop, segment.source_in_s
            clip = VideoFileClip(str(edit.sources[segment.clip_url])).subclipped(
                begin_s, begin_s + segment.frames / fps
            )
            clip = clip.cropped(x1=crop.x, y1=crop.y, width=crop.width, height=crop.height)
            clips.append(clip.resized((timeline.width, timeline.height)))
        video = concatenate_videoclips(clips, method="compose")
        music = AudioFileClip(str(edit.music)).subclipped(0, video.duration).with_volume_scaled(0.5)
        video = video.with_audio(CompositeAudioClip([video.audio, music]))
        video.write_videofile(str(output), fps=fps, logger=None)
        video.close()
    return usage
