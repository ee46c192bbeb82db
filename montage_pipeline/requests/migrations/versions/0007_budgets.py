"""What a paid call was predicted to cost and when it was sent; budgets and their alerts, switches,
and the tries of an item's steps.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_USD = sa.Numeric(20, 12)


def upgrade() -> None:
    # Of calls from before this revision nobody knows what they were predicted to cost.
    op.add_column("api_cost_logs", sa.Column("predicted_usd", _USD))
    op.add_column("api_cost_logs", sa.Column("sent_at", sa.DateTime(timezone=True)))
    # They were sent as soon as they had a row.
    op.execute("UPDATE api_cost_logs SET sent_at = created_at WHERE state = 'pending'")
    op.create_index(
        "ix_api_cost_logs_pending",
        "api_cost_logs",
        ["updated_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    for name in ("budget_request_usd", "budget_day_usd", "budget_month_usd"):
        op.add_column("users", sa.Column(name, _USD))
    op.add_column(
        "content_items",
        sa.Column(
            "tries", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    _create_alerts()
    op.create_table(
        "operator_switches",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("name", name="pk_operator_switches"),
    )


def _create_alerts() -> None:
    op.create_table(
        "budget_alerts",
        sa.Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), nullable=False),
        sa.Column("budget", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("percent", sa.SmallInteger(), nullable=False),
        sa.Column("limit_usd", _USD, nullable=False),
        sa.Column("spent_usd", _USD, nullable=False),
        sa.Column("deliveries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_budget_alerts"),
        sa.UniqueConstraint(
            "budget",
            "subject",
            "window_start",
            "percent",
            "limit_usd",
            name="uq_budget_alerts_budget_subject_window_start_percent_limit_usd",
        ),
    )


def downgrade() -> None:
    op.drop_table("operator_switches")
    op.drop_table("budget_alerts")
    op.drop_column("content_items", "tries")
    for name in ("budget_month_usd", "budget_day_usd", "budget_request_usd"):
        op.drop_column("users", name)
    op.drop_index("ix_api_cost_logs_pending", table_name="api_cost_logs")
    op.drop_column("api_cost_logs", "sent_at")
    op.drop_column("api_cost_logs", "predicted_usd")
