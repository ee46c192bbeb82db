"""What `rendered_video` does: render the edit, store the file when it passed its checks, and show
what was checked.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import MaterializeResult, MetadataValue
from pydantic import Field

from montage_pipeline.editing.timeline import Effect, Timeline
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.request_facts import clip_sources
from montage_pipeline.orchestration.services import Services
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.rendering.model import RenderedVideo, Rule, RuleGroup

FILE_CHECKS: dict[RuleGroup, tuple[str, str]] = {
    "picture": (
        "reel_picture",
        "Size, codec, profile, pixel format and BT.709 colour of the finished file, in the container and in the stream.",
    ),
    "frames": (
        "reel_frames",
        "Every frame is there, in constant rate from zero on, in closed GOPs of at most 2 s, and decodes.",
    ),
    "sound": (
        "reel_sound",
        "AAC-LC stereo at 48 kHz, as long as the picture, at the loudness and below the peak that were asked for.",
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
        description="MoviePy effects, at most one for each segment. Only those segments are rendered anew.",
    )

    def applied_to(self, timeline: Timeline) -> Timeline:
        """The timeline with the effects on its segments.

        PermanentError("bad_effect") when there is no such segment.
        """
        segments = list(timeline.segments)
        for effect in self.effects:
            if effect.segment >= len(segments):
                raise PermanentError(
                    ErrorCode.BAD_EFFECT,
                    f"there is no segment {effect.segment}; the timeline has {len(segments)}, from 0",
                )
            chosen = Effect(name=effect.name, parameters=effect.parameters)
            segments[effect.segment] = segments[effect.segment].model_copy(
                update={"effect": chosen}
            )
        return timeline.model_copy(update={"segments": tuple(segments)})


def render_reel(
    scope: StepScope, services: Services, timeline: Timeline, music: MusicTrack
) -> MaterializeResult[RenderedVideo]:
    """The finished file and its poster, stored.

    BadRender when the file breaks a rule; then nothing is stored.
    """
    from montage_pipeline.rendering.render import render_checked

    prefix = f"work/{scope.request.id}"
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="render-") as folder:
        workdir = Path(folder)
        music_path = workdir / Path(music.key).name
        services.store.download(music.key, music_path)
        engine = services.render_engine()
        sources = clip_sources(services, timeline)
        try:
            video, poster, run, check = render_checked(
                timeline,
                sources,
                music_path,
                workdir,
                engine,
                lambda done: scope.progress(0.95 * done),
            )
        except MontageError as error:
            # Behind a clip that is read in parts stands the store: its reason says more than a
            # reader's broken connection.
            raise services.fetcher.range_error() or error from error
        with video.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        stored = services.store.put_file(
            f"{prefix}/video.mp4", video, content_type="video/mp4", sha256=digest
        )
        services.store.put_file(f"{prefix}/poster.jpg", poster, content_type="image/jpeg")
    rendered = RenderedVideo(
        key=stored.key,
        sha256=digest,
        bytes=stored.bytes,
        poster_key=f"{prefix}/poster.jpg",
        run=run,
        check=check,
    )
    return dg.MaterializeResult(
        value=rendered,
        metadata={
            "engine": run.engine,
            "encoder": run.encoder,
            "render_seconds": run.seconds,
            "segments_reused": f"{run.parts_reused} of {run.parts}",
            "times_realtime": float(timeline.duration) / max(run.seconds, 1e-6),
            "frames": check.frames,
            "size": f"{check.width}x{check.height}",
            "megabytes": stored.bytes / 1e6,
            "loudness_lufs": check.loudness_lufs,
            "true_peak_dbtp": check.true_peak_dbtp,
            "watch": MetadataValue.url(services.store.media_url(stored.key)),
        },
        check_results=check_results(check.rules),
    )


def check_results(rules: Sequence[Rule]) -> list[dg.AssetCheckResult]:
    """One result for each group of rules, with a row for each rule."""
    results = []
    for group, (name, _) in FILE_CHECKS.items():
        of_group = [rule for rule in rules if rule.group == group]
        rows = [
            dg.TableRecord(
                {
                    "rule": rule.name,
                    "measured": rule.measured,
                    "expected": rule.expected,
                    "holds": rule.holds,
                }
            )
            for rule in of_group
        ]
        passed = all(rule.holds for rule in of_group)
        results.append(
            dg.AssetCheckResult(
                check_name=name,
                passed=passed,
                metadata={"rules": MetadataValue.table(records=rows)},
            )
        )
    return results
