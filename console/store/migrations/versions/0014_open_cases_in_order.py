"""A page of open cases is read in the order of the list, not sorted out of all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_open = sa.text("finished_at IS NULL")
    op.create_index(
        "ix_cases_open_seen", "cases", ["last_seen_at", "case_id"], sqlite_where=is_open, postgresql_where=is_open
    )


def downgrade() -> None:
    op.drop_index("ix_cases_open_seen", "cases")
