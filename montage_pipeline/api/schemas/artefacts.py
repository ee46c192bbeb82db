"""The edit of an item with the files that show it, as a page draws them."""

from collections.abc import Callable
from typing import Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StrictInt
from pydantic.alias_generators import to_camel

from montage_pipeline.api.schemas.base import ApiModel
from montage_pipeline.requests.edit_view import CoverImage, EditView

UrlOf = Callable[[str], str]
"""A link, made now, to the object of a key."""


def in_seconds(name: str) -> str:
    """Times are called `…_s` inside and `…Sec` outside."""
    return to_camel(f"{name}ec" if name.endswith("_s") else name)


class _TimedModel(ApiModel):
    model_config = ConfigDict(alias_generator=in_seconds)


class CropShareOut(ApiModel):
    """A rectangle in shares of the displayed source frame: 0..1, origin top left."""

    x: float
    y: float
    width: float
    height: float


class AlternativeOut(_TimedModel):
    """What could be shown in a segment's place."""

    id: str = Field(description="To name it in a change `replace`.")
    clip: int = Field(description="Index of its clip in `clips`.")
    moment: str
    start_s: float = Field(description="Begin in the clip, in seconds.")
    end_s: float
    points: float = Field(description="What the Reel gains by it as the planner counts.")
    what: str = Field(description="For people: what it is.")
    why: str = Field(description="For people: how it compares with what is shown.")
    thumbnail_url: str | None = Field(description="The whole source frame at `startSec`, as JPEG.")


class SlipOut(ApiModel):
    """By how many frames of the Reel a segment may show its clip earlier (0 or less) or later."""

    earlier: int
    later: int


class TrimOut(ApiModel):
    """By how many frames of the Reel a segment may begin, and end, earlier (below 0) or later, so
    that the cut falls on a beat; in order.
    """

    begin: list[int]
    end: list[int]


class SegmentOut(_TimedModel):
    """One segment, with the reason why it is there."""

    number: int = Field(description="From 0, the hook.")
    clip: int = Field(description="Index of its clip in `clips`.")
    moment: str = Field(description="Id of its moment in that clip.")
    start_s: float = Field(description="Begin in the clip, in seconds.")
    end_s: float = Field(description="End in the clip, in seconds.")
    reel_s: float = Field(description="Begin in the Reel, in seconds.")
    frames: int = Field(description="Length, in frames of the Reel.")
    role: Literal["hook", "body", "ending"]
    on_beat: bool = Field(description="Whether it ends on a beat.")
    score: float = Field(description="How good its footage is, 0 to 1.")
    why: str = Field(description="For people: why it is shown.")
    crop: CropShareOut = Field(description="What of the source frame fills the Reel's.")
    crop_end: CropShareOut | None = Field(description="Where the crop moves to; null: it stays.")
    caption: str = Field(description="Text drawn on it; empty for none.")
    clip_gain_db: float = Field(description="How much louder or quieter its own sound is.")
    thumbnail_url: str = Field(description="The whole source frame at `startSec`, as JPEG.")
    locked: bool = Field(description="Whether it stays as it is, whatever else changes.")
    muted: bool = Field(description="Whether its own sound is left out by wish.")
    heard: bool = Field(description="Whether it has sound of its own that plays unless muted.")
    slip: SlipOut | None = Field(
        description="How far it may be slipped; null when the edit cannot be changed."
    )
    trim: TrimOut | None = Field(
        description="Where its cuts may go; null when the edit cannot be changed, or was made by "
        "an earlier release."
    )
    alternatives: list[AlternativeOut] = Field(
        description="What could be shown instead, the best first: at least three where the clips "
        "have so much."
    )


class RejectOut(ApiModel):
    """Why footage is not used."""

    code: str = Field(description="Stable, for programs.")
    message: str


class MomentOut(_TimedModel):
    """A judged span of a clip."""

    id: str
    start_s: float
    end_s: float
    quality: float = Field(description="The technical verdict, 0 to 1.")
    interest: float = Field(description="How much it is worth showing, 0 to 1.")
    hook: float = Field(description="How well it opens a Reel, 0 to 1.")
    scores: dict[str, float] = Field(description="Its measures by name, each 0 to 1.")
    description: str = Field(description="What is seen; empty where nobody described it.")
    role: str | None
    mood: str | None
    shown: bool = Field(description="Whether the Reel shows some of it.")
    rejects: list[RejectOut] = Field(description="Why it must not be used; empty when it may.")


class AnalysedClipOut(_TimedModel):
    """A clip that was analysed."""

    url: str = Field(description="Its address, without the query.")
    name: str
    width: int = Field(description="As displayed, in pixels.")
    height: int
    duration_s: float
    fps: float
    moments: list[MomentOut] = Field(description="In order of time.")


class LeftOutOut(RejectOut):
    """A clip that was left out as a whole."""

    url: str
    name: str


class MusicOut(_TimedModel):
    """The music, with its beats in seconds of the Reel."""

    composer: str
    mood: str
    bpm: float
    beats_s: list[float]
    downbeats_s: list[float]


class EditOut(_TimedModel):
    """The edit, and what the analysis knew of the footage."""

    width: int
    height: int
    fps: float
    duration_s: float
    analyst: str = Field(description="Who looked at the clips: `claude` or `local`.")
    mood: str
    segments: list[SegmentOut] = Field(description="In the order of the Reel.")
    clips: list[AnalysedClipOut]
    left_out: list[LeftOutOut]
    music: MusicOut

    @classmethod
    def of(cls, view: EditView, url_of: UrlOf) -> Self:
        """The stored view with links in place of keys."""
        fields = view.model_dump(exclude={"schema_version", "request_id"})
        for segment in fields["segments"]:
            segment["thumbnail_url"] = url_of(segment.pop("thumbnail_key"))
            for choice in segment["alternatives"]:
                key = choice.pop("thumbnail_key")
                choice["thumbnail_url"] = url_of(key) if key else None
        return cls.model_validate(fields)


class CoverOut(_TimedModel):
    """A frame of the Reel that could stand for it."""

    rank: int = Field(description="1 is the best; send it to `PUT …/poster` to choose it.")
    time_s: float = Field(description="In seconds of the Reel.")
    score: float
    why: str
    url: str
    chosen: bool = Field(description="Whether it is the poster now.")

    @classmethod
    def of(cls, rank: int, cover: CoverImage, poster_url: str | None, url_of: UrlOf) -> Self:
        """The stored cover with a link."""
        poster = (poster_url or "").partition("?")[0]
        return cls(
            rank=rank,
            time_s=cover.time_s,
            score=cover.score,
            why=cover.why,
            url=url_of(cover.key),
            chosen=poster.endswith(f"/{cover.key}"),
        )


class ArtefactsOut(ApiModel):
    """Links to what was made on the way to a Reel. They are made for this answer and end after a
    while: ask again rather than keep them.
    """

    request_id: UUID = Field(description="The request whose edit this is.")
    base_request_id: UUID | None = Field(
        description="The request whose edit it changed; null where it changed none."
    )
    reel_url: str | None = Field(
        description="What this request made, also once another took its place; null where it made "
        "no Reel, and once the files of its making have expired."
    )
    storyboard_url: str | None = Field(description="The edit in one image, PNG.")
    timeline_url: str | None = Field(description="The edit, frame by frame, JSON.")
    otio_url: str | None = Field(description="The edit for other editing programs, OpenTimelineIO.")
    edl_url: str | None = Field(
        description="The same as an EDL (CMX 3600); null too for frame rates that it cannot hold, "
        "such as 29.97."
    )
    xml_url: str | None = Field(
        description="The same as Final Cut 7 XML, for Premiere and DaVinci Resolve."
    )
    edit: EditOut | None = Field(
        description="The edit as a page draws it; null for one of an earlier release, and once the "
        "files of its making have expired."
    )
    covers: list[CoverOut] = Field(
        description="What could be the poster of the newest Reel, the best first; empty before "
        "there is one."
    )


class PosterBody(ApiModel):
    """Which cover is to be the poster."""

    rank: StrictInt = Field(ge=1, description="`rank` of one of `covers`.", examples=[2])
