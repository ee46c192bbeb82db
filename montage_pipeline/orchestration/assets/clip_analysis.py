"""What `clip_analysis` does: fetch the clips, have them judged, and refuse at once what cannot
become the Reel that was asked for.

Whatever shows without the clips (a caption that no font draws, music that is too short) is refused
before they are fetched.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import MaterializeResult, MetadataValue

from montage_pipeline import logs
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.analysis.scan import READING_MODULES
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError, new_reference
from montage_pipeline.media.isolation.calls import warm_up
from montage_pipeline.orchestration.assets.analysis_watcher import AnalysisWatcher
from montage_pipeline.orchestration.assets.clip_reports import (
    reasons_of,
    reports,
    telling,
    without_name,
)
from montage_pipeline.orchestration.assets.kept_analysis import (
    analysis_asked,
    kept_analysis,
    note_analysis,
    taken_analysis,
)
from montage_pipeline.orchestration.assets.request_facts import (
    bullets,
    cost_metadata,
    left_out,
    own_music_of,
)
from montage_pipeline.orchestration.assets.taken_over import origin_of
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step

if TYPE_CHECKING:
    from montage_pipeline.analysis.model import RejectedClip
    from montage_pipeline.footage.model import FetchedClip

_OF_THE_MOMENT = (ErrorCode.CLIP_FAILED, ErrorCode.CLIP_TOO_DEMANDING)
"""Why a clip is left out that another look may well take: a fault of ours, a busy machine."""

_FETCHED = 0.2
"""Share of the step that is done when every clip is here."""

_LATER_MODULES = (
    "montage_pipeline.editing.decoded.watching",
    "montage_pipeline.rendering.video.seeking",
    "montage_pipeline.rendering.audio.reading",
)
"""What the processes that read clips load for the steps after this one."""

log = logs.get_logger(__name__)


def analysis_version(settings: Settings) -> str:
    """Follows the prompt while Claude judges, so that analyses made with an earlier one show as
    stale.
    """
    if settings.analyst_used == "local":
        return "1"
    from montage_pipeline.analysis.claude.prompt import prompt_version

    return f"1+{prompt_version()}"


def analyse_clips(scope: StepScope) -> MaterializeResult[ClipAnalysis]:
    """The analysis of the request's clips; that of the request it takes over from, if it names one.

    Raises PermanentError when no clip can be used, or a wish cannot be granted.
    """
    warm_up((*READING_MODULES, *_LATER_MODULES))
    origin = origin_of(scope.request)
    # What is refused of an edit that is changed is told by its changes.
    if scope.request.base_request_id is None:
        _refuse_without_clips(scope)
    if origin is not None:
        return _result(scope, taken_analysis(scope, origin))
    fetched, unfetched = _fetch(scope)
    watcher = AnalysisWatcher(scope, unfetched, clips=len(fetched), share=1 - _FETCHED)
    # A clip that could not be had may be there the next time: what was seen without it is not kept.
    asked = "" if unfetched else analysis_asked(scope, fetched)
    analysis = kept_analysis(scope, asked, fetched) if asked else None
    if analysis is None:
        analysis = _looked_at(scope, watcher, fetched, unfetched)
        analysis = analysis.model_copy(update={"asked": asked})
    watcher.refuse_too_little(analysis)
    if asked and not any(clip.code in _OF_THE_MOMENT for clip in analysis.rejected_clips):
        note_analysis(scope, analysis, fetched)
    _require_wished_clips(scope.request.options.wished_clips, analysis)
    return _result(scope, analysis)


def _result(scope: StepScope, analysis: ClipAnalysis) -> MaterializeResult[ClipAnalysis]:
    return dg.MaterializeResult(
        value=analysis,
        metadata=_metadata(analysis) | cost_metadata(scope, Step.CLIP_ANALYSIS),
    )


def _looked_at(
    scope: StepScope,
    watcher: AnalysisWatcher,
    fetched: "Sequence[FetchedClip]",
    unfetched: "Sequence[RejectedClip]",
) -> ClipAnalysis:
    """The analysis, by whoever is configured to make it."""
    analyst = scope.services.analyst(scope.request, scope.run_id, watcher)
    try:
        analysis = analyst.analyse(fetched, scope.request.style, float(scope.request.duration_s))
    except PermanentError as error:
        left_out = error.details.pop("left_out", None)
        if left_out is None:
            raise
        raise _none_usable(scope, [*unfetched, *left_out]) from error
    # Again, with the judgement of whoever was asked: before there is music to pay for.
    analysis = watcher.complete(analysis)
    unheard = _unheard(scope.request.options.prompt, analysis)
    return analysis.model_copy(update={"warnings": (*analysis.warnings, *unheard)})


def _refuse_without_clips(scope: StepScope) -> None:
    """Before anything is fetched or paid for: a wish that cannot be granted makes it useless."""
    caption = scope.request.options.captions
    if caption:
        from montage_pipeline.captions.layout import refuse_unfit

        for shape in scope.request.formats:
            refuse_unfit(caption, shape)
    if own_music := own_music_of(scope):
        own_music.require(float(scope.request.duration_s))


def _fetch(scope: StepScope) -> "tuple[list[FetchedClip], list[RejectedClip]]":
    """The clips that can be had, and those that never will be."""
    from montage_pipeline.analysis.model import RejectedClip
    from montage_pipeline.footage.names import clip_name, shown_url

    wishes = scope.request.options
    urls = wishes.clips_to_use(scope.request.clip_urls)
    fetched, unfetched = [], []
    unreachable: MontageError | None = None
    for number, url in enumerate(urls, start=1):
        scope.progress(_FETCHED * (number - 1) / len(urls), f"fetching {clip_name(url)}")
        try:
            fetched.append(scope.services.fetcher.fetch(url))
        except Exception as error:
            fault = _clips_own_fault(error, is_last=scope.is_last_attempt)
            wished = url in wishes.wished_clips
            if fault is None or (wished and fault.retryable):
                raise
            if wished:
                raise _wish_not_granted(url, fault.message) from error
            unreachable = unreachable or (fault if fault.retryable else None)
            message = without_name(fault.message, url)
            unfetched.append(RejectedClip(url=shown_url(url), code=fault.code, message=message))

    if not fetched:
        raise unreachable or _none_usable(scope, unfetched)
    return fetched, unfetched


def _clips_own_fault(error: Exception, *, is_last: bool) -> MontageError | None:
    """Why a clip cannot be had, if that lies in it or in its address; None when it is our fault, or
    nobody's for good: the store, the disk, a network that may be back.

    In the last attempt (`is_last`) a server that does not answer costs its own clip only.
    """
    if isinstance(error, MontageError):
        unreachable = error.code is ErrorCode.CLIP_FETCH_FAILED and is_last
        return error if unreachable or not error.retryable else None
    if isinstance(error, OSError):
        return None
    reference = new_reference()
    log.error("clip_failed", reference=reference, reason=str(error), exc_info=error)
    return PermanentError(
        ErrorCode.CLIP_FAILED, f"it cannot be fetched; the reference {reference} is in our logs"
    )


def _none_usable(scope: StepScope, left_out: "Sequence[RejectedClip]") -> MontageError:
    clips = reports(scope.request, reasons_of(left_out))
    listed = " | ".join(f"{clip.name}: {clip.reason}" for clip in clips)
    several = f"None of the {len(clips)} clips can be used."
    found = several if len(clips) > 1 else "The clip cannot be used."
    error = PermanentError(ErrorCode.NO_USABLE_CLIPS, f"{found} {listed}")
    return telling(error, clips)


def _unheard(prompt: str | None, analysis: ClipAnalysis) -> list[str]:
    """What to say of a prompt that only who looks at the clips can go by."""
    if not prompt or analysis.analyst.name != "local":
        return []
    return [
        "Nobody went by the prompt: measuring does not know what the clips show. Set "
        "ANTHROPIC_API_KEY to have Claude look at them."
    ]


def _require_wished_clips(wished: Sequence[str], analysis: ClipAnalysis) -> None:
    from montage_pipeline.footage.names import shown_url

    usable = {clip.facts.url for clip in analysis.clips}
    for url in wished:
        if url in usable:
            continue
        reasons = [
            clip.message for clip in analysis.rejected_clips if clip.url in (url, shown_url(url))
        ]
        raise _wish_not_granted(url, "; ".join(reasons) or "it was left out of the analysis")


def _wish_not_granted(url: str, reason: str) -> PermanentError:
    from montage_pipeline.footage.names import clip_name, shown_url

    return PermanentError(
        ErrorCode.WISHED_CLIP_UNUSABLE,
        f"{clip_name(url)} was to appear in the Reel and cannot be used: {reason}. "
        "Drop the wish or replace the clip",
        url=shown_url(url),
    )


def _metadata(analysis: ClipAnalysis) -> dict[str, Any]:
    moments = [moment for clip in analysis.clips for moment in clip.moments]
    return {
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
    }
