"""What became of every clip that was given: shown, with its segments, or not shown, with a reason.

Does not belong here: the document (`requests.footage`), what makes footage unusable (analysis).
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, RejectedClip
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import MontageError
from montage_pipeline.footage.names import clip_name, shown_url
from montage_pipeline.requests.footage import ClipReport, ShownSpan
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.rules import MIN_CUT_S

_COUNTED_HZ = Fraction(100)  # frames a second, in which parts of clips are counted


def clip_reports(
    request: MontageRequest, analysis: ClipAnalysis, timeline: Timeline | None = None
) -> tuple[ClipReport, ...]:
    """One report for each clip of the request, in its order. Without a timeline nothing is shown,
    because there was too little.
    """
    reasons = {
        clip.facts.url: _why_not_shown(clip, timeline, _longest_s(analysis, index))
        for index, clip in enumerate(analysis.clips)
    }
    reasons |= reasons_of(analysis.rejected_clips)
    shown = {} if timeline is None else _shown(timeline)
    return reports(request, reasons, shown)


def reports(
    request: MontageRequest,
    reasons: Mapping[str, str],
    shown: Mapping[str, tuple[ShownSpan, ...]] | None = None,
    otherwise: str = "it was not looked at",
) -> tuple[ClipReport, ...]:
    """The reports from what is known by a clip's address; `otherwise` where nothing is."""
    return tuple(
        _report(url, request, reasons, shown or {}, otherwise)
        for url in dict.fromkeys(request.clip_urls)
    )


def reasons_of(left_out: Sequence[RejectedClip]) -> dict[str, str]:
    """Every reason for which a clip was left out, by its address."""
    reasons: dict[str, list[str]] = {}
    for clip in left_out:
        reasons.setdefault(clip.url, []).append(without_name(clip.message, clip.url))
    return {url: "; ".join(dict.fromkeys(told)) for url, told in reasons.items()}


def without_name(message: str, url: str) -> str:
    """A message about a clip for a line that begins with the clip's name."""
    name = clip_name(url)
    if message.startswith(f"{name} "):
        return f"it {message.removeprefix(f'{name} ')}"
    return message.removeprefix(f"{name}: ")


def telling(error: MontageError, clips: tuple[ClipReport, ...]) -> MontageError:
    """The error, with what became of every clip, which its item is to show."""
    error.details["clips"] = clips
    return error


def _report(
    url: str,
    request: MontageRequest,
    reasons: Mapping[str, str],
    shown: Mapping[str, tuple[ShownSpan, ...]],
    otherwise: str,
) -> ClipReport:
    # Without its query, an address may have lost what tells it from another; with it, a signature
    # would be shown.
    named = {"url": shown_url(url), "name": clip_name(url)}
    if segments := shown.get(url):
        return ClipReport(**named, segments=segments)
    if url in request.options.exclude:
        return ClipReport(**named, reason="it was excluded, as asked")
    reason = reasons.get(url) or reasons.get(shown_url(url)) or otherwise
    return ClipReport(**named, reason=reason)


def _shown(timeline: Timeline) -> dict[str, tuple[ShownSpan, ...]]:
    spans: dict[str, list[ShownSpan]] = {}
    frame = 0
    for segment in timeline.segments:
        source = segment.source_span(timeline.fps.fraction)
        span = ShownSpan(
            start_s=round(source.start_s, 3),
            end_s=round(source.end_s, 3),
            reel_s=round(float(frame / timeline.fps.fraction), 3),
        )
        spans.setdefault(segment.clip_url, []).append(span)
        frame += segment.frames
    return {url: tuple(found) for url, found in spans.items()}


def _longest_s(analysis: ClipAnalysis, clip: int) -> float:
    """The longest part of a clip that can be used without a break, in seconds."""
    from montage_pipeline.editing.stretches import usable_stretches

    parts = [found for found in usable_stretches(analysis, _COUNTED_HZ) if found.clip == clip]
    return max((found.frames for found in parts), default=0) / float(_COUNTED_HZ)


def _why_not_shown(clip: AnalysedClip, timeline: Timeline | None, longest_s: float) -> str:
    from montage_pipeline.analysis.faults import why_unusable

    usable = [moment for moment in clip.moments if not moment.rejects]
    if not usable:
        return why_unusable(clip.moments)
    usable_s = sum(moment.duration_s for moment in usable)
    if timeline is None:
        return f"no Reel was made, although {usable_s:.1f} s of it could be shown"
    if longest_s < MIN_CUT_S:
        return (
            f"too short: its longest usable part has {longest_s:.2f} s, a cut needs {MIN_CUT_S} s, "
            "and another clip opens the Reel"
        )
    return f"better moments of other clips filled the {float(timeline.duration):g} s"
