"""The changes of an edit that a user may ask for.

Segments are named by their number in the edit that is changed, from 0 (the hook), whatever earlier
changes of the list have moved. Frames are frames of the Reel.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from montage_pipeline.records import Record
from montage_pipeline.requests.options import MAX_CAPTION_CHARS

MAX_CHANGES = 100
"""In one list: several for each segment of the longest Reel."""

SegmentNumber = Annotated[int, Field(ge=0)]


class LockSegment(Record):
    """Keep a segment as it is and where it is, frame by frame, whatever else changes."""

    kind: Literal["lock"] = "lock"
    segment: SegmentNumber
    locked: bool = True


class BanSegment(Record):
    """Never show what a segment shows; the best alternative takes its place."""

    kind: Literal["ban"] = "ban"
    segment: SegmentNumber


class ReplaceSegment(Record):
    """Show one of a segment's alternatives instead, by its id."""

    kind: Literal["replace"] = "replace"
    segment: SegmentNumber
    alternative: str


class TrimSegment(Record):
    """Move where a segment begins (`in`) or ends (`out`), later by so many frames or earlier.

    The segment beside that edge gives the frames, or takes them. A cut on a beat stays on one,
    unless `off_beat` lets it leave.
    """

    kind: Literal["trim"] = "trim"
    segment: SegmentNumber
    edge: Literal["in", "out"]
    frames: int
    off_beat: bool = False


class SlipSegment(Record):
    """Show footage of the same clip so many frames later, or earlier; the cuts stay."""

    kind: Literal["slip"] = "slip"
    segment: SegmentNumber
    frames: int


class MoveSegment(Record):
    """Show a segment at another place of the Reel, counted from 0."""

    kind: Literal["move"] = "move"
    segment: SegmentNumber
    to: SegmentNumber


class NudgeCrop(Record):
    """Move a segment's crop right and down by so many pixels of its clip's displayed frame."""

    kind: Literal["crop"] = "crop"
    segment: SegmentNumber
    x: int = 0
    y: int = 0


class MuteSegment(Record):
    """Leave out a segment's own sound, or let it be heard again."""

    kind: Literal["mute"] = "mute"
    segment: SegmentNumber
    muted: bool = True


class CaptionSegment(Record):
    """Draw text on a segment; empty for none."""

    kind: Literal["caption"] = "caption"
    segment: SegmentNumber = 0
    text: str = Field(max_length=MAX_CAPTION_CHARS)


class ChangeMusic(Record):
    """Play other music under the edit, which keeps its cuts: the user's own, or newly composed
    where no address is given.
    """

    kind: Literal["music"] = "music"
    url: str | None = Field(default=None, min_length=1)


SegmentChange = (
    LockSegment
    | BanSegment
    | ReplaceSegment
    | TrimSegment
    | SlipSegment
    | MoveSegment
    | NudgeCrop
    | MuteSegment
    | CaptionSegment
    | ChangeMusic
)

Change = Annotated[SegmentChange, Field(discriminator="kind")]

_CHANGES: TypeAdapter[tuple[SegmentChange, ...]] = TypeAdapter(tuple[Change, ...])


def stored_changes(changes: tuple[SegmentChange, ...]) -> list[dict[str, Any]]:
    """A list of changes as JSON for the database."""
    return [change.model_dump(mode="json") for change in changes]


def read_changes(stored: list[dict[str, Any]]) -> tuple[SegmentChange, ...]:
    """The list of changes from the database."""
    return _CHANGES.validate_python(stored)


def changed_music(changes: tuple[SegmentChange, ...]) -> ChangeMusic | None:
    """What the changes ask for in place of the music; None: it stays."""
    asked = [change for change in changes if isinstance(change, ChangeMusic)]
    return asked[-1] if asked else None


def changed_options(changes: tuple[SegmentChange, ...]) -> dict[str, str | bool | None]:
    """What the changes make of the wishes that the base was made with, by name: a Reel that is
    made of the item later has this music and this text, too.
    """
    options: dict[str, str | bool | None] = {}
    if (music := changed_music(changes)) is not None:
        options |= {"music_url": music.url, "keep_music": False}
    for change in changes:
        if isinstance(change, CaptionSegment) and change.segment == 0:
            options["captions"] = change.text or None
    return options
