"""What `rendered_video` does: render the edit, store the file when it passed its checks, and show
what was checked.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import MaterializeResult, MetadataValue
from pydantic import Field

from montage_pipeline import logs
from montage_pipeline.analysis.model import RejectedSpan
from montage_pipeline.editing.timeline import Effect, Timeline
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.names import clip_name
from montage_pipeline.orchestration.assets.edit_timeline import (
    EditInputs,
    PlannedEdit,
    plan_without,
)
from montage_pipeline.orchestration.assets.rendered_shapes import (
    at_preview_size,
    other_formats,
    render_shape,
)
from montage_pipeline.orchestration.assets.request_facts import bullets
from montage_pipeline.orchestration.scratch import scratch_folder
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.rendering.model import RenderedVideo, Rule, RuleGroup
from montage_pipeline.requests.attempts.measures import RunMeasures, note_measures
from montage_pipeline.spans import Span
from montage_pipeline.storage.keys import cover_key, video_key

if TYPE_CHECKING:
    from montage_pipeline.rendering.covers import CoverFile
    from montage_pipeline.rendering.render import CheckedReel

log = logs.get_logger(__name__)

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


OnNewPlan = Callable[[PlannedEdit], None]
"""Called with an edit that was planned, and stored, in the place of the one that was to be
rendered.
"""


def render_reel(
    scope: StepScope, edit: EditInputs, config: RenderConfig, on_new_plan: OnNewPlan
) -> MaterializeResult[RenderedVideo]:
    """The finished file and its poster, stored.

    Spans that cannot be shown as they were analysed are left out: the edit is planned again without
    them, and stored, before it is rendered.

    Raises BadRender when the file breaks a rule, PermanentError(NOT_ENOUGH_FOOTAGE) when nothing
    can be planned without those spans; then no file is stored.
    """
    from montage_pipeline.rendering.covers import choose_covers

    services, formats = scope.services, scope.request.formats
    with scratch_folder(services, "render") as folder:
        timeline, reel = _rendered(scope, edit, config, on_new_plan, folder)
        rendered = _store(scope, reel, choose_covers(timeline, reel.stills))
        reel.video.unlink()
        others = other_formats(scope, edit._replace(timeline=timeline), folder)
    rendered = rendered.model_copy(
        update={"preview": scope.request.options.preview, "formats": others}
    )
    _note_measures(scope, rendered, timeline)
    return dg.MaterializeResult(
        value=rendered,
        metadata=_metadata(rendered, timeline)
        | {"watch": services.store.address(rendered.key), "formats": ", ".join(formats)},
        check_results=check_results(rendered.check.rules),
    )


def broken_rules(error: MontageError) -> tuple[Rule, ...]:
    """The rules of the file on account of which a render failed, or was planned again in vain."""
    from montage_pipeline.rendering.check import BadRender

    causes = (error, error.__cause__)
    return next((cause.rules for cause in causes if isinstance(cause, BadRender)), ())


def _rendered(
    scope: StepScope,
    edit: EditInputs,
    config: RenderConfig,
    on_new_plan: OnNewPlan,
    folder: Path,
) -> "tuple[Timeline, CheckedReel]":
    """The Reel, and the edit that it shows."""
    from montage_pipeline.rendering.render import segments_at_fault

    timeline = edit.timeline
    while True:
        shown = config.applied_to(timeline)
        if scope.request.options.preview:
            shown = at_preview_size(shown)
        try:
            share = 1 / len(scope.request.formats)
            return shown, render_shape(scope, shown, edit.music, folder, Span(0.0, share))
        except MontageError as error:
            faults = segments_at_fault(error)
            if not faults:
                raise
            # Each time with a span, or a whole clip, fewer: this ends.
            left_out = spans_at_fault(timeline, faults)
            planned = _planned_without(scope, edit, left_out, error)
            on_new_plan(planned)
            timeline = planned.timeline
            if config.effects:
                raise _moved_segments(timeline) from error


def _planned_without(
    scope: StepScope,
    edit: EditInputs,
    left_out: tuple[RejectedSpan, ...],
    error: MontageError,
) -> PlannedEdit:
    """The edit without these spans. What stands in its way is told to come of `error`.

    Raises PermanentError(CHANGE_IMPOSSIBLE) for an edit that its user changed: another choice of
    footage is theirs to make.
    """
    if scope.request.base_request_id is not None:
        raise PermanentError(
            ErrorCode.CHANGE_IMPOSSIBLE,
            f"{clip_name(left_out[-1].url)} cannot be shown from {left_out[-1].start_s:.1f} to "
            f"{left_out[-1].end_s:.1f} s: {left_out[-1].message}. Show something else there.",
        ) from error
    scope.progress(0.0, f"planning again without {clip_name(left_out[-1].url)}")
    log.warning("planned_again", without=[part.model_dump() for part in left_out])
    try:
        return plan_without(scope, edit, left_out)
    except PermanentError as refusal:
        raise refusal from error


def _moved_segments(timeline: Timeline) -> PermanentError:
    """Effects are for segments that somebody chose in the edit as it was."""
    return PermanentError(
        ErrorCode.BAD_EFFECT,
        f"{timeline.warnings[0]} The edit was planned again without it, and its segments have "
        "moved: look at the new storyboard, and give the effects to the segments of that.",
    )


def spans_at_fault(timeline: Timeline, faults: Mapping[int, str]) -> tuple[RejectedSpan, ...]:
    """What the next edit does without: what a segment showed, and what this edit did without.

    A clip that fails again is left out as a whole: its other spans are no better, as a rule.
    """
    spans = {(part.url, part.start_s): part for part in timeline.left_out}
    failed_before = {part.url for part in timeline.left_out}
    for number, reason in faults.items():
        segment = timeline.segments[number]
        facts = timeline.clips[segment.clip]
        start_s, end_s = segment.source_span(timeline.fps.fraction)
        if facts.url in failed_before:
            start_s, end_s = facts.start_s, facts.start_s + facts.duration_s
            spans = {key: part for key, part in spans.items() if part.url != facts.url}
        spans[facts.url, start_s] = RejectedSpan(
            url=facts.url, start_s=start_s, end_s=end_s, message=reason
        )
    return tuple(spans.values())


def _store(scope: StepScope, reel: "CheckedReel", covers: "Sequence[CoverFile]") -> RenderedVideo:
    """Upload the Reel and its stills; a preview has no covers, nor has a timeline of an earlier
    release.
    """
    store, request_id = scope.services.store, scope.request.id
    with reel.video.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    stored = store.put_file(
        video_key(request_id), reel.video, content_type="video/mp4", sha256=sha256
    )
    stills = [cover.path for cover in covers] or [reel.poster]
    for rank, still in enumerate(stills, start=1):
        store.put_file(cover_key(request_id, rank), still, content_type="image/jpeg")
    return RenderedVideo(
        key=stored.key,
        sha256=sha256,
        bytes=stored.bytes,
        poster_key=cover_key(request_id, 1),
        covers=tuple(file.cover for file in covers),
        run=reel.run,
        check=reel.check,
        warnings=reel.warnings,
    )


def _note_measures(scope: StepScope, rendered: RenderedVideo, timeline: Timeline) -> None:
    if not scope.tracked:
        return
    run = rendered.run
    measures = RunMeasures(
        chunks=run.parts, chunks_reused=run.parts_reused, render_speed=_speed(rendered, timeline)
    )
    note_measures(scope.services.engine, scope.request.id, scope.run_id, measures)


def _speed(rendered: RenderedVideo, timeline: Timeline) -> float:
    return float(timeline.duration) / max(rendered.run.seconds, 1e-6)


def _metadata(rendered: RenderedVideo, timeline: Timeline) -> dict[str, Any]:
    run, check = rendered.run, rendered.check
    return {
        "engine": run.engine,
        "encoder": run.encoder,
        "render_seconds": run.seconds,
        "segments_reused": f"{run.parts_reused} of {run.parts}",
        "times_realtime": _speed(rendered, timeline),
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
