"""Requests get the key that their partition has in Dagster: one that sorts by time and reads.

Requests from before keep their id for it, under which their partitions and runs are known there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NAME = """
CREATE FUNCTION name_montage_partition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    digits text := replace(NEW.id::text, '-', '');
    head text := to_char(NEW.created_at AT TIME ZONE 'UTC', 'YYYYMMDD-HH24MI') || '-'
        || NEW.style || '-';
BEGIN
    NEW.partition_key := head || left(digits, 8);
    IF EXISTS (SELECT FROM montage_requests WHERE partition_key = NEW.partition_key) THEN
        NEW.partition_key := head || digits;
    END IF;
    RETURN NEW;
END
$$
"""
"""Whoever writes the row, it has its key; the id makes it unique where eight digits do not."""

_TRIGGER = """
CREATE TRIGGER name_montage_partition BEFORE INSERT ON montage_requests
FOR EACH ROW EXECUTE FUNCTION name_montage_partition()
"""


def upgrade() -> None:
    op.add_column("montage_requests", sa.Column("partition_key", sa.String(100)))
    op.execute("UPDATE montage_requests SET partition_key = id::text")
    op.alter_column("montage_requests", "partition_key", nullable=False)
    op.create_unique_constraint(
        "uq_montage_requests_partition_key", "montage_requests", ["partition_key"]
    )
    op.execute(_NAME)
    op.execute(_TRIGGER)


def downgrade() -> None:
    """Partitions made since are no request's to an earlier release, which retires them."""
    op.execute("DROP TRIGGER name_montage_partition ON montage_requests")
    op.execute("DROP FUNCTION name_montage_partition()")
    op.drop_constraint("uq_montage_requests_partition_key", "montage_requests")
    op.drop_column("montage_requests", "partition_key")
