"""The five assets that turn a montage request into a Reel, each for one partition.

Belongs here: the graph, that is what each asset is called, what it takes and gives, its pool and
its retries. Does not belong here: what an asset does; that is in the module of its name.
"""

import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
from dagster import AssetExecutionContext, MaterializeResult, ResourceParam
from dagster._utils.warnings import PreviewWarning

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.composition import Services
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import MontageError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.clip_analysis import analyse_clips, analysis_version
from montage_pipeline.orchestration.assets.edit_timeline import EditInputs, PlannedEdit, plan_edit
from montage_pipeline.orchestration.assets.music_track import compose_music
from montage_pipeline.orchestration.assets.r2_object import MadeReel, deliver_reel
from montage_pipeline.orchestration.assets.rendered_video import (
    FILE_CHECKS,
    RenderConfig,
    broken_rules,
    check_results,
    render_reel,
)
from montage_pipeline.orchestration.partitions import montage_requests
from montage_pipeline.orchestration.steps import montage_step
from montage_pipeline.rendering.model import RenderedVideo
from montage_pipeline.settings import Settings
from montage_pipeline.storage.model import DeliveredObject
from montage_pipeline.vocabulary import Step


def montage_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The five assets with the retry policy of the settings."""
    common: dict[str, Any] = {
        "partitions_def": montage_requests,
        "retry_policy": dg.RetryPolicy(
            max_retries=settings.retry_max,
            delay=settings.retry_delay_s,
            backoff=dg.Backoff.EXPONENTIAL,
            jitter=dg.Jitter.PLUS_MINUS,
        ),
        "group_name": "montage",
        "owners": ["team:montage"],
        "io_manager_key": "documents",
        "code_version": "1",
    }

    @dg.asset(
        **{**common, "code_version": analysis_version(settings)},
        pool="claude",
        kinds={"python", "anthropic"},
        tags={"domain": "analysis", "paid": "claude"},
        description="Which moments of the clips are worth showing, which clip opens the Reel, and "
        "what is left out, with reasons.",
    )
    def clip_analysis(
        context: AssetExecutionContext, services: ResourceParam[Services]
    ) -> MaterializeResult[ClipAnalysis]:
        with montage_step(context, services) as scope:
            return analyse_clips(scope)

    @dg.asset(
        **common,
        pool="fal",
        kinds={"python", "fal"},
        tags={"domain": "music", "paid": "fal"},
        description="Original music for this Reel and its beat grid.",
    )
    def music_track(
        context: AssetExecutionContext,
        services: ResourceParam[Services],
        clip_analysis: ClipAnalysis,
    ) -> MaterializeResult[MusicTrack]:
        with montage_step(context, services) as scope:
            return compose_music(scope, clip_analysis)

    @dg.asset(
        **common,
        kinds={"python"},
        tags={"domain": "editing"},
        description="The edit, frame by frame: a 1.7 s hook, then segments of 3 to 5 s that change "
        "on the beat, no footage twice.",
    )
    def edit_timeline(
        context: AssetExecutionContext,
        services: ResourceParam[Services],
        clip_analysis: ClipAnalysis,
        music_track: MusicTrack,
    ) -> MaterializeResult[Timeline]:
        with montage_step(context, services) as scope:
            return plan_edit(scope, clip_analysis, music_track)

    @dg.asset(
        **common,
        pool="render",
        kinds={"ffmpeg"},
        tags={"domain": "rendering"},
        description="The finished file, checked: it decodes whole and has the size, frames, codec "
        "and loudness that were asked for.",
        check_specs=_file_checks(),
    )
    def rendered_video(
        context: AssetExecutionContext,
        config: RenderConfig,
        services: ResourceParam[Services],
        clip_analysis: ClipAnalysis,
        edit_timeline: Timeline,
        music_track: MusicTrack,
    ) -> Iterator[MaterializeResult[RenderedVideo] | dg.AssetCheckResult]:
        edit = EditInputs(clip_analysis, music_track, edit_timeline)
        with montage_step(context, services) as scope:
            try:
                result = render_reel(scope, edit, config, partial(_show_new_plan, context))
            except MontageError as error:
                # The step fails and nothing is delivered; the checks show what was measured.
                if rules := broken_rules(error):
                    yield from check_results(rules)
                raise
        yield result

    @dg.asset(
        **common,
        kinds={"s3", "cloudflare"},
        tags={"domain": "delivery"},
        description="The Reel, its music and its poster where the user can watch them.",
    )
    def r2_object(
        context: AssetExecutionContext,
        services: ResourceParam[Services],
        rendered_video: RenderedVideo,
        music_track: MusicTrack,
        edit_timeline: Timeline,
        clip_analysis: ClipAnalysis,
    ) -> MaterializeResult[DeliveredObject]:
        with montage_step(context, services) as scope:
            made = MadeReel(clip_analysis, music_track, edit_timeline, rendered_video)
            return deliver_reel(scope, made)

    return [clip_analysis, music_track, edit_timeline, rendered_video, r2_object]


def _file_checks() -> list[dg.AssetCheckSpec]:
    """With their partition: one file that breaks a rule does not make every Reel look broken."""
    with warnings.catch_warnings():
        # Said at each load of the definitions; the version of Dagster is pinned.
        warnings.simplefilter("ignore", PreviewWarning)
        return [
            dg.AssetCheckSpec(
                name, asset="rendered_video", description=text, partitions_def=montage_requests
            )
            for name, text in FILE_CHECKS.values()
        ]


def _show_new_plan(context: AssetExecutionContext, planned: PlannedEdit) -> None:
    """Have the UI show the edit that took the place of the one that could not be rendered, and
    what is rendered as made of that.
    """
    edit = dg.AssetKey(Step.EDIT_TIMELINE.value)
    partition = context.partition_key
    context.log_event(dg.AssetMaterialization(edit, metadata=planned.metadata, partition=partition))
    # Dagster has noted the old edit as the step's input: it looks again.
    context.get_step_execution_context().wipe_input_asset_version_info(edit)
