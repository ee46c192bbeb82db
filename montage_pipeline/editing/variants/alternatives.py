"""Up to three clearly different edits of the same clips to the same music.

Each is planned without what the earlier ones show. Where too little is left for that, more and more
of it may be shown again; an edit that would be nearly an earlier one is not offered.

Belongs here: which footage the next edit may use. Does not belong here: planning one (`planner`).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from montage_pipeline.analysis.model import ClipAnalysis, RejectedSpan
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.originality import footage_shown
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.stages.length import possible_length
from montage_pipeline.editing.stages.wishes import resolved_wishes
from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.errors import PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.spans import covered_s

CLEARLY_DIFFERENT = 0.30
"""Share of its seconds that an edit may have in common with another one: a cut in three or four
that is known does not make it look like the other.
"""

STILL_ANOTHER = 0.60
"""From more than this in common it is the same edit with a few cuts changed, and not offered."""

_SEED_STEP = 0x9E3779B97F4A7C15
"""Added to the seed for each further edit: the golden ratio in 64 bits, which no small number of
steps brings near an earlier seed.
"""

_MAX_SEED = 1 << 63  # seeds are below it, so that they fit a signed 64-bit integer

_AGAIN = "another edit of this plan shows it"


class Variants(NamedTuple):
    """The edits, the first as it is without any other; `shared[i]` is the largest share of edit i's
    seconds that one before it shows too. `notes` say why there are fewer than were asked for, or
    which have more in common than they should.
    """

    timelines: tuple[Timeline, ...]
    shared: tuple[float, ...]
    notes: tuple[str, ...]


def plan_variants(
    request: EditRequest, analysis: ClipAnalysis, music: MusicTrack, count: int
) -> Variants:
    """Up to `count` edits.

    Raises what `plan_timeline` raises for the first of them.
    """
    timelines, shared, notes = [plan_timeline(request, analysis, music)], [0.0], list[str]()
    for number in range(2, count + 1):
        another = _another(request, analysis, music, timelines, number)
        if another is None:
            notes.append(
                f"The clips have footage for {len(timelines)} clearly different "
                f"edit{'s' if len(timelines) > 1 else ''}; {count} were asked for."
            )
            break
        share = max(shared_share(another, earlier) for earlier in timelines)
        if share > CLEARLY_DIFFERENT:
            notes.append(
                f"Edit {number} has {share:.0%} of its footage in common with an earlier one: the "
                "clips have not enough for another that is all different."
            )
        timelines.append(another)
        shared.append(share)
    return Variants(tuple(timelines), tuple(shared), tuple(notes))


def shared_share(timeline: Timeline, other: Timeline) -> float:
    """Share of the first edit's seconds of footage that the other shows too, 0..1."""
    fps = timeline.fps.fraction
    shared_s = total_s = 0.0
    for segment in timeline.segments:
        sha256, span = timeline.clips[segment.clip].sha256, segment.source_span(fps)
        spans = [
            part.source_span(fps)
            for part in other.segments
            if other.clips[part.clip].sha256 == sha256
        ]
        shared_s += covered_s(span, spans)
        total_s += span.duration_s
    return shared_s / total_s


def _another(
    request: EditRequest,
    analysis: ClipAnalysis,
    music: MusicTrack,
    earlier: Sequence[Timeline],
    number: int,
) -> Timeline | None:
    """The next edit, with as little of the earlier ones as the footage allows; None for none."""
    shown = tuple(part for edit in earlier for part in footage_shown(edit, analysis))
    seed = (request.seed + (number - 1) * _SEED_STEP) % _MAX_SEED
    for avoided in _less_and_less(request, earlier):
        asked = request.model_copy(update={"seed": seed, "beside": shown, "avoid": avoided})
        try:
            if avoided and not _fills(asked, analysis, music, earlier[0].total_frames):
                continue
            another = plan_timeline(asked, analysis, music)
        except PermanentError:
            # Without that footage there is no Reel, or none with the clips that were wished for.
            continue
        if max(shared_share(another, edit) for edit in earlier) <= STILL_ANOTHER:
            return another
    return None


def _less_and_less(
    request: EditRequest, earlier: Sequence[Timeline]
) -> Iterator[tuple[RejectedSpan, ...]]:
    """What to do without: all that the earlier edits show, all but the clips that must appear, all
    but a part of each; in the end nothing, though what they show still costs points.
    """
    wished = {request.hook_clip, *request.must_use}
    every = [(edit, segment) for edit in earlier for segment in edit.segments]
    yield tuple(_span(edit, segment) for edit, segment in every)
    yield tuple(_span(edit, segment) for edit, segment in every if segment.clip_url not in wished)
    yield tuple(
        _span(edit, segment)
        for edit in earlier
        for segment in _all_but_a_part(edit)
        if segment.clip_url not in wished
    )
    yield ()


def _all_but_a_part(timeline: Timeline) -> list[Segment]:
    """The segments of an edit without as many of the longest as it may have in common."""
    kept, free = [], int(CLEARLY_DIFFERENT * timeline.total_frames)
    for segment in sorted(timeline.segments, key=lambda each: each.frames, reverse=True):
        if segment.frames <= free:
            free -= segment.frames
        else:
            kept.append(segment)
    return kept


def _fills(request: EditRequest, analysis: ClipAnalysis, music: MusicTrack, frames: int) -> bool:
    """Whether what is left makes a Reel as long as the first one."""
    context = PlanContext.of(request, analysis, music)
    return possible_length(context, resolved_wishes(context)).total_frames >= frames


def _span(timeline: Timeline, segment: Segment) -> RejectedSpan:
    span = segment.source_span(timeline.fps.fraction)
    return RejectedSpan(
        url=segment.clip_url, start_s=span.start_s, end_s=span.end_s, message=_AGAIN
    )
