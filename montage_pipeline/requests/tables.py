"""The tables of the product, as SQLAlchemy sees them; migrations make them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    Double,
    Enum,
    FetchedValue,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from montage_pipeline.requests.model import MAX_EMAIL_CHARS, MAX_TITLE_CHARS
from montage_pipeline.vocabulary import (
    ContentStatus,
    ContentType,
    CostState,
    DeliveryState,
    Format,
    RequestState,
    Service,
    Step,
)

_USD = Numeric(20, 12)
"""The cheapest priced token costs 5e-9 USD; six decimals would round real charges to nothing."""


def _enum(kind: type[StrEnum], name: str) -> Enum:
    return Enum(
        kind, name=name, values_callable=lambda members: [member.value for member in members]
    )


class Base(DeclarativeBase):
    """Gives constraints predictable names, so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


class UserRow(Base):
    """A person who asks for Reels and is charged for them."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    email: Mapped[str] = mapped_column(String(MAX_EMAIL_CHARS))
    # What may be spent for this user, instead of what the settings say; null: as they say.
    budget_request_usd: Mapped[Decimal | None] = mapped_column(_USD)
    budget_day_usd: Mapped[Decimal | None] = mapped_column(_USD)
    budget_month_usd: Mapped[Decimal | None] = mapped_column(_USD)
    # When a request of theirs last started: users who all wait take turns.
    last_started_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ContentItemRow(Base):
    """A Reel in the user's library, from the first request to the finished media."""

    __tablename__ = "content_items"
    __table_args__ = (Index("ix_content_items_user_id_created_at", "user_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    type: Mapped[ContentType] = mapped_column(_enum(ContentType, "content_type"))
    status: Mapped[ContentStatus] = mapped_column(
        _enum(ContentStatus, "content_status"), server_default=ContentStatus.DRAFT.value
    )
    title: Mapped[str | None] = mapped_column(String(MAX_TITLE_CHARS))
    style: Mapped[str] = mapped_column(String(40))
    format: Mapped[Format] = mapped_column(_enum(Format, "montage_format"))
    duration_sec: Mapped[int] = mapped_column(SmallInteger)
    clip_urls: Mapped[list[str]]
    generated_media_url: Mapped[str | None] = mapped_column(Text)
    music_url: Mapped[str | None] = mapped_column(Text)
    poster_url: Mapped[str | None] = mapped_column(Text)
    # What could be the poster of the newest Reel, as `CoverImage`.
    covers: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'::jsonb"))
    # The files it was delivered as, as `Rendition`.
    renditions: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'::jsonb"))
    progress_step: Mapped[Step | None] = mapped_column(_enum(Step, "montage_step"))
    progress_percent: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    progress_detail: Mapped[str | None] = mapped_column(Text)
    error: Mapped[dict[str, Any] | None]
    warnings: Mapped[list[str]] = mapped_column(server_default=text("'[]'::jsonb"))
    # What became of each clip, as `ClipReport`.
    clips: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'::jsonb"))
    # The tries of its newest request's steps that failed, as `Try`.
    tries: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'::jsonb"))
    # Score and parts of the newest Reel, as the planner's report has them.
    originality: Mapped[dict[str, Any] | None]
    # Counts the changes of the row; a trigger keeps it, and announces each change.
    revision: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # The request whose plan lies ready in the object store, and since which revision.
    planned_request_id: Mapped[UUID | None]
    plan_revision: Mapped[int | None] = mapped_column(BigInteger)
    # The request that made the Reel it has.
    reel_request_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MontageRequestRow(Base):
    """One request for a Reel of an item."""

    __tablename__ = "montage_requests"
    __table_args__ = (
        UniqueConstraint("user_id", "idempotency_key"),
        UniqueConstraint("partition_key"),
        # At most one request of an item is under way, whatever races happen.
        Index(
            "uq_montage_requests_active_item",
            "content_item_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        Index("ix_montage_requests_state_created_at", "state", "created_at"),
        Index("ix_montage_requests_finished_at", "finished_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    content_item_id: Mapped[UUID] = mapped_column(
        ForeignKey("content_items.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # What its partition is called in Dagster; a trigger makes it when the row is made.
    partition_key: Mapped[str] = mapped_column(String(100), server_default=FetchedValue())
    clip_urls: Mapped[list[str]]
    style: Mapped[str] = mapped_column(String(40))
    format: Mapped[Format] = mapped_column(_enum(Format, "montage_format"))
    duration_sec: Mapped[int] = mapped_column(SmallInteger)
    # The user's wishes, as `MontageOptions`; only what was wished for.
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    # The request whose plan it renders, and which variant of that; null: it plans itself.
    plan_request_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("montage_requests.id", ondelete="SET NULL"), index=True
    )
    variant: Mapped[int | None] = mapped_column(SmallInteger)
    # The request whose edit this one changes, and how, as `segment_changes.model`; null: neither.
    base_request_id: Mapped[UUID | None]
    changes: Mapped[list[dict[str, Any]] | None]
    state: Mapped[RequestState] = mapped_column(
        _enum(RequestState, "request_state"), server_default=RequestState.QUEUED.value
    )
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    run_id: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[dict[str, Any] | None]
    # Runs whose process was lost since a person last asked for it.
    lost_runs: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    # Which of the queue goes first, as `queue.turns` has it; triggers announce each change of state
    # that there is something to start after.
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    # A queued request waits until then: whatever it stumbled over may have passed.
    not_before: Mapped[datetime | None]
    # Seconds each step took in the run that finished it, by step name.
    step_seconds: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    # What the run that finished it measured beside that, as `RunMeasures`.
    measures: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    # The trace that the click began, as W3C Trace Context has it.
    traceparent: Mapped[str | None] = mapped_column(String(55))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    idempotency_digest: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class KeptValueRow(Base):
    """A value of a request that a later one may use again, by what it was made from."""

    __tablename__ = "kept_values"
    __table_args__ = (
        Index("ix_kept_values_user_id_step_asked", "user_id", "step", "asked"),
        Index("ix_kept_values_user_id_step_clips", "user_id", "step", "clips"),
    )

    montage_request_id: Mapped[UUID] = mapped_column(
        ForeignKey("montage_requests.id", ondelete="CASCADE"), primary_key=True
    )
    step: Mapped[Step] = mapped_column(_enum(Step, "montage_step"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    asked: Mapped[str] = mapped_column(String(64))
    clips: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RunHeartbeatRow(Base):
    """When a run was last known to live, whatever Dagster believes of it."""

    __tablename__ = "run_heartbeats"

    run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    montage_request_id: Mapped[UUID] = mapped_column(
        ForeignKey("montage_requests.id", ondelete="CASCADE"), index=True
    )
    beat_at: Mapped[datetime]


class CallRateRow(Base):
    """When everything that a caller of the API has sent would have been due at an even pace.

    The table is not logged: a crash forgets a minute of counting.
    """

    __tablename__ = "call_rates"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(index=True)


class ApiCostLogRow(Base):
    """One paid call. Written before the call is sent, settled when its usage is known."""

    __tablename__ = "api_cost_logs"
    __table_args__ = (
        UniqueConstraint("service", "provider_request_id"),
        Index("ix_api_cost_logs_user_id_created_at", "user_id", "created_at"),
        Index("ix_api_cost_logs_created_at", "created_at"),
        Index(
            "ix_api_cost_logs_montage_request_id_fingerprint", "montage_request_id", "fingerprint"
        ),
        Index("ix_api_cost_logs_pending", "updated_at", postgresql_where=text("state = 'pending'")),
        # By UTC day, as the views for analysts have it.
        Index("ix_api_cost_logs_day", text("((created_at AT TIME ZONE 'UTC')::date)")),
        Index("ix_api_cost_logs_updated_at", "updated_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    service: Mapped[Service] = mapped_column(_enum(Service, "cost_service"))
    endpoint: Mapped[str] = mapped_column(String(255))
    cost_usd: Mapped[Decimal] = mapped_column(_USD, server_default="0")
    # What it was predicted to cost before it was sent; null in rows from before that was kept.
    predicted_usd: Mapped[Decimal | None] = mapped_column(_USD)
    state: Mapped[CostState] = mapped_column(
        _enum(CostState, "cost_state"), server_default=CostState.PENDING.value
    )
    montage_request_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("montage_requests.id", ondelete="SET NULL")
    )
    run_id: Mapped[str | None] = mapped_column(String(64))
    asset: Mapped[str | None] = mapped_column(String(64))
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    provider_request_id: Mapped[str | None] = mapped_column(String(255))
    usage: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    price_version: Mapped[str | None] = mapped_column(String(64))
    # Set right before the bytes go out: a row that has none was never sent.
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SeenSegmentRow(Base):
    """Footage that a delivered Reel shows: the user's next Reels can show something else."""

    __tablename__ = "seen_segments"
    __table_args__ = (
        Index("ix_seen_segments_user_id_shown_at", "user_id", "shown_at"),
        Index("ix_seen_segments_user_id_sha256_shown_at", "user_id", "sha256", "shown_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    montage_request_id: Mapped[UUID] = mapped_column(
        ForeignKey("montage_requests.id", ondelete="CASCADE"), index=True
    )
    sha256: Mapped[str] = mapped_column(String(64))
    start_s: Mapped[float] = mapped_column(Double)
    end_s: Mapped[float] = mapped_column(Double)
    # The 64 bits of the moment's fingerprint, as a signed number.
    fingerprint: Mapped[int | None] = mapped_column(BigInteger)
    shown_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BudgetAlertRow(Base):
    """A budget that is nearly or wholly used up. Kept until the webhook has taken it."""

    __tablename__ = "budget_alerts"
    __table_args__ = (
        # One alert of a kind for a window, whoever notices first; a new limit may be told of again.
        UniqueConstraint("budget", "subject", "window_start", "percent", "limit_usd"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    budget: Mapped[str] = mapped_column(String(40))
    # The id of the user or the request whose budget it is; empty for the installation's.
    subject: Mapped[str] = mapped_column(String(64))
    window_start: Mapped[datetime]
    percent: Mapped[int] = mapped_column(SmallInteger)
    limit_usd: Mapped[Decimal] = mapped_column(_USD)
    spent_usd: Mapped[Decimal] = mapped_column(_USD)
    deliveries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    delivered_at: Mapped[datetime | None]


class OperatorSwitchRow(Base):
    """Something that whoever runs the product has turned off, or on again, for every process."""

    __tablename__ = "operator_switches"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    is_on: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text, server_default="")
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebhookRow(Base):
    """Where a user wants to be told what became of their Reels, and the secret it is signed with.

    After a change of the secret messages are signed with the previous one as well, for a while.
    """

    __tablename__ = "webhooks"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(80))
    previous_secret: Mapped[str | None] = mapped_column(String(80))
    previous_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebhookDeliveryRow(Base):
    """A message for a user's webhook: written in the transaction that it tells of, sent later."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_user_id_created_at", "user_id", "created_at"),
        Index(
            "ix_webhook_deliveries_pending",
            "next_attempt_at",
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # Without a foreign key: what was sent stays listed after its item is deleted.
    content_item_id: Mapped[UUID]
    event: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]
    state: Mapped[DeliveryState] = mapped_column(
        _enum(DeliveryState, "delivery_state"), server_default=DeliveryState.PENDING.value
    )
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    answer_status: Mapped[int | None] = mapped_column(SmallInteger)
    problem: Mapped[str | None] = mapped_column(Text)
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ObjectPurgeRow(Base):
    """Objects that a deleted item leaves behind, by the beginning of their keys."""

    __tablename__ = "object_purges"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    prefix: Mapped[str] = mapped_column(Text)
    sweeps_left: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
