"""How much of its rate each caller of the API has used is counted for all processes together."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_rates",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", name="pk_call_rates"),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_call_rates_due_at", "call_rates", ["due_at"])


def downgrade() -> None:
    op.drop_table("call_rates")
