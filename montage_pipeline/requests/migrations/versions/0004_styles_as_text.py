"""The style as text: which styles exist is for the product to say, not for the database."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("content_items", "montage_requests")
_STYLES_BEFORE = ("dynamic", "cinematic", "travel", "fitness", "food", "minimal")


def upgrade() -> None:
    for table in _TABLES:
        op.alter_column(table, "style", type_=sa.String(40), postgresql_using="style::text")
    op.execute("DROP TYPE montage_style")


def downgrade() -> None:
    """Fails, changing nothing, while a row has a style that the enum did not know."""
    kind = sa.Enum(*_STYLES_BEFORE, name="montage_style")
    kind.create(op.get_bind())
    for table in _TABLES:
        op.alter_column(table, "style", type_=kind, postgresql_using="style::text::montage_style")
