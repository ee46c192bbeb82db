"""A few frames of each segment: the first stands for it, its grade goes by those inside."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.frames import RgbFrame
from montage_pipeline.footage.decoding.sample import FramesAsked, frames_of_clips
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.footage.names import clip_name

INSIDE_SHARES = (1 / 6, 3 / 6, 5 / 6)
"""Where the frames inside lie, of the segment's length: enough for a pan; more would decode all of
it.
"""

_FIRST_SIDE = 960
"""Pixels of the longer side of the first: more than a storyboard's card shows, as the crop is
enlarged from it.
"""

_INSIDE_SIDE = 640
"""Pixels of the longer side of those inside; colours need no more."""


class SegmentFrames(NamedTuple):
    """Whole source frames as `frames_at` gives them: at the segment's begin, and at
    `INSIDE_SHARES`; empty where nobody asked for those.
    """

    first: RgbFrame
    inside: tuple[RgbFrame, ...] = ()


def segment_frames(
    timeline: Timeline,
    sources: Mapping[str, ClipSource],
    *,
    inside: Collection[int] = (),
) -> dict[int, SegmentFrames]:
    """The frames of every segment, by its number; those inside of the segments named.

    One pass over each clip, several clips side by side. `sources` maps clip URL to where it is
    read. Raises PermanentError CLIP_MISSING for a clip without a source, and what `frames_at`
    raises for one that cannot be read.
    """
    shown: list[list[int]] = []
    asked: list[FramesAsked] = []
    for clip in sorted({segment.clip for segment in timeline.segments}):
        own = [index for index, segment in enumerate(timeline.segments) if segment.clip == clip]
        shown.append(own)
        asked.append(_asked(timeline, clip, own, sources, inside))

    found: dict[int, SegmentFrames] = {}
    for own, decoded in zip(shown, frames_of_clips(asked), strict=True):
        rest = iter(decoded)
        for index in own:
            first = next(rest)
            others = INSIDE_SHARES if index in inside else ()
            found[index] = SegmentFrames(first, tuple(next(rest) for _ in others))
    return found


def _asked(
    timeline: Timeline,
    clip: int,
    segments: list[int],
    sources: Mapping[str, ClipSource],
    inside: Collection[int],
) -> FramesAsked:
    """What is decoded of one clip, in the order of its segments."""
    facts = timeline.clips[clip]
    if facts.url not in sources:
        raise PermanentError(
            ErrorCode.CLIP_MISSING,
            f"Showing the edit needs the file of clip {clip_name(facts.url)}.",
            url=facts.url,
        )
    times_s: list[float] = []
    sides: list[int] = []
    for index in segments:
        segment = timeline.segments[index]
        times_s.append(segment.source_in_s)
        sides.append(_FIRST_SIDE)
        if index in inside:
            times_s += _times_inside(segment, timeline)
            sides += [_INSIDE_SIDE] * len(INSIDE_SHARES)
    return FramesAsked(sources[facts.url], facts, tuple(times_s), tuple(sides))


def _times_inside(segment: Segment, timeline: Timeline) -> list[float]:
    rate = timeline.fps.fraction
    return [segment.source_s(share * segment.frames, rate) for share in INSIDE_SHARES]
