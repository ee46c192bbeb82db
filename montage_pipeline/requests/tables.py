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
    Format,
    RequestState,
    Service,
    Step,
)


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
    progress_step: Mapped[Step | None] = mapped_column(_enum(Step, "montage_step"))
    progress_percent: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    progress_detail: Mapped[str | None] = mapped_column(Text)
    error: Mapped[dict[str, Any] | None]
    warnings: Mapped[list[str]] = mapped_column(server_default=text("'[]'::jsonb"))
    # What became of each clip, as `ClipReport`.
    clips: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'::jsonb"))
    # Score and parts of the newest Reel, as the planner's report has them.
    originality: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MontageRequestRow(Base):
    """One request for a Reel of an item; its id is the partition key."""

    __tablename__ = "montage_requests"
    __table_args__ = (
        UniqueConstraint("user_id", "idempotency_key"),
        # At most one request of an item is under way, whatever races happen.
        Index(
            "uq_montage_requests_active_item",
            "content_item_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        Index("ix_montage_requests_state_created_at", "state", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    content_item_id: Mapped[UUID] = mapped_column(
        ForeignKey("content_items.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    clip_urls: Mapped[list[str]]
    style: Mapped[str] = mapped_column(String(40))
    format: Mapped[Format] = mapped_column(_enum(Format, "montage_format"))
    duration_sec: Mapped[int] = mapped_column(SmallInteger)
    # The user's wishes, as `MontageOptions`; only what was wished for.
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    state: Mapped[RequestState] = mapped_column(
        _enum(RequestState, "request_state"), server_default=RequestState.QUEUED.value
    )
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    run_id: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[dict[str, Any] | None]
    # Runs whose process was lost since a person last asked for it.
    lost_runs: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    # A queued request waits until then: whatever it stumbled over may have passed.
    not_before: Mapped[datetime | None]
    # Seconds each step took in the run that finished it, by step name.
    step_seconds: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    idempotency_digest: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RunHeartbeatRow(Base):
    """When a run was last known to live, whatever Dagster believes of it."""

    __tablename__ = "run_heartbeats"

    run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    montage_request_id: Mapped[UUID] = mapped_column(
        ForeignKey("montage_requests.id", ondelete="CASCADE"), index=True
    )
    beat_at: Mapped[datetime]


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
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    service: Mapped[Service] = mapped_column(_enum(Service, "cost_service"))
    endpoint: Mapped[str] = mapped_column(String(255))
    # The cheapest priced token costs 5e-9 USD; six decimals would round real charges to nothing.
    cost_usd: Mapped[Decimal] = mapped_column(Numeric(20, 12), server_default="0")
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
