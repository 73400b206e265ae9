"""Who may see which case: by area, and for grid workers only what was handed out after a person looked."""

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.orm import Session

from console.cases.steps import CROSSING, DESK_OPEN, Action, Standing, State
from console.people.grids import is_within
from console.store.tables import CaseRow, StepRow
from console.types import Actor, Role

_HANDED_OUT = (State.ASSIGNED, State.ACCEPTED, State.VERIFYING, State.ESCALATED)
_SEES_CASES = frozenset({Role.ADMIN, Role.OFFICER, Role.WORKER, Role.WALL})


def standing_of(case: CaseRow) -> Standing:
    return Standing(State(case.state), case.is_confirmed, is_crossing=case.level == CROSSING)


def may_see(case: CaseRow, actor: Actor) -> bool:
    """The same rule as `visible_to`, for one case at hand."""
    if actor.role not in _SEES_CASES:
        return False
    if actor.role is not Role.WORKER:
        return any(is_within(code, actor.scope) for code in (case.grid_code, *case.also_in.split()))
    if not is_within(case.grid_code, actor.scope):
        return False
    is_handed_out = case.is_confirmed and State(case.state) in _HANDED_OUT
    return is_handed_out and case.assignee_id in (None, actor.account_id)


def is_in_hand_of(case: CaseRow, actor: Actor) -> bool:
    """Whether this grid worker has taken the case; before that it is a task without plate and pictures."""
    return case.assignee_id == actor.account_id and State(case.state) is not State.ASSIGNED


def is_out_of_hand(session: Session, case: CaseRow, actor: Actor) -> bool:
    """Whether this worker had taken the case and it was closed or given to others since; never of an erased one."""
    if actor.role is not Role.WORKER or case.erased_at is not None:
        return False
    if may_see(case, actor) and is_in_hand_of(case, actor):
        return False
    taken = select(StepRow.step_id).where(
        StepRow.case_id == case.case_id, StepRow.account_id == actor.account_id, StepRow.action == Action.ACCEPT.value
    )
    return session.scalar(taken.limit(1)) is not None


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on `cases` that holds for what this person may see."""
    if actor.role not in _SEES_CASES:
        return false()
    area = CaseRow.grid_code.startswith(actor.scope, autoescape=True) if actor.scope else true()
    if actor.role is not Role.WORKER:
        # The desk sees it wherever the vehicle passed; who goes out is a matter of the place it belongs to.
        passed_here = CaseRow.also_in.contains(f" {actor.scope}", autoescape=True) if actor.scope else true()
        is_shown = CaseRow.state.in_([state.value for state in DESK_OPEN]) if actor.role is Role.WALL else true()
        return and_(or_(area, passed_here), is_shown)
    is_handed_out = and_(CaseRow.is_confirmed, CaseRow.state.in_([state.value for state in _HANDED_OUT]))
    is_mine = or_(CaseRow.assignee_id.is_(None), CaseRow.assignee_id == actor.account_id)
    return and_(area, is_handed_out, is_mine)
