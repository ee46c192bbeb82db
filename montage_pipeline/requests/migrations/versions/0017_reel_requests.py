"""Items know which request made the Reel that they have: another may be planned, or have failed,
since.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_FILL = """
UPDATE content_items AS item SET reel_request_id = (
    SELECT id FROM montage_requests AS request
    WHERE request.content_item_id = item.id
        AND request.state = 'succeeded'
        AND NOT request.options @> '{"plan_only": true}'
        AND NOT request.options @> '{"preview": true}'
    ORDER BY request.finished_at DESC, request.id
    LIMIT 1
)
WHERE item.generated_media_url IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("content_items", sa.Column("reel_request_id", sa.Uuid()))
    # The item is what it was: nobody is told of a change, and its day of change stays.
    op.execute("ALTER TABLE content_items DISABLE TRIGGER USER")
    op.execute(_FILL)
    op.execute("ALTER TABLE content_items ENABLE TRIGGER USER")


def downgrade() -> None:
    op.drop_column("content_items", "reel_request_id")
