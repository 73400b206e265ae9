"""What came in a span is found without reading all that ever came."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_flagged_events_received", "flagged_events", ["received_at", "case_id"])
    op.create_index("ix_passage_hours_hour", "passage_hours", ["hour"])


def downgrade() -> None:
    op.drop_index("ix_passage_hours_hour", "passage_hours")
    op.drop_index("ix_flagged_events_received", "flagged_events")
