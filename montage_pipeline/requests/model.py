"""The documents this room takes and gives: items, requests, and why one failed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from montage_pipeline.errors import ErrorCode
from montage_pipeline.records import Record
from montage_pipeline.requests.edit_view import CoverImage
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.segment_changes.model import Change
from montage_pipeline.requests.variants.model import ChosenPlan, Rendition
from montage_pipeline.rules import MAX_DURATION_S, MIN_DURATION_S
from montage_pipeline.styles import StyleName
from montage_pipeline.vocabulary import ContentStatus, ContentType, Format, RequestState, Step

MAX_TITLE_CHARS = 200
"""What the library shows without cutting it."""

MAX_DETAIL_CHARS = 300
"""A file name has at most 255, and a few words go with it."""

MAX_EMAIL_CHARS = 320
"""RFC 3696: 64 for the name, 255 for the domain, and the @."""


class NewContentItem(Record):
    """What a user asks for when they make a new item."""

    type: ContentType = ContentType.REEL
    title: str | None = Field(None, max_length=MAX_TITLE_CHARS)
    clip_urls: tuple[str, ...] = Field(min_length=1)
    style: StyleName
    format: Format
    duration_s: int = Field(ge=MIN_DURATION_S, le=MAX_DURATION_S)
    options: MontageOptions = MontageOptions()


class WantedChanges(Record):
    """Changes of the edit that a request made; with none of them, that edit once more."""

    base_request_id: UUID
    changes: tuple[Change, ...]


class CreatedRequest(Record):
    """The answer to a request. `replayed`: the same idempotency key had made it before."""

    content_item_id: UUID
    request_id: UUID
    partition_key: str
    status: ContentStatus
    replayed: bool = False


class RequestFailure(Record):
    """What is stored in `error` once every retry is spent.

    `clips` is stored beside it: what is known of every clip.
    """

    code: ErrorCode
    message: str
    step: Step | None
    attempts: int
    run_id: str | None
    details: dict[str, Any] = Field(default_factory=dict)
    clips: tuple[ClipReport, ...] = ()


class ContentItem(Record):
    """A content item as its owner sees it. `request_id` is its newest request, `options` are the
    wishes of that.

    `clips` says what became of each clip in the newest Reel; empty before there is one.
    `progress_detail` says in words what the step is at. `tries` are the tries of its newest
    request's steps that failed, as `requests.attempts.tries.Try`. `revision` grows with every
    change; `planned_request_id` is the request whose plan is ready, since `plan_revision`;
    `reel_request_id` is the one that made the Reel.
    `renditions` are the files it was delivered as.
    """

    id: UUID
    user_id: UUID
    type: ContentType
    title: str | None
    status: ContentStatus
    style: str
    format: Format
    duration_s: int
    clip_urls: tuple[str, ...]
    options: MontageOptions
    generated_media_url: str | None
    music_url: str | None
    poster_url: str | None
    covers: tuple[CoverImage, ...] = ()
    renditions: tuple[Rendition, ...] = ()
    progress_step: Step | None
    progress_percent: int
    progress_detail: str | None = None
    clips: tuple[ClipReport, ...] = ()
    error: dict[str, Any] | None
    warnings: tuple[str, ...]
    tries: tuple[dict[str, Any], ...] = ()
    originality: dict[str, Any] | None
    revision: int = 0
    request_id: UUID | None = None
    planned_request_id: UUID | None = None
    plan_revision: int | None = None
    reel_request_id: UUID | None = None
    created_at: datetime
    updated_at: datetime


class ItemFilter(Record):
    """Which items of a library are wanted; what is None does not matter.

    `since` is the earliest moment they were made at.
    """

    status: ContentStatus | None = None
    style: str | None = None
    since: datetime | None = None


class MontageRequest(Record):
    """One request for a Reel: a snapshot of what was asked, and where it stands.

    `partition_key` is what Dagster calls it; `lost_runs` of its runs died without a word. With
    `chosen` it renders the plan of an earlier request; one that changes the edit of another, its
    base, has `changes`. `traceparent` is where its trace goes on from.
    """

    id: UUID
    content_item_id: UUID
    user_id: UUID
    partition_key: str
    clip_urls: tuple[str, ...]
    style: str
    format: Format
    duration_s: int
    options: MontageOptions
    base_request_id: UUID | None = None
    changes: tuple[Change, ...] = ()
    state: RequestState
    attempt: int
    run_id: str | None
    lost_runs: int = 0
    error: dict[str, Any] | None
    step_seconds: dict[str, float]
    traceparent: str | None = None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    chosen: ChosenPlan | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that are asked for: where only a plan is, those up to it."""
        every = tuple(Step)
        return every[: every.index(Step.EDIT_TIMELINE) + 1] if self.options.plan_only else every

    @property
    def formats(self) -> tuple[Format, ...]:
        """Every shape its edit is delivered in, its own first."""
        return tuple(dict.fromkeys((self.format, *self.options.formats)))
