"""Whom a dispatch is told to."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from console.people.grids import is_within
from console.store.people_tables import AccountRow
from console.store.tables import CaseRow, MessageRow
from console.types import Role


def note_dispatch(session: Session, case: CaseRow, now: datetime) -> None:
    """Put down whom a case that was just handed out is told to: its worker, or all who may take it."""
    workers = session.scalars(
        select(AccountRow).where(
            AccountRow.role == Role.WORKER.value, AccountRow.is_active, AccountRow.message_user.is_not(None)
        )
    )
    for worker in workers:
        if case.assignee_id in (None, worker.account_id) and is_within(case.grid_code, worker.scope):
            row = MessageRow(case_id=case.case_id, account_id=worker.account_id, created_at=now, next_try_at=now)
            session.add(row)
