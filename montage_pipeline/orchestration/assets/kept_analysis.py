"""An analysis of an earlier request, used again: what makes it the same, and how it is fitted to
the clips as they are addressed now.

Clips are the same by their content. Whoever gives them under other addresses (signed ones change
with every signing), or with other names, gets the same analysis, in which these stand. Their order
counts: it is part of what is asked.
"""

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any
from uuid import UUID

from montage_pipeline import logs
from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, RejectedClip
from montage_pipeline.costs.ledger import PaidCall, fingerprint_of
from montage_pipeline.costs.reuse import note_reuse
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.names import clip_name, shown_url
from montage_pipeline.orchestration.assets.request_facts import stored_value
from montage_pipeline.orchestration.assets.taken_over import Origin, taken_value
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.requests.reuse.kept import KeptValue
from montage_pipeline.vocabulary import Service, Step

ANALYSIS_VERSION = 1
"""Raise this when the same clips are to be looked at again although the release is the same."""

log = logs.get_logger(__name__)


def analysis_asked(scope: StepScope, clips: Sequence[FetchedClip]) -> str:
    """What makes two analyses the same: what was looked at, by whom, and for what.

    Of the wishes only the prompt counts; the others say which footage an edit takes.
    """
    settings, request = scope.services.settings, scope.request
    facts: dict[str, Any] = {
        "version": ANALYSIS_VERSION,
        "release": version("montage_pipeline"),
        "analyst": settings.analyst_used,
        "clips": [clip.sha256 for clip in clips],
        "style": request.style,
        "duration_s": request.duration_s,
        "prompt": request.options.prompt,
    }
    if settings.analyst_used == "claude":
        from montage_pipeline.analysis.claude.prompt import prompt_version

        facts |= {
            "model": settings.claude_model,
            "prompt_version": prompt_version(),
            "max_cost_usd": str(settings.claude_max_cost_usd),
            "format": request.format,
        }
    return fingerprint_of("analysis", json.dumps(facts, sort_keys=True))


def clips_fingerprint(sha256s: Sequence[str]) -> str:
    """The clips by their contents alone, in whatever order and however often."""
    return fingerprint_of("clips", *sorted(set(sha256s)))


def kept_analysis(
    scope: StepScope, asked: str, clips: Sequence[FetchedClip]
) -> ClipAnalysis | None:
    """The analysis that the same question gave before, of these clips as they are addressed now."""
    request, services = scope.request, scope.services
    answering = services.kept.answering(request.user_id, Step.CLIP_ANALYSIS, asked, request.id)
    for request_id in answering:
        kept = stored_value(services, ClipAnalysis, request_id, Step.CLIP_ANALYSIS)
        earlier = services.requests.get_request(request_id)
        # The row may be of a value that was never stored, or be older than it.
        if kept is None or kept.asked != asked or earlier is None:
            continue
        urls = earlier.options.clips_to_use(earlier.clip_urls)
        analysis = readdressed(kept, dict(zip(urls, clips, strict=True)))
        log.info("analysis_used_again", of_request=str(request_id))
        _note_nothing_bought(scope, analysis, request_id)
        return analysis
    return None


def taken_analysis(scope: StepScope, origin: Origin) -> ClipAnalysis:
    """The analysis that the origin's edit was made from; raises the origin's error without it."""
    analysis = taken_value(scope, origin, ClipAnalysis, Step.CLIP_ANALYSIS)
    _note_nothing_bought(scope, analysis, origin.request_id)
    return analysis


def note_analysis(scope: StepScope, analysis: ClipAnalysis, clips: Sequence[FetchedClip]) -> None:
    """Have later requests find the analysis, once it is stored."""
    scope.services.kept.note(
        KeptValue(
            montage_request_id=scope.request.id,
            user_id=scope.request.user_id,
            step=Step.CLIP_ANALYSIS,
            asked=analysis.asked,
            clips=clips_fingerprint([clip.sha256 for clip in clips]),
        )
    )


def readdressed(analysis: ClipAnalysis, clips: Mapping[str, FetchedClip]) -> ClipAnalysis:
    """The analysis with the clips that stood at these addresses where they stand now."""
    shown = {shown_url(url): clip for url, clip in clips.items()} | dict(clips)
    names = {clip_name(url): clip_name(clip.url) for url, clip in clips.items()}

    def moved(clip: AnalysedClip) -> AnalysedClip:
        now = clips[clip.facts.url]
        facts = clip.facts.model_copy(update={"url": now.url, "version": now.version})
        return clip.model_copy(update={"facts": facts})

    def rejected(clip: RejectedClip) -> RejectedClip:
        message = _renamed(clip.message, names)
        return clip.model_copy(update={"url": shown[clip.url].url, "message": message})

    return analysis.model_copy(
        update={
            "clips": tuple(map(moved, analysis.clips)),
            "rejected_clips": tuple(map(rejected, analysis.rejected_clips)),
            "warnings": tuple(_renamed(line, names) for line in analysis.warnings),
        }
    )


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with every file under its new name; where one name begins another, the longer."""
    changed = {old: new for old, new in names.items() if old != new}
    if not changed:
        return text
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return pattern.sub(lambda found: names[found.group()], text)


def _note_nothing_bought(scope: StepScope, analysis: ClipAnalysis, request_id: UUID) -> None:
    """A row on the ledger where the analysis was paid for, by another request than this."""
    if analysis.analyst.name != "claude" or request_id == scope.request.id:
        return
    # The SDK takes a while to import, and whoever measures needs none.
    from montage_pipeline.analysis.claude.call import ENDPOINT

    call = PaidCall(
        user_id=scope.request.user_id,
        service=Service.CLAUDE,
        endpoint=ENDPOINT,
        montage_request_id=scope.request.id,
        run_id=scope.run_id,
        asset=Step.CLIP_ANALYSIS.value,
        fingerprint=analysis.asked,
    )
    note_reuse(scope.services.ledger, call, request_id)
