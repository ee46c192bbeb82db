"""What became of every clip that was given: shown, with its segments, or not shown, with a reason.

Does not belong here: the document (`requests.footage`), what makes footage unusable (analysis).
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from montage_pipeline.analysis.model import (
    AnalysedClip,
    ClipAnalysis,
    RejectedClip,
    RejectedSpan,
)
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import MontageError
from montage_pipeline.footage.names import clip_name, shown_url
from montage_pipeline.requests.footage import ClipReport, ShownSpan
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.rules import MIN_CUT_S, MIN_SHORT_CUT_S

_COUNTED_HZ = Fraction(100)  # frames a second, in which parts of clips are counted


def clip_reports(
    request: MontageRequest,
    analysis: ClipAnalysis,
    timeline: Timeline | None = None,
    beats_s: Sequence[float] = (),
    *,
    left_out: Sequence[RejectedSpan] = (),
) -> tuple[ClipReport, ...]:
    """One report for each clip of the request, in its order. Without a timeline nothing is shown,
    because there was too little; `left_out` are then the spans that the plan went without.
    `beats_s` are those of the music that the timeline is cut to.
    """
    left_out = left_out if timeline is None else timeline.left_out
    short_cuts = request.options.short_cuts
    too_short = {} if timeline is None else _too_short(analysis, timeline, beats_s, short_cuts)
    own = {} if timeline is None else _not_missed(analysis, timeline) | too_short
    reasons = {
        clip.facts.url: _why_not_shown(clip, timeline, own.get(index, ""))
        for index, clip in enumerate(analysis.clips)
    }
    for part in left_out:
        parts = [other for other in left_out if other.url == part.url]
        reasons[part.url] = "; ".join(_why_left_out(other) for other in parts)
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


def _why_left_out(part: RejectedSpan) -> str:
    return f"{part.start_s:.1f} to {part.end_s:.1f} s of it were left out: {part.message}"


def _too_short(
    analysis: ClipAnalysis, timeline: Timeline, beats_s: Sequence[float], short_cuts: bool
) -> dict[int, str]:
    """Why clips are too short for a cut, by their numbers, even slowed down."""
    from montage_pipeline.editing.packing import CutRules
    from montage_pipeline.editing.short_footage.offers import offered_stretches
    from montage_pipeline.editing.short_footage.slowing import shortest_on_beat
    from montage_pipeline.editing.stretches import usable_stretches

    fps = timeline.fps.fraction
    stretches = usable_stretches(analysis, fps, timeline.left_out)
    needed = shortest_on_beat(beats_s, CutRules.at_rate(fps), fps)
    offered = offered_stretches(stretches, analysis, needed, fps)
    with_a_cut = {stretch.clip for stretch in offered if stretch.frames >= needed}

    longest_s: dict[int, float] = {}
    for stretch in usable_stretches(analysis, _COUNTED_HZ, timeline.left_out):
        length_s = stretch.frames / float(_COUNTED_HZ)
        longest_s[stretch.clip] = max(longest_s.get(stretch.clip, 0.0), length_s)
    return {
        clip: _how_short(length_s, needed / float(fps), short_cuts)
        for clip, length_s in longest_s.items()
        if clip not in with_a_cut
    }


def _how_short(longest_s: float, needed_s: float, short_cuts: bool) -> str:
    has = f"its longest usable part has {longest_s:.2f} s"
    if longest_s >= MIN_CUT_S:
        return f"too short: {has}, a cut from beat to beat of this music {needed_s:.2f} s"
    reason = f"too short: {has}, a cut needs {MIN_CUT_S} s, and another clip opens the Reel"
    if longest_s < MIN_SHORT_CUT_S:
        return reason
    if short_cuts:
        return f"{reason}; other clips have the short cuts that a Reel of this length may have"
    return f"{reason}; the wish shortCuts would allow it"


def _why_not_shown(clip: AnalysedClip, timeline: Timeline | None, reason: str) -> str:
    """`reason` is that of a clip whose usable moments have one of their own, or ""."""
    from montage_pipeline.analysis.faults import why_unusable

    usable = [moment for moment in clip.moments if not moment.rejects]
    if not usable:
        return why_unusable(clip.moments)
    usable_s = sum(moment.duration_s for moment in usable)
    if timeline is None:
        return f"no Reel was made, although {usable_s:.1f} s of it could be shown"
    return reason or _others_were_better(timeline)


def _not_missed(analysis: ClipAnalysis, timeline: Timeline) -> dict[int, str]:
    """Why clips in which only the camera moves gave way, by their numbers."""
    from montage_pipeline.analysis.scoring import CAMERA_ONLY, camera_only

    found = camera_only(analysis)
    return {
        index: f"nobody is in view and only the camera moves; {_others_were_better(timeline)}"
        for index, clip in enumerate(analysis.clips)
        if all(found[moment.id] > CAMERA_ONLY for moment in clip.moments if not moment.rejects)
    }


def _others_were_better(timeline: Timeline) -> str:
    made_s, asked_s = float(timeline.duration), float(timeline.asked_duration_s)
    reason = f"better moments of other clips filled the {_in_tenths(made_s)} s"
    if 0 < asked_s - made_s < MIN_CUT_S:
        return f"{reason}, and with a cut more it would be longer than the {asked_s:g} s asked for"
    return reason


def _in_tenths(seconds: float) -> str:
    return f"{round(seconds, 1):g}"
