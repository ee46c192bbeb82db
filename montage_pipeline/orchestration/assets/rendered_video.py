"""What `rendered_video` does: render the edit, store the file when it passed its checks, and show
what was checked.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import MaterializeResult, MetadataValue
from pydantic import Field

from montage_pipeline.editing.timeline import Effect, Timeline
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.request_facts import bullets, clip_sources
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.rendering.model import RenderedVideo, Rule, RuleGroup
from montage_pipeline.storage.keys import poster_key, video_key

if TYPE_CHECKING:
    from montage_pipeline.rendering.render import CheckedReel

_RENDERED = 0.95
"""Share of the step that is done when the file is rendered and checked."""

FILE_CHECKS: dict[RuleGroup, tuple[str, str]] = {
    "picture": (
        "reel_picture",
        "Size, codec, profile, pixel format and BT.709 colour of the finished file, in the "
        "container and in the stream.",
    ),
    "frames": (
        "reel_frames",
        "Every frame is there, at a constant rate from zero on, in closed GOPs of at most 2 s, and "
        "decodes.",
    ),
    "sound": (
        "reel_sound",
        "AAC-LC stereo at 48 kHz, as long as the video, at the loudness and below the peak that "
        "were asked for.",
    ),
    "container": (
        "reel_container",
        "Index first, no edit list, below 25 Mbit/s on average and in every second.",
    ),
}
"""The asset checks of `rendered_video`: name and description by the group of rules they show."""


class SegmentEffect(dg.Config):
    """A MoviePy effect for one segment."""

    segment: int = Field(ge=0, description="Number of the segment, from 0 (the hook).")
    name: str = Field(description="A name of moviepy.video.fx, such as BlackAndWhite.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="The effect's own parameters, such as {factor: 1.2}."
    )


class RenderConfig(dg.Config):
    """What a person may change about a render in the launchpad."""

    effects: list[SegmentEffect] = Field(
        default_factory=list,
        description="MoviePy effects, at most one for each segment. "
        "Only those segments are rendered anew.",
    )

    def applied_to(self, timeline: Timeline) -> Timeline:
        """The timeline with the effects on its segments.

        Raises PermanentError(BAD_EFFECT) when there is no such segment.
        """
        segments = list(timeline.segments)
        for effect in self.effects:
            if effect.segment >= len(segments):
                raise PermanentError(
                    ErrorCode.BAD_EFFECT,
                    f"There is no segment {effect.segment}; the timeline has {len(segments)}, "
                    "counted from 0.",
                )
            chosen = Effect(name=effect.name, parameters=effect.parameters)
            segments[effect.segment] = segments[effect.segment].model_copy(
                update={"effect": chosen}
            )
        return timeline.model_copy(update={"segments": tuple(segments)})


def render_reel(
    scope: StepScope, timeline: Timeline, music: MusicTrack
) -> MaterializeResult[RenderedVideo]:
    """The finished file and its poster, stored.

    Raises BadRender when the file breaks a rule; then nothing is stored.
    """
    services = scope.services
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="render-") as folder:
        reel = _render(scope, timeline, music, Path(folder))
        rendered = _store(scope, reel)
    return dg.MaterializeResult(
        value=rendered,
        metadata=_metadata(rendered, timeline) | {"watch": services.store.address(rendered.key)},
        check_results=check_results(rendered.check.rules),
    )


def _render(scope: StepScope, timeline: Timeline, music: MusicTrack, folder: Path) -> "CheckedReel":
    from montage_pipeline.rendering.render import render_checked

    services = scope.services
    music_path = folder / Path(music.key).name
    services.store.download(music.key, music_path)
    sources = clip_sources(services, timeline)
    try:
        return render_checked(
            timeline,
            sources,
            music_path,
            folder,
            services.render_engine(),
            lambda done: scope.progress(_RENDERED * done),
        )
    except MontageError as error:
        # Behind a clip that is read in ranges stands the store: its reason says more than a
        # reader's broken connection.
        raise services.fetcher.range_error() or error from error


def _store(scope: StepScope, reel: "CheckedReel") -> RenderedVideo:
    store, request_id = scope.services.store, scope.request.id
    with reel.video.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    stored = store.put_file(
        video_key(request_id), reel.video, content_type="video/mp4", sha256=sha256
    )
    store.put_file(poster_key(request_id), reel.poster, content_type="image/jpeg")
    return RenderedVideo(
        key=stored.key,
        sha256=sha256,
        bytes=stored.bytes,
        poster_key=poster_key(request_id),
        run=reel.run,
        check=reel.check,
        warnings=reel.warnings,
    )


def _metadata(rendered: RenderedVideo, timeline: Timeline) -> dict[str, Any]:
    run, check = rendered.run, rendered.check
    return {
        "engine": run.engine,
        "encoder": run.encoder,
        "render_seconds": run.seconds,
        "segments_reused": f"{run.parts_reused} of {run.parts}",
        "times_realtime": float(timeline.duration) / max(run.seconds, 1e-6),
        "frames": check.frames,
        "size": f"{check.width}x{check.height}",
        "megabytes": rendered.bytes / 1e6,
        "loudness_lufs": check.loudness_lufs,
        "true_peak_dbtp": check.true_peak_dbtp,
        "warnings": MetadataValue.md(bullets(rendered.warnings) or "none"),
    }


def check_results(rules: Sequence[Rule]) -> list[dg.AssetCheckResult]:
    """One result for each group of rules, with a row for each rule."""
    return [
        _check_result(name, [rule for rule in rules if rule.group == group])
        for group, (name, _) in FILE_CHECKS.items()
    ]


def _check_result(name: str, rules: Sequence[Rule]) -> dg.AssetCheckResult:
    rows = [
        dg.TableRecord(
            {
                "rule": rule.name,
                "measured": rule.measured,
                "expected": rule.expected,
                "holds": rule.holds,
            }
        )
        for rule in rules
    ]
    return dg.AssetCheckResult(
        check_name=name,
        passed=all(rule.holds for rule in rules),
        metadata={"rules": MetadataValue.table(records=rows)},
    )
