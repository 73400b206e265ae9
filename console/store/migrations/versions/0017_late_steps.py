"""When a step was done, where that is not when it came."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("done_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case_steps", sa.Column("done_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case_steps", sa.Column("phone_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("case_steps") as table:
        table.drop_column("phone_at")
        table.drop_column("done_at")
    with op.batch_alter_table("cases") as table:
        table.drop_column("done_at")
