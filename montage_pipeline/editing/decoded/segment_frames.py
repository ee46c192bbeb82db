"""A few frames of each segment: the first stands for it, its grade goes by those inside. Further
frames that somebody wants of the same clips come with them.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter
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


class ClipFrame(NamedTuple):
    """A frame of a clip (its index in the timeline): when it is on screen, in presentation time
    (s), and the most pixels of its longer side.
    """

    clip: int
    time_s: float
    side: int


class SegmentFrames(NamedTuple):
    """Whole source frames as `frames_at` gives them: at the segment's begin, and at
    `INSIDE_SHARES`; empty where nobody asked for those.
    """

    first: RgbFrame
    inside: tuple[RgbFrame, ...] = ()


class EditFrames(NamedTuple):
    """The frames of every segment, by its number, and the others that were asked for."""

    segments: dict[int, SegmentFrames]
    others: dict[ClipFrame, RgbFrame]


def segment_frames(
    timeline: Timeline,
    sources: Mapping[str, ClipSource],
    *,
    inside: Collection[int] = (),
) -> dict[int, SegmentFrames]:
    """See `edit_frames`: the frames of every segment, by its number."""
    return edit_frames(timeline, sources, inside=inside).segments


def edit_frames(
    timeline: Timeline,
    sources: Mapping[str, ClipSource],
    *,
    inside: Collection[int] = (),
    others: Collection[ClipFrame] = (),
) -> EditFrames:
    """The first frame of every segment, those inside of the segments named, and `others`.

    One pass over each clip, several clips side by side. `sources` maps clip URL to where it is
    read. Raises PermanentError CLIP_MISSING for a clip without a source, and what `frames_at`
    raises for one that cannot be read.
    """
    wanted = {
        number: _wanted(timeline, segment, inside=number in inside)
        for number, segment in enumerate(timeline.segments)
    }
    decoded = _decoded(timeline, sources, {*chain.from_iterable(wanted.values()), *others})
    segments = {}
    for number, frames in wanted.items():
        first, *rest = (decoded[frame] for frame in frames)
        segments[number] = SegmentFrames(first, tuple(rest))
    return EditFrames(segments, {frame: decoded[frame] for frame in others})


def _wanted(timeline: Timeline, segment: Segment, *, inside: bool) -> list[ClipFrame]:
    first = ClipFrame(segment.clip, segment.source_in_s, _FIRST_SIDE)
    times_s = _times_inside(segment, timeline) if inside else []
    return [first, *(ClipFrame(segment.clip, time_s, _INSIDE_SIDE) for time_s in times_s)]


def _decoded(
    timeline: Timeline, sources: Mapping[str, ClipSource], wanted: Collection[ClipFrame]
) -> dict[ClipFrame, RgbFrame]:
    rows = [list(frames) for _, frames in groupby(sorted(wanted), attrgetter("clip"))]
    asked = [_asked(timeline, sources, row) for row in rows]
    return {
        frame: decoded
        for row, of_clip in zip(rows, frames_of_clips(asked), strict=True)
        for frame, decoded in zip(row, of_clip, strict=True)
    }


def _asked(
    timeline: Timeline, sources: Mapping[str, ClipSource], frames: Sequence[ClipFrame]
) -> FramesAsked:
    """What is decoded of one clip."""
    facts = timeline.clips[frames[0].clip]
    if facts.url not in sources:
        raise PermanentError(
            ErrorCode.CLIP_MISSING,
            f"Showing the edit needs the file of clip {clip_name(facts.url)}.",
            url=facts.url,
        )
    return FramesAsked(
        sources[facts.url],
        facts,
        tuple(frame.time_s for frame in frames),
        tuple(frame.side for frame in frames),
    )


def _times_inside(segment: Segment, timeline: Timeline) -> list[float]:
    rate = timeline.fps.fraction
    return [segment.source_s(share * segment.frames, rate) for share in INSIDE_SHARES]
