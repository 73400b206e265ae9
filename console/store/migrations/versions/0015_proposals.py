"""What higher platforms want watched."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "proposals",
        sa.Column("proposal_id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("likeness", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=200), nullable=False),
        sa.Column("checkpoint", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("is_lift", sa.Boolean(), nullable=False),
        sa.Column("plate_text", sa.String(length=32), nullable=False),
        sa.Column("plate_class", sa.String(length=8), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("office", sa.String(length=100), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("change_id", sa.Integer(), sa.ForeignKey("list_changes.change_id"), nullable=True),
    )
    op.create_index("ix_proposals_likeness", "proposals", ["likeness"], unique=True)
    op.create_index("ix_proposals_state", "proposals", ["state", "proposal_id"])


def downgrade() -> None:
    op.drop_table("proposals")
