"""What analysts and metrics look up: calls by day and by change, requests by when they ended, what
a run measured, and the trace that a click began.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_api_cost_logs_day",
        "api_cost_logs",
        [sa.text("((created_at AT TIME ZONE 'UTC')::date)")],
    )
    op.create_index("ix_api_cost_logs_updated_at", "api_cost_logs", ["updated_at"])
    op.create_index("ix_montage_requests_finished_at", "montage_requests", ["finished_at"])
    op.add_column(
        "montage_requests",
        sa.Column(
            "measures", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
    )
    op.add_column("montage_requests", sa.Column("traceparent", sa.String(55)))


def downgrade() -> None:
    # The views are made by `montage migrate`, after the migrations.
    op.execute("DROP SCHEMA IF EXISTS analytics CASCADE")
    op.drop_column("montage_requests", "traceparent")
    op.drop_column("montage_requests", "measures")
    op.drop_index("ix_montage_requests_finished_at", table_name="montage_requests")
    op.drop_index("ix_api_cost_logs_updated_at", table_name="api_cost_logs")
    op.drop_index("ix_api_cost_logs_day", table_name="api_cost_logs")
