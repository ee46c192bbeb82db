"""What changes is pushed: items announce each change, webhooks have an outbox, and what a deleted
item leaves in the object store is remembered until it is gone.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None

_DELIVERY_STATES = ("pending", "delivered", "failed")

_ANNOUNCE = """
CREATE FUNCTION announce_content_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('content_items', OLD.id::text);
        RETURN OLD;
    END IF;
    NEW.revision := OLD.revision + 1;
    IF NEW.planned_request_id IS NULL THEN
        NEW.plan_revision := NULL;
    ELSIF NEW.planned_request_id IS DISTINCT FROM OLD.planned_request_id THEN
        NEW.plan_revision := NEW.revision;
    END IF;
    PERFORM pg_notify('content_items', NEW.id::text);
    RETURN NEW;
END
$$
"""
"""A notification leaves with the transaction that it was made in, or not at all."""

_TRIGGER = """
CREATE TRIGGER announce_content_item BEFORE UPDATE OR DELETE ON content_items
FOR EACH ROW EXECUTE FUNCTION announce_content_item()
"""


def _time(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)  # type: ignore[arg-type]


def _now(name: str) -> sa.Column[object]:
    return _time(name, server_default=sa.func.now(), nullable=False)


def upgrade() -> None:
    op.add_column(
        "content_items",
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.add_column(
        "content_items",
        sa.Column(
            "covers", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column("content_items", sa.Column("planned_request_id", sa.Uuid()))
    op.add_column("content_items", sa.Column("plan_revision", sa.BigInteger()))
    op.execute(_ANNOUNCE)
    op.execute(_TRIGGER)
    _create_webhooks()
    op.create_table(
        "object_purges",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("sweeps_left", sa.SmallInteger(), nullable=False),
        _now("due_at"),
        sa.PrimaryKeyConstraint("id", name="pk_object_purges"),
    )
    op.create_index("ix_object_purges_due_at", "object_purges", ["due_at"])


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(80), nullable=False),
        sa.Column("previous_secret", sa.String(80)),
        _time("previous_until"),
        _now("created_at"),
        sa.PrimaryKeyConstraint("user_id", name="pk_webhooks"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_webhooks_user_id_users", ondelete="CASCADE"
        ),
    )
    state = postgresql.ENUM(*_DELIVERY_STATES, name="delivery_state")
    state.create(op.get_bind())
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("content_item_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column(
            "state",
            postgresql.ENUM(*_DELIVERY_STATES, name="delivery_state", create_type=False),
            server_default="pending",
            nullable=False,
        ),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("answer_status", sa.SmallInteger()),
        sa.Column("problem", sa.Text()),
        _now("next_attempt_at"),
        _time("delivered_at"),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name="fk_webhook_deliveries_user_id_users",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_user_id_created_at",
        "webhook_deliveries",
        ["user_id", "created_at"],
    )
    op.create_index(
        "ix_webhook_deliveries_pending",
        "webhook_deliveries",
        ["next_attempt_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )


def downgrade() -> None:
    op.drop_table("object_purges")
    op.drop_table("webhook_deliveries")
    op.execute("DROP TYPE delivery_state")
    op.drop_table("webhooks")
    op.execute("DROP TRIGGER announce_content_item ON content_items")
    op.execute("DROP FUNCTION announce_content_item()")
    for column in ("plan_revision", "planned_request_id", "covers", "revision"):
        op.drop_column("content_items", column)
