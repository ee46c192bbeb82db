"""`EditRoom`: what may become of each segment of an edit.

Belongs here: the document, and finding room in a clip. Does not belong here: making the document
(`rooms`), or using it (`carrying_out`).
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from montage_pipeline.footage.model import FrameRate
from montage_pipeline.records import Record
from montage_pipeline.spans import Span

_SLACK_S = 1e-6
"""Presentation times are floats; differences below a microsecond mean nothing."""


class CropReach(NamedTuple):
    """How far a crop may move without leaving the frame, in displayed pixels of the source."""

    left: int
    right: int
    up: int
    down: int


class Footage(Record):
    """What a segment shows: from `start_s` of clip number `clip` on, at `speed`.

    It may lie anywhere in `room` (seconds of the clip) that no other footage of the same `file`
    shows; `apart_s` is what two segments of it keep between them: a frame of the clip. `heard` says
    whether the clip has sound that is played at this speed.
    """

    clip: int
    file: str
    moment: str
    start_s: float
    speed: float
    room: Span
    apart_s: float
    crop_reach: CropReach
    heard: bool

    def length_s(self, frames: int, fps: float) -> float:
        """Seconds of the clip that so many frames of the Reel show."""
        return frames * self.speed / fps

    def span(self, frames: int, fps: float) -> Span:
        """What so many frames show."""
        return Span(self.start_s, self.start_s + self.length_s(frames, fps))

    def later(self, frames: int, fps: float) -> "Footage":
        """The same from so many frames later on."""
        return self.model_copy(update={"start_s": self.start_s + self.length_s(frames, fps)})


class Alternative(Record):
    """Footage that could be shown in a segment's place.

    `what` says what it is and `why` how it compares, for people. `points` is what the Reel gains
    by it (or loses, below 0) as the planner counts.
    """

    id: str
    footage: Footage
    points: float
    what: str
    why: str


class SegmentRoom(Record):
    """One segment: what it shows, and what could be shown in its place, the best first.

    `nudged` is how far the user has moved its crop so far (x, y).
    """

    footage: Footage
    frames: int = Field(gt=0)
    alternatives: tuple[Alternative, ...] = ()
    locked: bool = False
    muted: bool = False
    caption: str = ""
    nudged: tuple[int, int] = (0, 0)


class Banned(Record):
    """Footage that must not be shown again."""

    file: str
    moment: str
    span: Span


class EditRoom(Record):
    """What may become of one edit. `beats` are the frames of the Reel that a cut may fall on."""

    schema_version: Literal[1] = 1
    request_id: str
    fps: FrameRate
    hook_frames: int
    min_frames: int
    max_frames: int
    beats: tuple[int, ...]
    segments: tuple[SegmentRoom, ...] = Field(min_length=1)
    banned: tuple[Banned, ...] = ()

    @property
    def rate(self) -> float:
        """Frames a second."""
        return float(self.fps.fraction)


class Shown(NamedTuple):
    """Footage with the frames of it that are shown."""

    footage: Footage
    frames: int


def fits(shown: Shown, others: Iterable[Shown], fps: float) -> bool:
    """Whether footage lies in its room and touches none of the others."""
    footage = shown.footage
    span = footage.span(shown.frames, fps)
    inside = span.start_s >= footage.room.start_s - _SLACK_S
    inside &= span.end_s <= footage.room.end_s + _SLACK_S
    return inside and not any(_touch(footage, span, other, fps) for other in others)


def fitted(shown: Shown, others: Sequence[Shown], fps: float) -> Footage | None:
    """The footage begun as near to where it begins as so many frames of it allow.

    It moves by whole frames of the Reel. None when there is no room.
    """
    footage, length_s = shown.footage, shown.footage.length_s(shown.frames, fps)
    starts_s = [footage.start_s]
    for free in _free(footage, others, fps):
        if free.duration_s < length_s - _SLACK_S:
            continue
        nearest_s = min(max(footage.start_s, free.start_s), free.end_s - length_s)
        step_s = footage.speed / fps
        steps = (nearest_s - footage.start_s) / step_s
        near = (int(steps), int(steps) - 1, int(steps) + 1)
        starts_s.extend(footage.start_s + whole * step_s for whole in near)
        starts_s.append(nearest_s)

    for start_s in sorted(starts_s, key=lambda start_s: abs(start_s - footage.start_s)):
        moved = footage.model_copy(update={"start_s": start_s})
        if fits(Shown(moved, shown.frames), others, fps):
            return moved
    return None


def is_banned(footage: Footage, frames: int, banned: Iterable[Banned], fps: float) -> bool:
    """Whether footage shows some of what must not be shown."""
    span = footage.span(frames, fps)
    return any(
        part.file == footage.file
        and span.start_s < part.span.end_s - _SLACK_S
        and span.end_s > part.span.start_s + _SLACK_S
        for part in banned
    )


def _touch(footage: Footage, span: Span, other: Shown, fps: float) -> bool:
    if other.footage.file != footage.file:
        return False
    taken = other.footage.span(other.frames, fps)
    apart_s = max(footage.apart_s, other.footage.apart_s) - _SLACK_S
    return span.start_s < taken.end_s + apart_s and taken.start_s < span.end_s + apart_s


def _free(footage: Footage, others: Sequence[Shown], fps: float) -> list[Span]:
    """The parts of its room that no other footage touches."""
    taken = sorted(
        other.footage.span(other.frames, fps)
        for other in others
        if other.footage.file == footage.file
    )
    free, begin_s = list[Span](), footage.room.start_s
    for span in taken:
        free.append(Span(begin_s, min(span.start_s - footage.apart_s, footage.room.end_s)))
        begin_s = max(begin_s, span.end_s + footage.apart_s)
    free.append(Span(begin_s, footage.room.end_s))
    return [span for span in free if span.end_s > span.start_s]
