"""What `clip_analysis` does: fetch the clips, have them judged, and refuse at once what cannot
become the Reel that was asked for.

Whatever can be told without the clips (a caption that no font draws, music that is too short) is
told before they are fetched.
"""

from pathlib import Path

import dagster as dg
from dagster import MaterializeResult, MetadataValue

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.orchestration.assets.music_track import own_music_of
from montage_pipeline.orchestration.assets.request_facts import bullets, cost_metadata
from montage_pipeline.orchestration.services import Services
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step


def analysis_version(settings: Settings) -> str:
    """Follows the prompt while Claude judges, so that analyses made from an older one show as
    stale.
    """
    if settings.analyst_used == "local":
        return "1"
    from montage_pipeline.analysis.claude.prompt import prompt_version

    return f"1+{prompt_version()}"


def analyse_clips(scope: StepScope, services: Services) -> MaterializeResult[ClipAnalysis]:
    """The analysis of the request's clips.

    PermanentError when none can be used, or a wish cannot be granted.
    """
    from montage_pipeline.analysis.model import RejectedClip
    from montage_pipeline.footage.names import shown_url

    wishes = scope.request.options
    if wishes.captions:
        from montage_pipeline.captions.layout import refuse_unfit

        refuse_unfit(wishes.captions, scope.request.format)
    if own_music := own_music_of(scope, services):
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
            unfetched.append(
                RejectedClip(url=shown_url(url), code=error.code, message=error.message)
            )
        scope.progress(0.4 * (number + 1) / len(urls))
    if not fetched:
        reasons = "; ".join(f"{Path(clip.url).name}: {clip.message}" for clip in unfetched)
        raise PermanentError(
            ErrorCode.NO_USABLE_CLIPS, f"None of the {len(urls)} clips can be used. {reasons}"
        )
    analysis = services.analyst(scope.request, scope.run_id).analyse(
        fetched, scope.request.style, float(scope.request.duration_s)
    )
    analysis = analysis.model_copy(
        update={"rejected_clips": (*unfetched, *analysis.rejected_clips)}
    )
    usable = {clip.facts.url for clip in analysis.clips}
    for url in wishes.wished_clips:
        if url not in usable:
            told = [
                clip.message
                for clip in analysis.rejected_clips
                if clip.url in (url, shown_url(url))
            ]
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
            "left_out": MetadataValue.md(bullets(left_out(analysis)) or "nothing"),
            **cost_metadata(scope, services, Step.CLIP_ANALYSIS),
        },
    )


def left_out(analysis: ClipAnalysis) -> tuple[str, ...]:
    """A sentence for the user on each clip that was not used."""
    from montage_pipeline.footage.names import shown_url

    return tuple(
        f"{Path(shown_url(clip.url)).name} was left out: {clip.message}"
        for clip in analysis.rejected_clips
    )


def _wish_not_granted(url: str, reason: str) -> PermanentError:
    from montage_pipeline.footage.names import shown_url

    name = shown_url(url)
    message = f"{Path(name).name} was to appear in the Reel and cannot be used: {reason}. Drop the wish or replace the clip"
    return PermanentError(ErrorCode.WISHED_CLIP_UNUSABLE, message, url=name)
