"""A few frames of each segment: the first stands for it, its grade goes by those inside. Further
frames that somebody wants of the same clips come with them.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from montage_pipeline.editing.decoded.watching import ClipAsked, watch
from montage_pipeline.editing.steadying.camera_path import CameraPath
from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.frames import RgbFrame
from montage_pipeline.footage.decoding.sample import FramesAsked, side_by_side
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.footage.names import clip_name
from montage_pipeline.machine import usable_cores

Item = TypeVar("Item")

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
    """The frames of every segment, by its number, the others that were asked for, and the ways of
    the camera (see `ClipSeen`) over spans, by the number of their segment.
    """

    segments: dict[int, SegmentFrames]
    others: dict[ClipFrame, RgbFrame]
    paths: dict[int, CameraPath | None]


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
    spans: Mapping[int, tuple[float, ...]] = MappingProxyType({}),
) -> EditFrames:
    """The first frame of every segment, those inside of the segments named, and `others`; and how
    the camera moves over `spans`, the times (s) of frames of segments.

    One pass over each clip, several clips side by side. `sources` maps clip URL to where it is
    read. Raises PermanentError CLIP_MISSING for a clip without a source, and what `frames_at`
    raises for one that cannot be read.
    """
    wanted = {
        number: _wanted(timeline, segment, inside=number in inside)
        for number, segment in enumerate(timeline.segments)
    }
    frames = {*chain.from_iterable(wanted.values()), *others}
    decoded, paths = _seen(timeline, sources, frames, spans)
    segments = {}
    for number, of_segment in wanted.items():
        first, *rest = (decoded[frame] for frame in of_segment)
        segments[number] = SegmentFrames(first, tuple(rest))
    return EditFrames(segments, {frame: decoded[frame] for frame in others}, paths)


def camera_paths(
    timeline: Timeline, sources: Mapping[str, ClipSource], spans: Mapping[int, tuple[float, ...]]
) -> dict[int, CameraPath | None]:
    """How the camera moves over spans alone; see `edit_frames`."""
    return _seen(timeline, sources, (), spans)[1]


def _wanted(timeline: Timeline, segment: Segment, *, inside: bool) -> list[ClipFrame]:
    first = ClipFrame(segment.clip, segment.source_in_s, _FIRST_SIDE)
    times_s = _times_inside(segment, timeline) if inside else []
    return [first, *(ClipFrame(segment.clip, time_s, _INSIDE_SIDE) for time_s in times_s)]


def _seen(
    timeline: Timeline,
    sources: Mapping[str, ClipSource],
    wanted: Collection[ClipFrame],
    spans: Mapping[int, tuple[float, ...]],
) -> tuple[dict[ClipFrame, RgbFrame], dict[int, CameraPath | None]]:
    decoded: dict[ClipFrame, RgbFrame] = {}
    paths: dict[int, CameraPath | None] = {}
    passes = _passes(timeline, wanted, spans)
    asked = [
        ClipAsked(
            _asked(timeline, sources, each.clip, each.frames),
            tuple(spans[number] for number in each.followed),
        )
        for each in passes
    ]
    for each, seen in zip(passes, side_by_side(watch, asked), strict=True):
        decoded |= dict(zip(each.frames, seen.frames, strict=True))
        paths |= dict(zip(each.followed, seen.paths, strict=True))
    return decoded, paths


class _Pass(NamedTuple):
    """Frames of a clip, and the segments whose camera is followed, that are decoded in one go."""

    clip: int
    frames: Sequence[ClipFrame]
    followed: Sequence[int]


def _passes(
    timeline: Timeline,
    wanted: Collection[ClipFrame],
    spans: Mapping[int, tuple[float, ...]],
) -> list[_Pass]:
    """One for each clip; where there are fewer clips than cores, for each part of one."""
    frames: defaultdict[int, list[ClipFrame]] = defaultdict(list)
    for frame in sorted(wanted):
        frames[frame.clip].append(frame)
    followed: defaultdict[int, list[int]] = defaultdict(list)
    for number in sorted(spans, key=lambda number: spans[number]):
        followed[timeline.segments[number].clip].append(number)

    clips = sorted({*frames, *followed})
    parts = max(1, usable_cores() // max(1, len(clips)))
    return [
        _Pass(clip, _part(frames[clip], part, parts), _part(followed[clip], part, parts))
        for clip in clips
        for part in range(parts)
    ]


def _part(items: Sequence[Item], part: int, parts: int) -> Sequence[Item]:
    """One of so many parts, in their order."""
    return items[len(items) * part // parts : len(items) * (part + 1) // parts]


def _asked(
    timeline: Timeline,
    sources: Mapping[str, ClipSource],
    clip: int,
    frames: Sequence[ClipFrame],
) -> FramesAsked:
    """What is decoded of one clip."""
    facts = timeline.clips[clip]
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
