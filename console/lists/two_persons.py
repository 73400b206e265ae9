"""When a change of the list takes a second person: rows add up per person and day, so short files make a long one."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from console.store.list_tables import ListChangeRow
from console.types import Actor, Role, StepRefusedError
from riskdb.types import BEIJING

_IN_THE_LIST = ("applied", "taken_back")


def rows_of_the_day(session: Session, row: ListChangeRow, under_way: Collection[int], now: datetime) -> int:
    """Return how many rows the file's person brought in alone today (Beijing time), or is bringing in just now."""
    day = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    decided = ListChangeRow.state.in_(_IN_THE_LIST) & (ListChangeRow.decided_at >= day)
    alone = select(func.sum(ListChangeRow.accepted_rows)).where(
        ListChangeRow.created_by == row.created_by,
        ListChangeRow.change_id != row.change_id,
        ListChangeRow.needs_approval.is_(False),
        or_(decided, ListChangeRow.change_id.in_(under_way)),
    )
    return session.scalar(alone) or 0


def require_second_person(
    session: Session, row: ListChangeRow, limit: int, under_way: Collection[int], now: datetime
) -> bool:
    """Note in the file that it takes a second person, where it does; return whether it does."""
    earlier = rows_of_the_day(session, row, under_way, now)
    row.needs_approval = row.needs_approval or earlier + row.accepted_rows > limit
    return row.needs_approval


def check_hand(row: ListChangeRow, actor: Actor) -> None:
    """Raises StepRefusedError where somebody else has to decide on this file."""
    if not row.needs_approval:
        return
    if row.created_by == actor.account_id:
        raise StepRefusedError("这次导入（或今天的导入合计）的行数超过限额，须由另一人审批生效。")
    if actor.role is not Role.APPROVER:
        raise StepRefusedError("这次导入须由审批员生效。")
