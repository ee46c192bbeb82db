"""What becomes of an edit's colours and camera, and the frames that stand for its segments.

Belongs here: decoding for both at once. Does not belong here: choosing grades or steadying
(editing).
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from montage_pipeline import logs
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import MontageError
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.orchestration.assets.request_facts import clip_sources
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.vocabulary import Look

if TYPE_CHECKING:
    from PIL import Image

    from montage_pipeline.editing.decoded.segment_frames import ClipFrame, EditFrames
    from montage_pipeline.footage.decoding.frames import RgbFrame

log = logs.get_logger(__name__)


class LookedAt(NamedTuple):
    """An edit with its look, and the frame at the beginning of every segment, by its number.

    `others` are the further frames that were asked for, as far as they can be had.
    """

    timeline: Timeline
    frames: "Mapping[int, Image.Image]"
    others: "Mapping[ClipFrame, RgbFrame]" = MappingProxyType({})


def with_look(
    scope: StepScope,
    timeline: Timeline,
    analysis: ClipAnalysis,
    others: "Collection[ClipFrame]" = (),
) -> LookedAt:
    """The timeline with shaky segments steadied, flat clips brought to normal contrast and a grade
    on every segment, unless footage is to be shown as it was shot. With it come `others`, which
    are decoded on the way.
    """
    from montage_pipeline.editing.grading.flat import as_shot, with_flat_clips_told
    from montage_pipeline.editing.storyboard.frames import first_frames

    if scope.request.options.look is Look.AS_SHOT:
        plain = as_shot(timeline)
        sources = clip_sources(scope.services, plain)
        frames = _frames(scope, plain, sources, others)
        return LookedAt(plain, first_frames(frames.segments), frames.others)

    from montage_pipeline.editing.grading.matching import matched_timeline
    from montage_pipeline.editing.steadying.steadied import (
        restless_spans,
        stability_of,
        steadied_along,
    )

    told = with_flat_clips_told(timeline)
    sources = clip_sources(scope.services, told)
    spans = restless_spans(told, stability_of(analysis))
    everywhere = range(len(told.segments))
    frames = _frames(scope, told, sources, others, inside=everywhere, spans=spans)
    steady = steadied_along(told, frames.paths)
    matched = matched_timeline(steady, frames.segments)
    return LookedAt(matched, first_frames(frames.segments), frames.others)


def _frames(
    scope: StepScope,
    timeline: Timeline,
    sources: Mapping[str, ClipSource],
    others: "Collection[ClipFrame]",
    *,
    inside: Collection[int] = (),
    spans: Mapping[int, tuple[float, ...]] = MappingProxyType({}),
) -> "EditFrames":
    """The frames of the edit and, unless one of them cannot be had, the others."""
    from montage_pipeline.editing.decoded.segment_frames import edit_frames

    try:
        more = {
            facts.url: scope.services.fetcher.reach(facts, 0.0)
            for facts in (timeline.clips[clip] for clip in {frame.clip for frame in others})
            if facts.url not in sources
        }
        return edit_frames(timeline, {**sources, **more}, inside=inside, others=others, spans=spans)
    except MontageError as error:
        if not others:
            raise
        # It may be one of the others that cannot be had; the edit must not fail for it.
        log.warning("frames_without_others", reason=error.message)
        return edit_frames(timeline, sources, inside=inside, spans=spans)


def with_look_of(
    scope: StepScope,
    timeline: Timeline,
    base: Timeline,
    new: Sequence[int],
    analysis: ClipAnalysis,
) -> LookedAt:
    """A timeline that was changed from `base`, with the segments that are new steadied and graded
    as those of the base were; the others stay as they are.
    """
    from montage_pipeline.editing.decoded.segment_frames import segment_frames
    from montage_pipeline.editing.grading.flat import flat_clips_retold
    from montage_pipeline.editing.grading.matching import matched_to_the_rest
    from montage_pipeline.editing.storyboard.frames import first_frames

    timeline = flat_clips_retold(timeline, base)
    sources = clip_sources(scope.services, timeline)
    if base.colours is None or not new:
        return LookedAt(timeline, first_frames(segment_frames(timeline, sources)))

    from montage_pipeline.editing.decoded.steadied_edit import steadied_timeline
    from montage_pipeline.editing.steadying.steadied import stability_of

    segments = list(timeline.segments)
    few = timeline.model_copy(update={"segments": tuple(segments[number] for number in new)})
    steady = steadied_timeline(few, stability_of(analysis), sources)
    for number, segment in zip(new, steady.segments, strict=True):
        segments[number] = segment
    timeline = timeline.model_copy(update={"segments": tuple(segments)})
    frames = segment_frames(timeline, sources, inside=new)
    return LookedAt(matched_to_the_rest(timeline, new, frames), first_frames(frames))
