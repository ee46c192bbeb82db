"""Variants of an edit: which plan a request renders, what an item was delivered as, and which
values of earlier requests may be used again.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_STEP = postgresql.ENUM(name="montage_step", create_type=False)


def upgrade() -> None:
    op.add_column("montage_requests", sa.Column("plan_request_id", sa.Uuid()))
    op.add_column("montage_requests", sa.Column("variant", sa.SmallInteger()))
    op.create_foreign_key(
        "fk_montage_requests_plan_request_id_montage_requests",
        "montage_requests",
        "montage_requests",
        ["plan_request_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index("ix_montage_requests_plan_request_id", "montage_requests", ["plan_request_id"])
    op.add_column(
        "content_items",
        sa.Column(
            "renditions", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.create_table(
        "kept_values",
        sa.Column("montage_request_id", sa.Uuid(), nullable=False),
        sa.Column("step", _STEP, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("asked", sa.String(64), nullable=False),
        sa.Column("clips", sa.String(64), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("montage_request_id", "step", name="pk_kept_values"),
        sa.ForeignKeyConstraint(
            ["montage_request_id"],
            ["montage_requests.id"],
            name="fk_kept_values_montage_request_id_montage_requests",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_kept_values_user_id_users", ondelete="CASCADE"
        ),
    )
    for column in ("asked", "clips"):
        op.create_index(
            f"ix_kept_values_user_id_step_{column}", "kept_values", ["user_id", "step", column]
        )


def downgrade() -> None:
    op.drop_table("kept_values")
    op.drop_column("content_items", "renditions")
    op.drop_index("ix_montage_requests_plan_request_id", "montage_requests")
    for column in ("variant", "plan_request_id"):
        op.drop_column("montage_requests", column)
