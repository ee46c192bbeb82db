"""What goes over the wire, in camelCase.

Belongs here: the bodies of requests and answers, their examples, and how the documents of the rooms
below become answers.
Does not belong here: checks that need to know who asks or how the service is set up
(`clip_urls.py`).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from montage_pipeline.costs.reports import UserCosts
from montage_pipeline.requests.model import ContentItem, CreatedRequest, NewContentItem
from montage_pipeline.requests.options import (
    MAX_CAPTION_CHARS,
    MAX_TARGET_BPM,
    MIN_TARGET_BPM,
    MontageOptions,
)
from montage_pipeline.rules import MAX_DURATION_S, MIN_DURATION_S
from montage_pipeline.styles import StyleName
from montage_pipeline.vocabulary import ContentStatus, ContentType, CostState, Format, Service, Step

MAX_TITLE_CHARS = 200
MAX_URL_CHARS = 4096
MAX_FILE_NAME_CHARS = 255

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

FreshUrl = Callable[[str | None], str | None]
"""Gives a stored media URL back as one that works now."""


class ApiModel(BaseModel):
    """Base of every body: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


def _no_controls(text: str) -> str:
    # Not str.isprintable(): the joiners inside emoji and the thin spaces in file names are fine.
    if _CONTROLS.search(text):
        raise ValueError("must not contain control characters or line breaks")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank; leave it out instead")
    return text.strip()


_NoControls = AfterValidator(_no_controls)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]

# A JSON number would pass through a float on its way to most readers; money stays text.
Usd = Annotated[
    Decimal,
    PlainSerializer(lambda amount: format(amount, "f"), return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^-?\d+(\.\d+)?$",
            "description": "USD as an exact decimal.",
            "examples": ["0.012345"],
        }
    ),
]


_Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARS), _NoControls]


class WishesBody(ApiModel):
    """What may be wished for beside clips, style, format and length.

    Clips are named as in `clipUrls`.
    """

    hook_clip: _Url | None = Field(None, description="The clip that opens the Reel.")
    must_use: list[_Url] = Field(
        default_factory=list, description="Clips that must appear in the Reel."
    )
    exclude: list[_Url] = Field(
        default_factory=list,
        description="Clips that must not be used; at least one has to be left.",
    )
    music_url: _Url | None = Field(
        None,
        description="Your own music instead of composed music: an https:// URL, or a `clipUrl` of POST /api/uploads. "
        "It must be at least as long as the Reel.",
    )
    target_bpm: Annotated[StrictInt, Field(ge=MIN_TARGET_BPM, le=MAX_TARGET_BPM)] | None = Field(
        None,
        description="Tempo to compose at, in beats per minute; with `musicUrl`, the tempo you expect it to have.",
    )
    captions: (
        Annotated[str, Field(max_length=MAX_CAPTION_CHARS), _NoControls, AfterValidator(_not_blank)]
        | None
    ) = Field(None, description="Text drawn on the opening, in any script.")

    def as_options(self) -> MontageOptions:
        """The same in the words of the rooms below."""
        return MontageOptions(
            hook_clip=self.hook_clip,
            must_use=tuple(dict.fromkeys(self.must_use)),
            exclude=tuple(dict.fromkeys(self.exclude)),
            music_url=self.music_url,
            target_bpm=self.target_bpm,
            captions=self.captions,
        )


class WishesOut(ApiModel):
    """What was wished for beside clips, style, format and length."""

    hook_clip: str | None
    must_use: list[str]
    exclude: list[str]
    music_url: str | None
    target_bpm: int | None
    captions: str | None


class NewContentItemBody(WishesBody):
    """A Reel to make from these clips."""

    type: ContentType = Field(description="What to make.")
    title: (
        Annotated[str, Field(max_length=MAX_TITLE_CHARS), _NoControls, AfterValidator(_not_blank)]
        | None
    ) = Field(None, description="Shown in the library.")
    clip_urls: list[_Url] = Field(
        min_length=1, description="Raw clips: https:// URLs, or `clipUrl`s of POST /api/uploads."
    )
    style: StyleName = Field(description="How the edit and the music should feel.")
    format: Format = Field(
        description="Shape: reel 1080×1920, feed 1080×1350, square 1080×1080, landscape 1920×1080."
    )
    duration_sec: StrictInt = Field(
        ge=MIN_DURATION_S, le=MAX_DURATION_S, description="Length of the finished Reel, in seconds."
    )

    def as_document(self) -> NewContentItem:
        """The same in the words of the rooms below."""
        return NewContentItem(
            type=self.type,
            title=self.title,
            clip_urls=tuple(self.clip_urls),
            style=self.style,
            format=self.format,
            duration_s=self.duration_sec,
            options=self.as_options(),
        )


class AcceptedOut(ApiModel):
    """The request is stored; poll the item's status."""

    id: UUID = Field(description="The content item.")
    request_id: UUID = Field(description="This click; it is the partition key in Dagster.")
    status: Literal[ContentStatus.GENERATING] = Field(
        description="Always `generating` at this moment."
    )

    @classmethod
    def of(cls, created: CreatedRequest) -> Self:
        """The answer to a click.

        A replay gives the first answer, whatever has become of the item since.
        """
        return cls(
            id=created.content_item_id,
            request_id=created.request_id,
            status=ContentStatus.GENERATING,
        )


class FailureOut(ApiModel):
    """Why a generation failed, once every retry was spent."""

    code: str = Field(description="Stable, for programs.")
    message: str = Field(description="For people: what is wrong and what to do.")
    step: Step | None = Field(description="The step that failed; null when none had begun.")
    attempts: int = Field(description="How often the step was tried.")
    run_id: str | None = Field(description="The Dagster run.")
    details: dict[str, Any] = Field(description="Facts that belong to the code.")

    @classmethod
    def of(cls, error: dict[str, Any] | None) -> Self | None:
        """The stored failure, if there is one."""
        if error is None:
            return None
        return cls(
            code=error["code"],
            message=error["message"],
            step=error.get("step"),
            attempts=error.get("attempts", 1),
            run_id=error.get("run_id"),
            details=error.get("details") or {},
        )


class StatusOut(ApiModel):
    """Where a content item stands: what a waiting client polls."""

    id: UUID
    status: ContentStatus = Field(
        description="`draft` with a `generatedMediaUrl` is the finished state."
    )
    progress_step: Step | None = Field(description="The step that was last reported.")
    progress_percent: int = Field(ge=0, le=100)
    generated_media_url: str | None = Field(
        description="The finished Reel; while another is being generated, the one before."
    )
    music_url: str | None
    poster_url: str | None
    error: FailureOut | None
    updated_at: Moment

    @classmethod
    def of(cls, item: ContentItem, fresh_url: FreshUrl) -> Self:
        """The status part of an item."""
        return cls(
            id=item.id,
            status=item.status,
            progress_step=item.progress_step,
            progress_percent=item.progress_percent,
            generated_media_url=fresh_url(item.generated_media_url),
            music_url=fresh_url(item.music_url),
            poster_url=fresh_url(item.poster_url),
            error=FailureOut.of(item.error),
            updated_at=item.updated_at,
        )


class OriginalityPartOut(ApiModel):
    """One thing that makes a Reel original, with what cost it points."""

    name: str
    score: float = Field(description="0 to 1.")
    weight: float = Field(description="How much it counts beside the other parts.")
    note: str


class OriginalityOut(ApiModel):
    """How little the newest Reel repeats: itself, earlier Reels of its owner, other publications."""

    score: float = Field(description="0 to 1: the weighted mean of the parts.")
    parts: list[OriginalityPartOut]


class ContentItemOut(StatusOut):
    """A content item as its owner sees it."""

    type: ContentType
    title: str | None
    style: str
    format: Format
    duration_sec: int = Field(description="Length asked for, in seconds.")
    clip_urls: list[str]
    wishes: WishesOut = Field(
        description="Of the newest request; they stand for the next one that is sent without a body."
    )
    warnings: list[str] = Field(description="What the person should know of the newest Reel.")
    originality: OriginalityOut | None = Field(
        description="How original the newest Reel is; null before there is one."
    )
    created_at: Moment

    @classmethod
    def of(cls, item: ContentItem, fresh_url: FreshUrl) -> Self:
        """The whole item."""
        return cls(
            **dict(StatusOut.of(item, fresh_url)),
            type=item.type,
            title=item.title,
            style=item.style,
            format=item.format,
            duration_sec=item.duration_s,
            clip_urls=list(item.clip_urls),
            wishes=WishesOut.model_validate(item.options.model_dump(mode="json")),
            warnings=list(item.warnings),
            originality=None
            if item.originality is None
            else OriginalityOut.model_validate(item.originality),
            created_at=item.created_at,
        )


class ContentItemsOut(ApiModel):
    """One page of a user's items, newest first."""

    items: list[ContentItemOut]
    next_before: Moment | None = Field(
        description="Send as `before` for the next page; null on the last one."
    )


class UploadBody(ApiModel):
    """A clip, or the user's own music, about to be uploaded."""

    file_name: Annotated[str, Field(min_length=1, max_length=MAX_FILE_NAME_CHARS), _NoControls] = (
        Field(
            description="Name of the person's file; only its letters, digits, dots and dashes are kept."
        )
    )
    content_type: str = Field(
        pattern=r"^(video|audio)/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$",
        description="Its type; the PUT must send the same.",
        examples=["video/mp4"],
    )
    bytes: StrictInt = Field(ge=1, description="Its exact size; the PUT must send as many.")


class UploadOut(ApiModel):
    """Where to PUT the clip, and what to name it afterwards."""

    upload_url: str = Field(description="Takes the bytes until `expiresAt`; keep it secret.")
    clip_url: str = Field(
        description="What to send in `clipUrls`, or as `musicUrl`, once the PUT has succeeded."
    )
    method: Literal["PUT"]
    headers: dict[str, str] = Field(
        description="Headers the PUT must send, exactly; Content-Length is set by every client by itself."
    )
    expires_at: Moment


class CostRowOut(ApiModel):
    """One paid call."""

    id: UUID
    service: Service
    endpoint: str
    cost_usd: Usd
    state: CostState = Field(
        description="`settled` from the provider's usage, `pending` while it is not known, `estimated` when it never came."
    )
    usage: dict[str, Any] = Field(description="What the provider counted.")
    created_at: Moment
    montage_request_id: UUID | None


class CostsOut(ApiModel):
    """What a user's Reels cost in paid calls."""

    since: Moment | None
    total_usd: Usd
    by_service: dict[Service, Usd] = Field(description="Services without a call are left out.")
    rows: list[CostRowOut] = Field(description="Newest first.")

    @classmethod
    def of(cls, costs: UserCosts) -> Self:
        """The report in the words of the wire."""
        rows = [CostRowOut(**dict(row)) for row in costs.rows]
        return cls(
            since=costs.since, total_usd=costs.total_usd, by_service=costs.by_service, rows=rows
        )
