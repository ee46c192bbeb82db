"""A timeline to a finished, checked Reel with its poster."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.logs import get_logger
from montage_pipeline.rendering.check import BadRender, check_file
from montage_pipeline.rendering.model import EngineRun, FileCheck, ProgressCallback, RenderEngine
from montage_pipeline.rendering.poster import write_poster

_log = get_logger(__name__)


class CheckedReel(NamedTuple):
    """The files of a Reel, how its render went and what was measured on it."""

    video: Path
    poster: Path
    run: EngineRun
    check: FileCheck


def render_checked(
    timeline: Timeline,
    sources: Mapping[str, ClipSource],
    music_path: Path,
    workdir: Path,
    engine: RenderEngine,
    progress: ProgressCallback,
) -> CheckedReel:
    """Render to `workdir`/reel.mp4, check the file, and write the middle of the hook to poster.jpg.

    Segments that do not show what was analysed are rendered once more, decoding their clips from
    the very start: some files decode otherwise after a seek.

    Raises RenderError when the engine fails, BadRender when the file breaks a rule; a bad file is
    removed.
    """
    video, poster = workdir / "reel.mp4", workdir / "poster.jpg"
    run = engine.render(timeline, sources, music_path, video, progress)

    try:
        try:
            check = check_file(video, timeline)
        except BadRender as error:
            if not error.misshown:
                raise
            _log.warning("segments_rendered_again", segments=sorted(error.misshown))
            run = engine.render(
                timeline, sources, music_path, video, lambda _: None, unsought=error.misshown
            )
            check = check_file(video, timeline)
        hook_middle = timeline.segments[0].frames // 2
        write_poster(video, poster, float(hook_middle / timeline.fps.fraction))
    except BaseException:
        video.unlink(missing_ok=True)
        raise
    return CheckedReel(video, poster, run, check)
