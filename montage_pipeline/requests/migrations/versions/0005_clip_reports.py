"""What became of each clip of an item, and what the step of its request is at, in words."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("content_items", sa.Column("progress_detail", sa.Text()))
    op.add_column(
        "content_items",
        sa.Column(
            "clips", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )


def downgrade() -> None:
    op.drop_column("content_items", "clips")
    op.drop_column("content_items", "progress_detail")
