"""The five assets that turn a montage request into a Reel, each for one partition."""

import base64
import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import AssetExecutionContext, MaterializeResult, MetadataValue, ResourceParam
from pydantic import Field

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Effect, Timeline
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.partitions import montage_requests
from montage_pipeline.orchestration.services import Services
from montage_pipeline.orchestration.steps import StepScope, montage_step
from montage_pipeline.records import MontageError, PermanentError
from montage_pipeline.rendering.model import RenderedVideo, Rule, RuleGroup
from montage_pipeline.requests.vocabulary import Step
from montage_pipeline.settings import Settings
from montage_pipeline.storage.model import DeliveredObject

if TYPE_CHECKING:
    from montage_pipeline.music.own_music import OwnMusic
    from montage_pipeline.requests.seen import SeenSegment

FILE_CHECKS: dict[RuleGroup, tuple[str, str]] = {
    "picture": (
        "reel_picture",
        "Size, codec, profile, pixel format and BT.709 colour of the finished file, in the container and in the stream.",
    ),
    "frames": ("reel_frames", "Every frame is there, in constant rate from zero on, in closed GOPs of at most 2 s, and decodes."),
    "sound": ("reel_sound", "AAC-LC stereo at 48 kHz, as long as the picture, at the loudness and below the peak that were asked for."),
    "container": ("reel_container", "Index first, no edit list, below 25 Mbit/s on average and in every second."),
}
"""The asset checks of `rendered_video`: name and description by the group of rules they show."""

_OWNERS = ["team:montage"]


class SegmentEffect(dg.Config):
    """A MoviePy effect for one segment."""

    segment: int = Field(ge=0, description="Number of the segment, from 0 (the hook).")
    name: str = Field(description="A name of moviepy.video.fx, such as BlackAndWhite.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="The effect's own parameters, such as {factor: 1.2}.")


class RenderConfig(dg.Config):
    """What a person may change about a render in the launchpad."""

    effects: list[SegmentEffect] = Field(
        default_factory=list, description="MoviePy effects, at most one for each segment. Only those segments are rendered anew."
    )

    def applied_to(self, timeline: Timeline) -> Timeline:
        """The timeline with the effects on its segments. PermanentError("bad_effect") when there is no such segment."""
        segments = list(timeline.segments)
        for effect in self.effects:
            if effect.segment >= len(segments):
                raise PermanentError("bad_effect", f"there is no segment {effect.segment}; the timeline has {len(segments)}, from 0")
            chosen = Effect(name=effect.name, parameters=effect.parameters)
            segments[effect.segment] = segments[effect.segment].model_copy(update={"effect": chosen})
        return timeline.model_copy(update={"segments": tuple(segments)})


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
        "owners": _OWNERS,
        "io_manager_key": "documents",
        "code_version": "1",
    }

    @dg.asset(
        **{**common, "code_version": _analysis_version(settings)},
        pool="claude",
        kinds={"python", "anthropic"},
        tags={"domain": "analysis", "paid": "claude"},
        description="Which moments of the clips are worth showing, which clip opens the Reel, and what is left out, with reasons.",
    )
    def clip_analysis(context: AssetExecutionContext, services: ResourceParam[Services]) -> MaterializeResult[ClipAnalysis]:
        with montage_step(context, services, Step.CLIP_ANALYSIS) as scope:
            return _analyse(scope, services)

    @dg.asset(
        **common,
        pool="fal",
        kinds={"python", "fal"},
        tags={"domain": "music", "paid": "fal"},
        description="Original music for this Reel and its beat grid.",
    )
    def music_track(
        context: AssetExecutionContext, services: ResourceParam[Services], clip_analysis: ClipAnalysis
    ) -> MaterializeResult[MusicTrack]:
        with montage_step(context, services, Step.MUSIC_TRACK) as scope:
            return _compose(scope, services, clip_analysis)

    @dg.asset(
        **common,
        kinds={"python"},
        tags={"domain": "editing"},
        description="The edit, frame by frame: a 1.7 s hook, then cuts of 3 to 5 s on the beat, no footage twice.",
    )
    def edit_timeline(
        context: AssetExecutionContext, services: ResourceParam[Services], clip_analysis: ClipAnalysis, music_track: MusicTrack
    ) -> MaterializeResult[Timeline]:
        with montage_step(context, services, Step.EDIT_TIMELINE) as scope:
            return _edit(scope, services, clip_analysis, music_track)

    @dg.asset(
        **common,
        pool="render",
        kinds={"ffmpeg"},
        tags={"domain": "rendering"},
        description="The finished file, checked: it decodes whole and has the size, frames, codec and loudness that were asked for.",
        check_specs=[dg.AssetCheckSpec(name, asset="rendered_video", description=text) for name, text in FILE_CHECKS.values()],
    )
    def rendered_video(
        context: AssetExecutionContext,
        config: RenderConfig,
        services: ResourceParam[Services],
        edit_timeline: Timeline,
        music_track: MusicTrack,
    ) -> Iterator[MaterializeResult[RenderedVideo] | dg.AssetCheckResult]:
        from montage_pipeline.rendering.check import BadRender

        with montage_step(context, services, Step.RENDERED_VIDEO) as scope:
            try:
                result = _render(scope, services, config.applied_to(edit_timeline), music_track)
            except BadRender as error:
                # The step fails and nothing is delivered; the checks show what was measured.
                yield from _check_results(error.rules)
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
        with montage_step(context, services, Step.R2_OBJECT) as scope:
            warnings = (*clip_analysis.warnings, *_left_out(clip_analysis), *music_track.warnings, *edit_timeline.warnings)
            return _deliver(scope, services, rendered_video, music_track, edit_timeline, clip_analysis, warnings)

    return [clip_analysis, music_track, edit_timeline, rendered_video, r2_object]


def _analysis_version(settings: Settings) -> str:
    """Follows the prompt while Claude judges, so that analyses made from an older one show as stale."""
    if settings.analyst_used == "local":
        return "1"
    from montage_pipeline.analysis.claude_prompt import prompt_version

    return f"1+{prompt_version()}"


def _analyse(scope: StepScope, services: Services) -> MaterializeResult[ClipAnalysis]:
    from montage_pipeline.analysis.model import RejectedClip
    from montage_pipeline.footage.fetch import shown_url

    wishes = scope.request.options
    if wishes.captions:
        from montage_pipeline.rendering.captions import refuse_unfit

        refuse_unfit(wishes.captions, scope.request.format)
    if own_music := _own_music(scope, services):
        # Before anything is paid for: music that will not do makes the rest useless.
        own_music.require(float(scope.request.duration_s))
    urls = wishes.clips_to_use(scope.request.clip_urls)
    fetched, unfetched = [], []
    for number, url in enumerate(urls):
        try:
            fetched.append(services.fetcher.fetch(url))
        except PermanentError as error:
            if url in wishes.wished_clips:
                raise _wish_not_granted(url, error.message) from error
            unfetched.append(RejectedClip(url=shown_url(url), code=error.code, message=error.message))
        scope.progress(0.4 * (number + 1) / len(urls))
    if not fetched:
        reasons = "; ".join(f"{Path(clip.url).name}: {clip.message}" for clip in unfetched)
        raise PermanentError("no_usable_clips", f"None of the {len(urls)} clips can be used. {reasons}")
    analysis = services.analyst(scope.request, scope.run_id).analyse(fetched, scope.request.style, float(scope.request.duration_s))
    analysis = analysis.model_copy(update={"rejected_clips": (*unfetched, *analysis.rejected_clips)})
    usable = {clip.facts.url for clip in analysis.clips}
    for url in wishes.wished_clips:
        if url not in usable:
            told = [clip.message for clip in analysis.rejected_clips if clip.url in (url, shown_url(url))]
            raise _wish_not_granted(url, "; ".join(told) or "it was left out of the analysis")
    moments = [moment for clip in analysis.clips for moment in clip.moments]
    return dg.MaterializeResult(
        value=analysis,
        metadata={
            "analyst": analysis.analyst.name,
            "model": analysis.analyst.model or "none",
            "prompt_version": analysis.analyst.prompt_version or "none",
            "input_tokens_predicted": analysis.analyst.predicted_tokens,
            "input_tokens_billed": analysis.analyst.billed_tokens,
            "clips": len(analysis.clips),
            "clips_left_out": len(analysis.rejected_clips),
            "moments": len(moments),
            "moments_rejected": sum(bool(moment.rejects) for moment in moments),
            "mood": analysis.mood,
            "suggested_bpm": analysis.suggested_bpm,
            "music_prompt": analysis.music_prompt,
            "left_out": MetadataValue.md(_bullets(_left_out(analysis)) or "nothing"),
            **_cost_metadata(scope, services, Step.CLIP_ANALYSIS),
        },
    )


def _own_music(scope: StepScope, services: Services) -> "OwnMusic | None":
    """The user's own music, if they gave any."""
    options = scope.request.options
    if options.music_url is None:
        return None
    from montage_pipeline.music.own_music import OwnMusic

    return OwnMusic(services.fetcher, options.music_url, options.target_bpm)


def _wish_not_granted(url: str, reason: str) -> PermanentError:
    from montage_pipeline.footage.fetch import shown_url

    name = shown_url(url)
    message = f"{Path(name).name} was to appear in the Reel and cannot be used: {reason}. Drop the wish or replace the clip"
    return PermanentError("wished_clip_unusable", message, url=name)


def _compose(scope: StepScope, services: Services, analysis: ClipAnalysis) -> MaterializeResult[MusicTrack]:
    from montage_pipeline.music.composer import Composer, MusicBrief
    from montage_pipeline.music.track import store_track

    brief = MusicBrief(
        request_id=str(scope.request.id),
        user_id=scope.request.user_id,
        run_id=scope.run_id,
        mood=analysis.mood,
        style=scope.request.style,
        prompt=analysis.music_prompt,
        bpm=scope.request.options.target_bpm or analysis.suggested_bpm,
        duration_s=float(scope.request.duration_s),
        seed=_seed(scope),
    )
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="music-") as folder:
        composer: Composer = _own_music(scope, services) or services.composer()
        composed = composer.compose(brief, Path(folder))
        scope.progress(0.8)
        track = store_track(composed, services.store, f"work/{scope.request.id}")
    return dg.MaterializeResult(
        value=track,
        metadata={
            "composer": track.composer,
            "model": track.model or "none",
            "bpm": track.grid.bpm,
            "beats": len(track.grid.beats_s),
            "beat_source": track.grid.source,
            "duration_s": track.duration_s,
            "loudness_lufs": track.loudness_lufs,
            "listen": MetadataValue.url(services.store.media_url(track.key)),
            **_cost_metadata(scope, services, Step.MUSIC_TRACK),
        },
    )


def _edit(scope: StepScope, services: Services, analysis: ClipAnalysis, music: MusicTrack) -> MaterializeResult[Timeline]:
    from montage_pipeline.editing.export import EditFormat, exported_edit
    from montage_pipeline.editing.planner import EditRequest, plan_timeline
    from montage_pipeline.editing.storyboard import draw_storyboard, storyboard_thumbnail

    timeline = plan_timeline(
        EditRequest(
            request_id=str(scope.request.id),
            style=scope.request.style,
            format=scope.request.format,
            duration_s=float(scope.request.duration_s),
            seed=_seed(scope),
            hook_clip=scope.request.options.hook_clip or "",
            must_use=scope.request.options.must_use,
            caption=scope.request.options.captions or "",
            seen=_seen(scope, services, analysis),
        ),
        analysis,
        music,
    )
    scope.progress(0.4)
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="storyboard-") as folder:
        picture = Path(folder) / "storyboard.png"
        draw_storyboard(timeline, analysis, _clip_sources(services, timeline), music, picture)
        thumbnail = base64.b64encode(storyboard_thumbnail(picture)).decode()
        key = storyboard_key(str(scope.request.id))
        services.store.put_file(key, picture, content_type="image/png")
    edit_key = f"work/{scope.request.id}/timeline.otio"
    edit = exported_edit(timeline, EditFormat.OTIO, music, services.store.media_url(music.key))
    services.store.put_bytes(edit_key, edit.encode(), content_type="application/vnd.pixar.opentimelineio+json")
    cuts = len(timeline.segments) - 1
    on_beat = sum(segment.on_beat for segment in timeline.segments[:-1])
    return dg.MaterializeResult(
        value=timeline,
        metadata={
            "storyboard": MetadataValue.md(f"[![storyboard](data:image/jpeg;base64,{thumbnail})]({services.store.media_url(key)})"),
            "segments": len(timeline.segments),
            "clips_used": len({segment.clip for segment in timeline.segments}),
            "duration_s": float(timeline.duration),
            "cuts_on_beat": f"{on_beat} of {cuts}",
            "originality": timeline.originality.score,
            "originality_parts": MetadataValue.table(
                records=[
                    dg.TableRecord({"part": part.name, "score": round(part.score, 3), "weight": part.weight, "note": part.note})
                    for part in timeline.originality.parts
                ]
            ),
            "seed": str(timeline.seed),
            "edit_for_other_programs": MetadataValue.url(services.store.media_url(edit_key)),
            "why": MetadataValue.md(_bullets(segment.why for segment in timeline.segments)),
            "warnings": MetadataValue.md(_bullets(timeline.warnings) or "none"),
        },
    )


def _render(scope: StepScope, services: Services, timeline: Timeline, music: MusicTrack) -> MaterializeResult[RenderedVideo]:
    from montage_pipeline.rendering.render import render_checked

    prefix = f"work/{scope.request.id}"
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="render-") as folder:
        workdir = Path(folder)
        music_path = workdir / Path(music.key).name
        services.store.download(music.key, music_path)
        engine = services.render_engine()
        sources = _clip_sources(services, timeline)
        try:
            video, poster, run, check = render_checked(
                timeline, sources, music_path, workdir, engine, lambda done: scope.progress(0.95 * done)
            )
        except MontageError as error:
            # Behind a clip that is read in parts stands the store: its reason says more than a reader's broken connection.
            raise services.fetcher.range_error() or error from error
        with video.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        stored = services.store.put_file(f"{prefix}/video.mp4", video, content_type="video/mp4", sha256=digest)
        services.store.put_file(f"{prefix}/poster.jpg", poster, content_type="image/jpeg")
    rendered = RenderedVideo(key=stored.key, sha256=digest, bytes=stored.bytes, poster_key=f"{prefix}/poster.jpg", run=run, check=check)
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
        check_results=_check_results(check.rules),
    )


def _check_results(rules: Sequence[Rule]) -> list[dg.AssetCheckResult]:
    """One result for each group of rules, with a row for each rule."""
    results = []
    for group, (name, _) in FILE_CHECKS.items():
        of_group = [rule for rule in rules if rule.group == group]
        rows = [
            dg.TableRecord({"rule": rule.name, "measured": rule.measured, "expected": rule.expected, "holds": rule.holds})
            for rule in of_group
        ]
        passed = all(rule.holds for rule in of_group)
        results.append(dg.AssetCheckResult(check_name=name, passed=passed, metadata={"rules": MetadataValue.table(records=rows)}))
    return results


def _deliver(
    scope: StepScope,
    services: Services,
    rendered: RenderedVideo,
    music: MusicTrack,
    timeline: Timeline,
    analysis: ClipAnalysis,
    warnings: tuple[str, ...],
) -> MaterializeResult[DeliveredObject]:
    from montage_pipeline.editing.originality import footage_shown
    from montage_pipeline.storage.delivery import deliver

    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="deliver-") as folder:
        delivered = deliver(
            services.store,
            video_key=rendered.key,
            video_sha256=rendered.sha256,
            music_key=music.key,
            music_sha256=music.sha256,
            poster_key=rendered.poster_key,
            user_id=str(scope.request.user_id),
            content_item_id=str(scope.request.content_item_id),
            workdir=Path(folder),
        )
    if scope.tracked and not services.requests.succeed(
        scope.request.id,
        scope.run_id,
        media_url=delivered.generated_media_url,
        music_url=delivered.music_url,
        poster_url=delivered.poster_url,
        warnings=warnings,
        originality=timeline.originality.model_dump(mode="json"),
        shown=footage_shown(timeline, analysis),
    ):
        raise MontageError("request_taken", "The request was stopped or taken over by another run before its Reel was delivered.")
    total = sum((entry.cost_usd for entry in services.ledger.entries(scope.request.id)), Decimal(0))
    return dg.MaterializeResult(
        value=delivered,
        metadata={
            "generated_media_url": MetadataValue.url(delivered.generated_media_url),
            "key": delivered.key,
            "etag": delivered.etag,
            "megabytes": delivered.bytes / 1e6,
            "uploaded": delivered.uploaded,
            "request_cost_usd": float(total),
        },
    )


def _seen(scope: StepScope, services: Services, analysis: ClipAnalysis) -> "tuple[SeenSegment, ...]":
    """What the user's Reels of before this request showed of the same or of alike footage."""
    from montage_pipeline.editing.originality import ALIKE_BITS

    return services.seen.earlier(
        scope.request.user_id,
        scope.request.created_at,
        files={clip.facts.sha256 for clip in analysis.clips},
        fingerprints={moment.fingerprint for clip in analysis.clips for moment in clip.moments if not moment.rejects},
        alike_bits=ALIKE_BITS,
    )


def storyboard_key(request_id: str) -> str:
    """Where the object store keeps the storyboard of a request."""
    return f"work/{request_id}/storyboard.png"


def _seed(scope: StepScope) -> int:
    """The request's id as a number: the same request gives the same edit."""
    return scope.request.id.int % (1 << 63)


def _clip_sources(services: Services, timeline: Timeline) -> Mapping[str, ClipSource]:
    """Where the used clips are read; PermanentError("clip_changed") when a source is no longer what was analysed."""
    sources = {}
    for index in sorted({segment.clip for segment in timeline.segments}):
        facts = timeline.clips[index]
        frames = sum(segment.frames for segment in timeline.segments if segment.clip == index)
        sources[facts.url] = services.fetcher.reach(facts, float(frames / timeline.fps.fraction))
    return sources


def _cost_metadata(scope: StepScope, services: Services, step: Step) -> dict[str, Any]:
    """What the paid calls of this step cost, over every attempt, as numbers that the UI plots."""
    entries = services.ledger.entries(scope.request.id, asset=step.value)
    tokens_in = sum(int(entry.usage.get("input_tokens") or 0) for entry in entries)
    tokens_out = sum(int(entry.usage.get("output_tokens") or 0) for entry in entries)
    columns = [
        dg.TableRecord({"service": e.service.value, "endpoint": e.endpoint, "cost_usd": str(e.cost_usd), "state": e.state.value})
        for e in entries
    ]
    metadata: dict[str, Any] = {"cost_usd": float(sum((entry.cost_usd for entry in entries), Decimal(0))), "paid_calls": len(entries)}
    if tokens_in or tokens_out:
        metadata |= {"input_tokens": tokens_in, "output_tokens": tokens_out}
    if columns:
        metadata["costs"] = MetadataValue.table(records=columns)
    return metadata


def _left_out(analysis: ClipAnalysis) -> tuple[str, ...]:
    from montage_pipeline.footage.fetch import shown_url

    return tuple(f"{Path(shown_url(clip.url)).name} was left out: {clip.message}" for clip in analysis.rejected_clips)


def _bullets(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)
