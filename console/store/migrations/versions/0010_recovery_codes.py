"""What stands in for a lost phone."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("recovery_digests", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "recovery_digests")
