"""A request may change the edit of an earlier one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No foreign key: the base may be deleted, what was made of it stays.
    op.add_column("montage_requests", sa.Column("base_request_id", sa.Uuid()))
    op.add_column("montage_requests", sa.Column("changes", postgresql.JSONB()))


def downgrade() -> None:
    op.drop_column("montage_requests", "changes")
    op.drop_column("montage_requests", "base_request_id")
