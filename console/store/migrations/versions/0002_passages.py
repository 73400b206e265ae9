"""A case knows where its vehicle passed before, in which areas, and since when it is overdue."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cases") as table:
        table.add_column(sa.Column("passed_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("also_in", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("previous_checkpoint", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("previous_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("previous_result", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("overdue_since", sa.DateTime(timezone=True), nullable=True))
        table.create_index("ix_cases_seen", ["last_seen_at", "case_id"])


def downgrade() -> None:
    with op.batch_alter_table("cases") as table:
        table.drop_index("ix_cases_seen")
        for column in (
            "overdue_since", "previous_result", "previous_at", "previous_checkpoint", "also_in", "passed_at",
        ):  # fmt: skip
            table.drop_column(column)
