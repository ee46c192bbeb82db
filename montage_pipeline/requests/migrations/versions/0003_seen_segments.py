"""What delivered Reels showed, and how original the newest Reel of an item is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("content_items", sa.Column("originality", postgresql.JSONB()))
    op.create_table(
        "seen_segments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("montage_request_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger()),
        sa.Column(
            "shown_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name="pk_seen_segments"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_seen_segments_user_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["montage_request_id"],
            ["montage_requests.id"],
            name="fk_seen_segments_montage_request_id_montage_requests",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_seen_segments_user_id_shown_at", "seen_segments", ["user_id", "shown_at"])
    op.create_index(
        "ix_seen_segments_user_id_sha256_shown_at",
        "seen_segments",
        ["user_id", "sha256", "shown_at"],
    )
    op.create_index("ix_seen_segments_montage_request_id", "seen_segments", ["montage_request_id"])


def downgrade() -> None:
    op.drop_table("seen_segments")
    op.drop_column("content_items", "originality")
