"""What becomes of an edit's colours and camera, and the frames that stand for its segments.

Belongs here: decoding for both at once. Does not belong here: choosing grades or steadying
(editing).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.orchestration.assets.request_facts import clip_sources
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.vocabulary import Look

if TYPE_CHECKING:
    from PIL import Image


class LookedAt(NamedTuple):
    """An edit with its look, and the frame at the beginning of every segment, by its number."""

    timeline: Timeline
    frames: "dict[int, Image.Image]"


def with_look(scope: StepScope, timeline: Timeline, analysis: ClipAnalysis) -> LookedAt:
    """The timeline with shaky segments steadied, flat clips brought to normal contrast and a grade
    on every segment, unless footage is to be shown as it was shot.
    """
    from montage_pipeline.editing.decoded.segment_frames import segment_frames
    from montage_pipeline.editing.grading.flat import as_shot, with_flat_clips_told
    from montage_pipeline.editing.storyboard.frames import first_frames

    if scope.request.options.look is Look.AS_SHOT:
        plain = as_shot(timeline)
        frames = segment_frames(plain, clip_sources(scope.services, plain))
        return LookedAt(plain, first_frames(frames))

    from montage_pipeline.editing.grading.matching import matched_timeline
    from montage_pipeline.editing.steadying.steadied import stability_of, steadied_timeline

    told = with_flat_clips_told(timeline)
    sources = clip_sources(scope.services, told)
    steady = steadied_timeline(told, stability_of(analysis), sources)
    frames = segment_frames(steady, sources, inside=range(len(steady.segments)))
    return LookedAt(matched_timeline(steady, frames), first_frames(frames))


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

    from montage_pipeline.editing.steadying.steadied import stability_of, steadied_timeline

    segments = list(timeline.segments)
    few = timeline.model_copy(update={"segments": tuple(segments[number] for number in new)})
    steady = steadied_timeline(few, stability_of(analysis), sources)
    for number, segment in zip(new, steady.segments, strict=True):
        segments[number] = segment
    timeline = timeline.model_copy(update={"segments": tuple(segments)})
    frames = segment_frames(timeline, sources, inside=new)
    return LookedAt(matched_to_the_rest(timeline, new, frames), first_frames(frames))
