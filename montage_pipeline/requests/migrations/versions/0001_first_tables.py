"""Users, content items, montage requests and the ledger of paid calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ENUMS = {
    "content_type": ("reel",),
    "content_status": ("draft", "generating", "failed"),
    "montage_style": ("dynamic", "cinematic", "travel", "fitness", "food", "minimal"),
    "montage_format": ("reel", "feed", "square", "landscape"),
    "montage_step": (
        "clip_analysis",
        "music_track",
        "edit_timeline",
        "rendered_video",
        "r2_object",
    ),
    "request_state": ("queued", "running", "succeeded", "failed", "canceled"),
    "cost_service": ("fal", "ayrshare", "stripe", "claude", "instagram"),
    "cost_state": ("pending", "settled", "estimated"),
}


def _enum(name: str) -> postgresql.ENUM:
    return postgresql.ENUM(*_ENUMS[name], name=name, create_type=False)


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), nullable=False)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def upgrade() -> None:
    for name, values in _ENUMS.items():
        postgresql.ENUM(*values, name=name).create(op.get_bind())
    op.create_table(
        "users",
        _id(),
        sa.Column("email", sa.String(320), nullable=False),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )
    op.create_table(
        "content_items",
        _id(),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("type", _enum("content_type"), nullable=False),
        sa.Column("status", _enum("content_status"), server_default="draft", nullable=False),
        sa.Column("title", sa.String(200)),
        sa.Column("style", _enum("montage_style"), nullable=False),
        sa.Column("format", _enum("montage_format"), nullable=False),
        sa.Column("duration_sec", sa.SmallInteger(), nullable=False),
        sa.Column("clip_urls", postgresql.JSONB(), nullable=False),
        sa.Column("generated_media_url", sa.Text()),
        sa.Column("music_url", sa.Text()),
        sa.Column("poster_url", sa.Text()),
        sa.Column("progress_step", _enum("montage_step")),
        sa.Column("progress_percent", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("error", postgresql.JSONB()),
        sa.Column(
            "warnings", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_content_items"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_content_items_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_content_items_user_id_created_at", "content_items", ["user_id", "created_at"]
    )
    op.create_table(
        "montage_requests",
        _id(),
        sa.Column("content_item_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("clip_urls", postgresql.JSONB(), nullable=False),
        sa.Column("style", _enum("montage_style"), nullable=False),
        sa.Column("format", _enum("montage_format"), nullable=False),
        sa.Column("duration_sec", sa.SmallInteger(), nullable=False),
        sa.Column("state", _enum("request_state"), server_default="queued", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("error", postgresql.JSONB()),
        sa.Column(
            "step_seconds",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("idempotency_digest", sa.String(64)),
        _now("created_at"),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_montage_requests"),
        sa.ForeignKeyConstraint(
            ["content_item_id"],
            ["content_items.id"],
            name="fk_montage_requests_content_item_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_montage_requests_user_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "user_id", "idempotency_key", name="uq_montage_requests_user_id_idempotency_key"
        ),
    )
    op.create_index("ix_montage_requests_content_item_id", "montage_requests", ["content_item_id"])
    op.create_index(
        "ix_montage_requests_state_created_at", "montage_requests", ["state", "created_at"]
    )
    op.create_index(
        "uq_montage_requests_active_item",
        "montage_requests",
        ["content_item_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "api_cost_logs",
        _id(),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("service", _enum("cost_service"), nullable=False),
        sa.Column("endpoint", sa.String(255), nullable=False),
        sa.Column("cost_usd", sa.Numeric(20, 12), server_default="0", nullable=False),
        sa.Column("state", _enum("cost_state"), server_default="pending", nullable=False),
        sa.Column("montage_request_id", sa.Uuid()),
        sa.Column("run_id", sa.String(64)),
        sa.Column("asset", sa.String(64)),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("provider_request_id", sa.String(255)),
        sa.Column(
            "usage", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("price_version", sa.String(64)),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_api_cost_logs"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_api_cost_logs_user_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["montage_request_id"],
            ["montage_requests.id"],
            name="fk_api_cost_logs_montage_request_id",
            ondelete="SET NULL",
        ),
        sa.UniqueConstraint(
            "service", "provider_request_id", name="uq_api_cost_logs_service_provider_request_id"
        ),
    )
    op.create_index(
        "ix_api_cost_logs_user_id_created_at", "api_cost_logs", ["user_id", "created_at"]
    )
    op.create_index("ix_api_cost_logs_created_at", "api_cost_logs", ["created_at"])
    op.create_index(
        "ix_api_cost_logs_montage_request_id_fingerprint",
        "api_cost_logs",
        ["montage_request_id", "fingerprint"],
    )


def downgrade() -> None:
    for table in ("api_cost_logs", "montage_requests", "content_items", "users"):
        op.drop_table(table)
    for name in _ENUMS:
        postgresql.ENUM(name=name).drop(op.get_bind())
