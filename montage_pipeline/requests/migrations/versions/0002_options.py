"""What the user wished for, beside clips, style, format and length."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column(
        "options", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
    )
    op.add_column("montage_requests", column)


def downgrade() -> None:
    op.drop_column("montage_requests", "options")
