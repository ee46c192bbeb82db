"""The bodies that the service answers with, and how documents of the rooms below become them."""

from collections.abc import Callable
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from montage_pipeline.api.schemas.base import ApiModel, Timestamp, Usd
from montage_pipeline.costs.reports import UserCosts
from montage_pipeline.requests.attempts.tries import Try
from montage_pipeline.requests.model import ContentItem, CreatedRequest
from montage_pipeline.requests.variants.model import Rendition
from montage_pipeline.vocabulary import (
    ContentStatus,
    ContentType,
    CostState,
    Format,
    Look,
    Service,
    Step,
)

FreshUrl = Callable[[str | None], str | None]
"""Turns a stored media URL into one that works now."""


class WishesOut(ApiModel):
    """What was wished for beside clips, style, format and length."""

    hook_clip: str | None
    must_use: list[str]
    exclude: list[str]
    music_url: str | None
    target_bpm: int | None
    captions: str | None
    look: Look
    short_cuts: bool
    prompt: str | None
    keep_music: bool
    variants: int
    plan_only: bool
    preview: bool
    formats: list[Format]


class RenditionOut(ApiModel):
    """A file that the item was delivered as."""

    format: Format
    preview: bool = Field(description="A draft of half the size, not the Reel.")
    width: int
    height: int
    bytes: int
    url: str
    poster_url: str
    request_id: UUID = Field(description="The request that rendered it.")

    @classmethod
    def of(cls, file: Rendition, fresh_url: FreshUrl) -> Self:
        """The stored rendition with links."""
        links = {name: fresh_url(getattr(file, name)) for name in ("url", "poster_url")}
        return cls.model_validate(file.model_dump() | links)


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
        description="`draft` with a `generatedMediaUrl` is the finished state; without one, what "
        "was asked for is a plan (`planRequestId`) or a preview (`renditions`)."
    )
    progress_step: Step | None = Field(description="The step that was last reported.")
    progress_percent: int = Field(ge=0, le=100)
    progress_detail: str | None = Field(
        description="What the step is at, in words: which clips it looks at, say."
    )
    generated_media_url: str | None = Field(
        description="The finished Reel; while another is being generated, the one before."
    )
    music_url: str | None
    poster_url: str | None
    renditions: list[RenditionOut] = Field(
        description="The newest Reel in every format that was asked for, its own first; then "
        "previews made since."
    )
    request_id: UUID | None = Field(
        description="The newest request: the one that is being made, or was made or failed last."
    )
    reel_request_id: UUID | None = Field(
        description="The request that made `generatedMediaUrl`: `…/artefacts?requestId=` has its "
        "edit, whatever was planned since. Null before there is one."
    )
    plan_request_id: UUID | None = Field(
        description="The request whose plan can be looked at (`…/variants`, `…/artefacts`); "
        "null before. It is an earlier one until `requestId` is planned, too."
    )
    error: FailureOut | None
    updated_at: Timestamp

    @classmethod
    def of(cls, item: ContentItem, fresh_url: FreshUrl) -> Self:
        """The status part of an item."""
        return cls(
            id=item.id,
            status=item.status,
            progress_step=item.progress_step,
            progress_percent=item.progress_percent,
            progress_detail=item.progress_detail,
            generated_media_url=fresh_url(item.generated_media_url),
            music_url=fresh_url(item.music_url),
            poster_url=fresh_url(item.poster_url),
            renditions=[RenditionOut.of(file, fresh_url) for file in item.renditions],
            request_id=item.request_id,
            reel_request_id=item.reel_request_id,
            plan_request_id=item.planned_request_id,
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
    """How little the newest Reel repeats itself, earlier Reels, and other publications."""

    score: float = Field(description="0 to 1: the weighted mean of the parts.")
    parts: list[OriginalityPartOut]


class ShownSpanOut(ApiModel):
    """A span of a clip, in seconds of the clip, and where in the Reel it begins."""

    start_s: float = Field(alias="startSec")
    end_s: float = Field(alias="endSec")
    reel_s: float = Field(alias="reelSec")


class ClipOut(ApiModel):
    """What became of a clip: it is shown, with its segments, or not, with a reason."""

    url: str = Field(description="The clip's address, without its query.")
    name: str = Field(description="The file's name, decoded.")
    segments: list[ShownSpanOut] = Field(description="In the order of the Reel.")
    reason: str | None = Field(description="Why nothing of it is shown; null when something is.")


class TryOut(ApiModel):
    """One try of a step that failed."""

    step: Step
    number: int = Field(description="Which try of this step it was.")
    code: str = Field(description="Stable, for programs.")
    message: str = Field(description="For people: why it failed.")
    at: Timestamp

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """A stored `Try`, without the run it was made in, which is Dagster's business."""
        failed = Try.model_validate(stored)
        return cls(
            step=failed.step,
            number=failed.number,
            code=failed.code,
            message=failed.message,
            at=failed.at,
        )


class ContentItemOut(StatusOut):
    """A content item as its owner sees it."""

    type: ContentType
    title: str | None
    style: str
    format: Format
    duration_sec: int = Field(description="Length asked for, in seconds.")
    clip_urls: list[str]
    wishes: WishesOut = Field(
        description="Of the newest request, unless it was a change that failed; they stand for the "
        "next one that is sent without a body."
    )
    warnings: list[str] = Field(description="What the person should know of the newest Reel.")
    tries: list[TryOut] = Field(
        description="Tries of the newest request's steps that failed, in order, with the cause of "
        "each; also of those that a later try made good."
    )
    clips: list[ClipOut] = Field(
        description="Every clip of the newest Reel, or of the newest failure where clips are why; "
        "empty before."
    )
    originality: OriginalityOut | None = Field(
        description="How original the newest Reel is; null before there is one."
    )
    created_at: Timestamp

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
            tries=[TryOut.of(failed) for failed in item.tries],
            clips=[ClipOut.model_validate(clip.model_dump()) for clip in item.clips],
            originality=(
                None
                if item.originality is None
                else OriginalityOut.model_validate(item.originality)
            ),
            created_at=item.created_at,
        )


class ContentItemsOut(ApiModel):
    """One page of a user's items, newest first."""

    items: list[ContentItemOut]
    next_before: Timestamp | None = Field(
        description="Send as `before` for the next page; null on the last one."
    )


class UploadOut(ApiModel):
    """Where to PUT the clip, and what to name it afterwards."""

    upload_url: str = Field(description="Takes the bytes until `expiresAt`; keep it secret.")
    clip_url: str = Field(
        description="What to send in `clipUrls`, or as `musicUrl`, once the PUT has succeeded."
    )
    method: Literal["PUT"]
    headers: dict[str, str] = Field(
        description="Headers the PUT must send, exactly; Content-Length is set by every client by "
        "itself."
    )
    expires_at: Timestamp


class CostRowOut(ApiModel):
    """One paid call."""

    id: UUID
    service: Service
    endpoint: str
    cost_usd: Usd
    state: CostState = Field(
        description="`settled` from the provider's usage, `pending` while it is not known, "
        "`estimated` when it never came."
    )
    predicted_usd: Usd | None = Field(
        description="What the call was predicted to cost before it was sent; null in old rows."
    )
    usage: dict[str, Any] = Field(
        description="What the provider counted; of a call whose end nobody saw, what was predicted."
    )
    created_at: Timestamp
    montage_request_id: UUID | None


class CostsOut(ApiModel):
    """What a user's Reels cost in paid calls."""

    since: Timestamp | None
    total_usd: Usd
    by_service: dict[Service, Usd] = Field(description="Services without a call are left out.")
    rows: list[CostRowOut] = Field(description="Newest first.")

    @classmethod
    def of(cls, costs: UserCosts) -> Self:
        """The report as an answer."""
        rows = [CostRowOut(**dict(row)) for row in costs.rows]
        return cls(
            since=costs.since, total_usd=costs.total_usd, by_service=costs.by_service, rows=rows
        )
