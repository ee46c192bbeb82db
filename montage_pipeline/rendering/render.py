"""A timeline to a finished, checked Reel with its poster."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.logs import get_logger
from montage_pipeline.rendering.check import BadRender, check_file
from montage_pipeline.rendering.errors import CLIP_FAULTS
from montage_pipeline.rendering.model import EngineRun, FileCheck, ProgressCallback, RenderEngine
from montage_pipeline.rendering.video.seeking import next_earlier_s

_log = get_logger(__name__)


class CheckedReel(NamedTuple):
    """The files of a Reel, its render, what was measured on it and what its user must know.

    `stills` are the frames that could be its covers, by number, as JPEGs.
    """

    video: Path
    poster: Path
    stills: Mapping[int, Path]
    run: EngineRun
    check: FileCheck
    warnings: tuple[str, ...]


_MISSHOWN = "decoded again for the Reel, it does not show what was seen in it before"
_UNDECODABLE = {
    ErrorCode.CLIP_TOO_SHORT: "decoding it for the Reel ended early",
    ErrorCode.CLIP_TOO_DEMANDING: "decoding it for the Reel took too long, or too much memory",
}
_FAILED = "it could not be decoded for the Reel"


def segments_at_fault(error: MontageError) -> Mapping[int, str]:
    """The segments, by number, that cannot be shown for their clip's sake, each with the reason.

    Empty for an error that another choice of footage would not mend.
    """
    if isinstance(error, BadRender) and error.only_misshown:
        return dict.fromkeys(sorted(error.misshown), _MISSHOWN)
    number = error.details.get("segment")
    if error.code in CLIP_FAULTS and isinstance(number, int):
        return {number: _UNDECODABLE.get(error.code, _FAILED)}
    return {}


def render_checked(
    timeline: Timeline,
    sources: Mapping[str, ClipSource],
    music_path: Path,
    workdir: Path,
    engine: RenderEngine,
    progress: ProgressCallback,
) -> CheckedReel:
    """Render to `workdir`/reel.mp4 and check the file; the poster is the middle of the hook.

    Segments that do not show what was analysed are rendered again, with their clips entered
    earlier, at last from their start: some files decode otherwise after a seek.

    Raises RenderError when the engine fails, BadRender when the file breaks a rule; a bad file is
    removed.
    """
    video = workdir / "reel.mp4"
    hook_middle = timeline.segments[0].frames // 2
    numbers = {hook_middle, *(cover.frame for cover in timeline.cover_candidates)}
    stills = {number: workdir / f"frame-{number}.jpg" for number in numbers}
    try:
        run = engine.render(timeline, sources, music_path, video, progress)
        order = _Order(timeline, sources, music_path, video, stills)
        check, run = _shown_as_analysed(order, engine, run)
    except BaseException:
        for file in (video, *stills.values()):
            file.unlink(missing_ok=True)
        raise
    warnings = (*run.sound_warnings, *_loudness_warnings(check, timeline.target_lufs))
    return CheckedReel(video, stills[hook_middle], stills, run, check, warnings)


class _Order(NamedTuple):
    """What is rendered, and where to."""

    timeline: Timeline
    sources: Mapping[str, ClipSource]
    music_path: Path
    video: Path
    stills: Mapping[int, Path]


def _shown_as_analysed(
    order: _Order, engine: RenderEngine, run: EngineRun
) -> tuple[FileCheck, EngineRun]:
    """Check the file of a render; where a seek may be to blame for what it shows, render again."""
    timeline, sources, music_path, video, stills = order
    earlier_s: dict[int, float] = {}
    while True:
        try:
            return check_file(video, timeline, run.sound_lowered_lu, stills), run
        except BadRender as error:
            retried = _entered_earlier(timeline, error.misshown, earlier_s)
            if not retried:
                raise
            earlier_s |= retried
            _log.warning("segments_rendered_again", earlier_s=retried)
            try:
                run = engine.render(
                    timeline, sources, music_path, video, lambda _: None, earlier_s=earlier_s
                )
            except MontageError as failure:
                # It was tried for the sake of what was shown wrong: that is the reason.
                raise error from failure


def _entered_earlier(
    timeline: Timeline, misshown: Collection[int], earlier_s: Mapping[int, float]
) -> dict[int, float]:
    """For each segment that can still be entered earlier, how much earlier than need be (s)."""
    retried: dict[int, float] = {}
    for number in sorted(misshown):
        segment = timeline.segments[number]
        into_clip_s = segment.source_in_s - timeline.clips[segment.clip].start_s
        further_s = next_earlier_s(earlier_s.get(number, 0.0), into_clip_s)
        if further_s is not None:
            retried[number] = further_s
    return retried


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
