"""A timeline to a finished, checked Reel with its poster."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.logs import get_logger
from montage_pipeline.rendering.check import BadRender, check_file
from montage_pipeline.rendering.model import EngineRun, FileCheck, ProgressCallback, RenderEngine
from montage_pipeline.rendering.poster import write_poster

_log = get_logger(__name__)


class CheckedReel(NamedTuple):
    """The files of a Reel, its render, what was measured on it and what its user must know."""

    video: Path
    poster: Path
    run: EngineRun
    check: FileCheck
    warnings: tuple[str, ...]


_MISSHOWN = "decoded again for the Reel, it does not show what was seen in it before"
_TOO_SHORT = "decoding it for the Reel ended early"


def segments_at_fault(error: MontageError) -> Mapping[int, str]:
    """The segments, by number, that cannot be shown for their clip's sake, each with the reason.

    Empty for an error that another choice of footage would not mend.
    """
    if isinstance(error, BadRender) and error.only_misshown:
        return dict.fromkeys(sorted(error.misshown), _MISSHOWN)
    number = error.details.get("segment")
    if error.code is ErrorCode.CLIP_TOO_SHORT and isinstance(number, int):
        return {number: _TOO_SHORT}
    return {}


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
            check = check_file(video, timeline, run.sound_lowered_lu)
        except BadRender as error:
            if not error.misshown:
                raise
            _log.warning("segments_rendered_again", segments=sorted(error.misshown))
            run = engine.render(
                timeline, sources, music_path, video, lambda _: None, unsought=error.misshown
            )
            check = check_file(video, timeline, run.sound_lowered_lu)
        hook_middle = timeline.segments[0].frames // 2
        write_poster(video, poster, float(hook_middle / timeline.fps.fraction))
    except BaseException:
        video.unlink(missing_ok=True)
        raise
    warnings = (*run.sound_warnings, *_loudness_warnings(check, timeline.target_lufs))
    return CheckedReel(video, poster, run, check, warnings)


def _loudness_warnings(check: FileCheck, target_lufs: float) -> tuple[str, ...]:
    """What the user must know about sound that is not as loud as every Reel is meant to be."""
    quieter_lu = target_lufs - check.loudness_lufs
    if check.loudness_verdict == "silent":
        return ("Nothing can be heard in this Reel: its clips and its music are silent.",)
    if check.loudness_verdict == "peak_limited":
        return (
            f"The sound is {quieter_lu:.1f} LU quieter than usual ({check.loudness_lufs:g} instead "
            f"of {target_lufs:g} LUFS): its loudest moments leave no room for more.",
        )
    return ()
