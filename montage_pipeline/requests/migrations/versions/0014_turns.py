"""Requests start in turns: they have a priority, users remember when one of theirs last started,
and whoever starts them is told when there is one to start or a place has become free.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ANNOUNCE = """
CREATE FUNCTION announce_montage_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('montage_requests', '');
    RETURN NULL;
END
$$
"""
"""Without a payload, so that Postgres makes one notification of all those of a transaction."""

_ON_INSERT = """
CREATE TRIGGER announce_new_montage_request AFTER INSERT ON montage_requests
FOR EACH ROW EXECUTE FUNCTION announce_montage_request()
"""

_ON_CHANGE = """
CREATE TRIGGER announce_montage_request AFTER UPDATE OF state ON montage_requests
FOR EACH ROW WHEN (NEW.state <> 'running') EXECUTE FUNCTION announce_montage_request()
"""
"""What ended leaves its place to another; what was queued again wants one."""


def upgrade() -> None:
    op.add_column(
        "montage_requests",
        sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False),
    )
    op.add_column("users", sa.Column("last_started_at", sa.DateTime(timezone=True)))
    op.execute(_ANNOUNCE)
    op.execute(_ON_INSERT)
    op.execute(_ON_CHANGE)


def downgrade() -> None:
    op.execute("DROP TRIGGER announce_montage_request ON montage_requests")
    op.execute("DROP TRIGGER announce_new_montage_request ON montage_requests")
    op.execute("DROP FUNCTION announce_montage_request()")
    op.drop_column("users", "last_started_at")
    op.drop_column("montage_requests", "priority")
