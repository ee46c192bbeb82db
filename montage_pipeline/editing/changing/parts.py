"""An edit while it is being changed: its parts in order, and why a change is refused.

Belongs here: what the single changes have in common. Does not belong here: the changes
(`carrying_out`, `moving`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from montage_pipeline.editing.changing.room import (
    Alternative,
    Banned,
    EditRoom,
    Footage,
    SegmentRoom,
    Shown,
)
from montage_pipeline.errors import ErrorCode


class Refused(Exception):
    """A change that cannot be: why, and what is nearest to it and can."""

    def __init__(
        self,
        message: str,
        nearest: Iterable[Any] = (),
        code: ErrorCode = ErrorCode.CHANGE_IMPOSSIBLE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.nearest = list(nearest)
        self.code = code


@dataclass(frozen=True)
class Part:
    """A segment as it is to be. `was` is its number in the edit that is changed; `moved` and
    `alternative` are what the user did to it, `shift` is how far its crop is to move.
    """

    was: int
    footage: Footage
    frames: int
    locked: bool
    muted: bool
    caption: str
    shift: tuple[int, int] = (0, 0)
    moved: bool = False
    alternative: Alternative | None = None

    @classmethod
    def of(cls, number: int, segment: SegmentRoom) -> "Part":
        """A segment as it is."""
        return cls(
            was=number,
            footage=segment.footage,
            frames=segment.frames,
            locked=segment.locked,
            muted=segment.muted,
            caption=segment.caption,
        )

    @property
    def shown(self) -> Shown:
        """What it shows."""
        return Shown(self.footage, self.frames)

    def shows_the_same(self, segment: SegmentRoom) -> bool:
        """Whether it shows the frames that a segment showed."""
        return (self.footage, self.frames) == (segment.footage, segment.frames)


@dataclass(frozen=True)
class Parts:
    """The edit `room` as it has become so far."""

    room: EditRoom
    parts: tuple[Part, ...]
    banned: tuple[Banned, ...] = ()
    beats: frozenset[int] = field(default=frozenset())

    @classmethod
    def of(cls, room: EditRoom) -> "Parts":
        """The edit as it is."""
        parts = tuple(Part.of(number, segment) for number, segment in enumerate(room.segments))
        return cls(room, parts, room.banned, frozenset(room.beats))

    def at(self, segment: int) -> int:
        """The place of a segment now. Refused when there is none of that number."""
        if segment >= len(self.parts):
            raise Refused(
                f"There is no segment {segment}: the edit has {len(self.parts)}, counted from 0.",
                [len(self.parts) - 1],
            )
        return next(place for place, part in enumerate(self.parts) if part.was == segment)

    def open_at(self, segment: int) -> int:
        """The same for a segment that may change. Refused when it is locked."""
        place = self.at(segment)
        if self.parts[place].locked:
            raise locked()
        return place

    def others(self, *places: int) -> list[Shown]:
        """What all parts show but those at these places."""
        return [part.shown for place, part in enumerate(self.parts) if place not in places]

    def with_part(self, place: int, **changes: Any) -> "Parts":
        """The edit with one part changed."""
        parts = list(self.parts)
        parts[place] = replace(parts[place], **changes)
        return replace(self, parts=tuple(parts))

    @property
    def cuts(self) -> list[int]:
        """The frames of the Reel that its cuts fall on."""
        return list(accumulate(part.frames for part in self.parts))[:-1]

    @property
    def on_beat(self) -> int:
        """How many of them fall on beats."""
        return sum(cut in self.beats for cut in self.cuts)


def locked() -> Refused:
    """The refusal of a change that a locked segment stands against."""
    return Refused(
        "A locked segment stays as it is, and where it is. Unlock it first.",
        code=ErrorCode.SEGMENT_LOCKED,
    )


def allowed_frames(room: EditRoom, now: int, wanted: int) -> bool:
    """Whether a segment of `now` frames may get another length; one that the rules do not allow as
    it is may stay so, but not get farther from them.
    """
    return min(room.min_frames, now) <= wanted <= max(room.max_frames, now)


def either_side(valid: Iterable[int], wanted: int) -> list[int]:
    """Of ways to go that are possible, the nearest short of one that is not and beyond it; whoever
    wants to go later is not offered to go earlier.
    """
    found = sorted(number for number in valid if number * wanted > 0)
    below = [number for number in found if number < wanted][-1:]
    above = [number for number in found if number > wanted][:1]
    return [*below, *above]


def frames_later(frames: int) -> str:
    """How far, for people."""
    count = "1 frame" if abs(frames) == 1 else f"{abs(frames)} frames"
    return f"{count} {'later' if frames > 0 else 'earlier'}"
