"""A heartbeat of every run; how many runs of a request died, and when it may be tried next."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_heartbeats",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("montage_request_id", sa.Uuid(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["montage_request_id"],
            ["montage_requests.id"],
            name="fk_run_heartbeats_montage_request_id_montage_requests",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_heartbeats"),
    )
    op.create_index(
        "ix_run_heartbeats_montage_request_id", "run_heartbeats", ["montage_request_id"]
    )
    op.add_column(
        "montage_requests",
        sa.Column("lost_runs", sa.SmallInteger(), server_default="0", nullable=False),
    )
    op.add_column("montage_requests", sa.Column("not_before", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("montage_requests", "not_before")
    op.drop_column("montage_requests", "lost_runs")
    op.drop_table("run_heartbeats")
