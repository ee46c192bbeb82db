"""Changes of single segments: what is asked for, and what it comes to."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from montage_pipeline.api.schemas.answers import AcceptedOut
from montage_pipeline.api.schemas.artefacts import TrimOut, in_seconds
from montage_pipeline.api.schemas.base import ApiModel, PathUuid, Usd, Whole
from montage_pipeline.api.schemas.requests import Captions, FileUrl
from montage_pipeline.requests.model import WantedChanges
from montage_pipeline.requests.segment_changes.model import MAX_CHANGES
from montage_pipeline.requests.segment_changes.outcome import ChangeOutcome

_MAX_SEGMENTS = 1000
"""More than any Reel has."""

_MAX_FRAMES = 100_000
_MAX_PIXELS = 100_000
"""More than any clip has."""

MAX_ALTERNATIVE_CHARS = 200

_Number = Annotated[
    StrictInt,
    Field(ge=0, le=_MAX_SEGMENTS, description="`number` of a segment of the edit that is changed."),
    Whole,
]
_Frames = Annotated[StrictInt, Field(ge=-_MAX_FRAMES, le=_MAX_FRAMES), Whole]
_Pixels = Annotated[StrictInt, Field(ge=-_MAX_PIXELS, le=_MAX_PIXELS), Whole]


class LockBody(ApiModel):
    """Keep a segment frame by frame and where it is, whatever else changes; or no longer."""

    kind: Literal["lock"]
    segment: _Number
    locked: StrictBool = True


class BanBody(ApiModel):
    """Never show this footage in this Reel; its best alternative takes its place."""

    kind: Literal["ban"]
    segment: _Number


class ReplaceBody(ApiModel):
    """Show one of the segment's alternatives instead."""

    kind: Literal["replace"]
    segment: _Number
    alternative: str = Field(
        max_length=MAX_ALTERNATIVE_CHARS, description="`id` of one of its `alternatives`."
    )


class TrimBody(ApiModel):
    """Move where a segment begins (`in`) or ends (`out`); the segment beside that edge gives the
    frames, or takes them.
    """

    kind: Literal["trim"]
    segment: _Number
    edge: Literal["in", "out"]
    frames: _Frames = Field(description="Frames of the Reel, later; below 0 earlier.")
    off_beat: StrictBool = Field(
        False, description="Whether a cut on a beat may leave it; else it goes to another beat."
    )


class SlipBody(ApiModel):
    """Show another part of the same footage; the cuts stay."""

    kind: Literal["slip"]
    segment: _Number
    frames: _Frames = Field(description="Frames of the Reel, later in the clip; below 0 earlier.")


class MoveBody(ApiModel):
    """Show a segment at another place."""

    kind: Literal["move"]
    segment: _Number
    to: _Number = Field(description="The place, counted from 0; locked segments keep theirs.")


class CropBody(ApiModel):
    """Move the crop, in pixels of the clip's displayed frame."""

    kind: Literal["crop"]
    segment: _Number
    x: _Pixels = Field(0, description="To the right; below 0 to the left.")
    y: _Pixels = Field(0, description="Down; below 0 up.")


class MuteBody(ApiModel):
    """Leave out the segment's own sound, or let it be heard again."""

    kind: Literal["mute"]
    segment: _Number
    muted: StrictBool = True


class CaptionBody(ApiModel):
    """Draw text on a segment."""

    kind: Literal["caption"]
    segment: _Number = 0
    text: Captions | None = Field(description="null for none.")


class MusicBody(ApiModel):
    """Play other music under the same cuts, from where most of them fall on its beats."""

    kind: Literal["music"]
    url: FileUrl | None = Field(
        default=None,
        description="Your own, as `musicUrl` of a new item; without it, new music is composed, as "
        "fast as that which it replaces.",
    )


ChangeBody = Annotated[
    LockBody
    | BanBody
    | ReplaceBody
    | TrimBody
    | SlipBody
    | MoveBody
    | CropBody
    | MuteBody
    | CaptionBody
    | MusicBody,
    Field(discriminator="kind"),
]


class ChangesBody(ApiModel):
    """Changes of one edit, carried out one after the other."""

    base_request_id: PathUuid = Field(
        description="`requestId` of the artefacts whose edit is changed. An earlier one undoes "
        "what came after it."
    )
    changes: list[ChangeBody] = Field(
        max_length=MAX_CHANGES,
        description="None of them: that edit once more, of which every frame is there already.",
        examples=[
            [
                {"kind": "lock", "segment": 3, "locked": True},
                {"kind": "replace", "segment": 2, "alternative": "c1m4@22.77"},
            ]
        ],
    )

    def as_document(self) -> WantedChanges:
        """The changes as the rooms below take them."""
        changes = [change.model_dump() for change in self.changes]
        for change in changes:
            if change["kind"] == "caption":
                change["text"] = change["text"] or ""
        fields = {"base_request_id": self.base_request_id, "changes": changes}
        return WantedChanges.model_validate(fields)

    @property
    def texts(self) -> list[str]:
        """Every text that is to be drawn."""
        return [
            change.text
            for change in self.changes
            if isinstance(change, CaptionBody) and change.text is not None
        ]

    @property
    def music_urls(self) -> dict[int, str]:
        """The music that is asked for, by the number of the change."""
        return {
            number: change.url
            for number, change in enumerate(self.changes)
            if isinstance(change, MusicBody) and change.url is not None
        }


class _TimedModel(ApiModel):
    model_config = ConfigDict(alias_generator=in_seconds)


class ChangedSegmentOut(_TimedModel):
    """A segment of the changed edit."""

    number: int = Field(description="Its place now, from 0.")
    was: int = Field(description="Its number in the edit that is changed.")
    clip: int = Field(description="Index of its clip in `clips` of the edit.")
    moment: str
    start_s: float = Field(description="Begin in the clip, in seconds.")
    end_s: float
    reel_s: float = Field(description="Begin in the Reel, in seconds.")
    frames: int
    on_beat: bool = Field(description="Whether it ends on a beat.")
    locked: bool
    muted: bool
    is_new: bool = Field(description="Whether it shows other frames than before.")
    trim: TrimOut = Field(description="Where its cuts may go from there.")
    why_rendered: str = Field(
        description="For people: why it is rendered; empty when its frames are there already."
    )


class ChangeOutcomeOut(ApiModel):
    """What the changes come to, known before anything is made."""

    segments: list[ChangedSegmentOut] = Field(description="In the order of the Reel.")
    rendered: int = Field(description="How many of them will be rendered.")
    on_beat_before: int = Field(description="Cuts on a beat in the edit that is changed.")
    on_beat_after: int = Field(description="Cuts on a beat in the changed edit.")
    beats_known: bool = Field(
        description="False with other music: its beats are found when it is there."
    )
    cost_usd: Usd = Field(
        description="What will be bought for it, at list price. Analysis and music are taken over, "
        "so it is nothing unless other music is to be composed by a provider."
    )

    @classmethod
    def of(cls, outcome: ChangeOutcome) -> Self:
        """The outcome as clients see it."""
        fields = outcome.model_dump()
        return cls.model_validate(fields | {"rendered": outcome.rendered})


class ChangesAcceptedOut(AcceptedOut):
    """The changes are stored; poll the item's status."""

    outcome: ChangeOutcomeOut
