"""A dispatch is told to the person: whom it goes to in which messenger, and whether it arrived."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("accounts") as table:
        table.add_column(sa.Column("message_kind", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("message_user", sa.String(length=64), nullable=True))
    op.create_table(
        "messages",
        sa.Column("message_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_messages_account_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_messages_case_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_messages")),
    )
    with op.batch_alter_table("messages") as table:
        table.create_index(op.f("ix_messages_case_id"), ["case_id"])
        table.create_index(op.f("ix_messages_next_try_at"), ["next_try_at"])


def downgrade() -> None:
    op.drop_table("messages")
    with op.batch_alter_table("accounts") as table:
        table.drop_column("message_user")
        table.drop_column("message_kind")
