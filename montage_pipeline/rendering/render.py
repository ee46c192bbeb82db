"""A timeline to a finished, checked Reel with its poster."""

from collections.abc import Mapping
from pathlib import Path

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.rendering.check import check_file
from montage_pipeline.rendering.model import EngineRun, FileCheck, ProgressCallback, RenderEngine
from montage_pipeline.rendering.poster import write_poster


def render_checked(
    timeline: Timeline,
    clip_paths: Mapping[str, ClipSource],
    music_path: Path,
    workdir: Path,
    engine: RenderEngine,
    progress: ProgressCallback,
) -> tuple[Path, Path, EngineRun, FileCheck]:
    """Render into `workdir`, check the finished file and write its poster.

    Returns the video (reel.mp4), the poster (poster.jpg, the middle of the hook), how the render
    went and what was measured.
    Raises RenderError when the engine fails, MontageError("bad_render") when the file breaks a
    rule; a bad file is removed.
    """
    video, poster = workdir / "reel.mp4", workdir / "poster.jpg"
    run = engine.render(timeline, clip_paths, music_path, video, progress)
    try:
        check = check_file(video, timeline)
        write_poster(video, poster, float(timeline.segments[0].frames // 2 / timeline.fps.fraction))
    except BaseException:
        video.unlink(missing_ok=True)
        raise
    return video, poster, run, check
