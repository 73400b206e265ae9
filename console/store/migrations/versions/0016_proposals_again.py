"""A 布控 that was withdrawn may be asked again in the same words."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("proposals", sa.Column("subject", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("proposals", sa.Column("overruled_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("ix_proposals_likeness", table_name="proposals")
    op.create_index("ix_proposals_likeness", "proposals", ["likeness"])


def downgrade() -> None:
    newest = "SELECT max(proposal_id) FROM proposals GROUP BY likeness"
    op.execute(f"DELETE FROM proposals WHERE proposal_id NOT IN ({newest})")
    op.drop_index("ix_proposals_likeness", table_name="proposals")
    op.create_index("ix_proposals_likeness", "proposals", ["likeness"], unique=True)
    with op.batch_alter_table("proposals") as table:
        table.drop_column("overruled_at")
        table.drop_column("subject")
