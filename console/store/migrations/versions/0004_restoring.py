"""A correction comes back by itself unless the list's owner confirms it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("corrections") as table:
        table.add_column(sa.Column("restore_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("corrections") as table:
        for column in ("confirmed_at", "restored_at", "restore_at"):
            table.drop_column(column)
