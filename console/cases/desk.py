"""Steps that people, and the console's clock, take on cases."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from console.cases.overtaken import last_step, what_became_of_it, who_was_first
from console.cases.phone_time import PhoneTime
from console.cases.recipients import note_dispatch
from console.cases.rights import is_in_hand_of, is_out_of_hand, may_see, standing_of
from console.cases.steps import (
    BOOTH_OUTCOMES,
    CASE_OUTCOMES,
    DOOR_OUTCOMES,
    DOOR_REJECTIONS,
    FINISHED,
    OPEN,
    REMARK,
    VEHICLE_REJECTIONS,
    Action,
    Outcome,
    Standing,
    State,
    take_step,
)
from console.cases.timers import due_at, overdue_step, owner_after_escalation
from console.people.audit import AuditLog
from console.people.grids import is_grid_code, is_within
from console.reasons import says_nothing
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.list_tables import CorrectionRow
from console.store.people_tables import AccountRow
from console.store.tables import CaseRow, StepRow
from console.types import SYSTEM, Actor, CaseChangedError, LateRemarkError, NotFoundError, Role, StepRefusedError

_CLOCK_BATCH = 200
_NOT_SEEN = "没有这个事件单，或不在您的辖区。"


@dataclass(frozen=True, slots=True)
class StepRequest:
    """One step that somebody asks for."""

    case_id: int
    action: Action
    version: int | None = None
    """The version that the person looked at; None: whatever it is now (a phone that was out of reach)."""
    reason: str | None = None
    """A Rejection for REJECT, an Outcome for CLOSE, the grid code for ASSIGN (None: where it belongs)."""
    assignee_id: int | None = None
    channel: str | None = None
    note: str = ""
    idempotency_key: str | None = None
    """The same key again does nothing and gives the same answer: a double tap, a retry after a bad line."""
    phone_time: PhoneTime | None = None
    """None: done when it comes."""


class CaseDesk:
    def __init__(self, database: Database, audit: AuditLog, settings: ConsoleSettings) -> None:
        self._database = database
        self._audit = audit
        self._settings = settings

    def act(self, request: StepRequest, actor: Actor, now: datetime) -> None:
        """Take one step.

        Raises NotFoundError (also for a case outside the actor's area), CaseChangedError, StepRefusedError;
        LateRemarkError where a worker's step is kept as a remark.
        """
        with self._database.writing() as session:
            if _was_done(session, request, actor):
                return
            case = session.get(CaseRow, request.case_id, with_for_update=True)
            if case is not None and request.action is not Action.ACCEPT and is_out_of_hand(session, case, actor):
                kept = self._keep_remark(session, case, request, actor, now)
            else:
                kept = None
                self._act(session, case, request, actor, now)
        if kept is not None:
            raise kept  # after the commit

    def _act(self, session: Session, case: CaseRow | None, request: StepRequest, actor: Actor, now: datetime) -> None:
        if case is None or not may_see(case, actor):
            raise _out_of_sight(session, case, actor)
        if request.version is not None and case.version != request.version:
            raise CaseChangedError(who_was_first(session, case))
        if actor.role is Role.WORKER and request.action is not Action.ACCEPT and not is_in_hand_of(case, actor):
            raise StepRefusedError("请先接单，再提交结果。")
        if request.action is Action.REOPEN and case.erased_at is not None:
            raise StepRefusedError("证据已按规定删除，不能重开。")
        self.take(session, case, request, actor, now)

    def act_on_overdue(self, now: datetime) -> list[int]:
        """Let the clock act on cases that are past their time; returns their ids."""
        with self._database.writing() as session:
            overdue = session.scalars(
                select(CaseRow)
                .where(CaseRow.state.in_([state.value for state in OPEN]), CaseRow.due_at <= now)
                .order_by(CaseRow.due_at)
                .limit(_CLOCK_BATCH)
                .with_for_update(skip_locked=True)
            ).all()
            for case in overdue:
                action = overdue_step(standing_of(case), case.last_seen_at, now, self._settings)
                self.take(session, case, StepRequest(case.case_id, action, note="超时"), SYSTEM, now)
        return [case.case_id for case in overdue]

    def take(self, session: Session, case: CaseRow, request: StepRequest, actor: Actor, now: datetime) -> None:
        """Take one step of a case at hand, within the caller's transaction. Raises StepRefusedError."""
        action, reason = request.action, request.reason
        if action is Action.CLOSE and reason == Outcome.UNREACHABLE and actor.role is Role.WORKER:
            action = Action.ESCALATE  # nobody answered: the next level tries, the case is not done
        before = standing_of(case)
        after = take_step(before, action, actor)
        _check_reason(action, reason, request.note, is_crossing=before.is_crossing)
        self._apply(session, case, request, action, actor, after, now)
        row = _step_row(case, request, actor, now)
        row.action, row.source, row.target = action.value, before.state.value, after.state.value
        session.add(row)
        case.done_at = (row.done_at or now) if case.finished_at else None
        self._audit.append(session, actor, f"case.{action}", f"case:{case.case_id}", now, reason or "")
        if action in (Action.CLOSE, Action.REJECT) and reason == Outcome.LIST_ERROR:
            self._open_correction(session, case, actor, now)

    def _apply(
        self,
        session: Session,
        case: CaseRow,
        request: StepRequest,
        action: Action,
        actor: Actor,
        after: Standing,
        now: datetime,
    ) -> None:
        if action is Action.ASSIGN:
            _hand_to(session, case, request)
            note_dispatch(session, case, now)
        elif action is Action.ACCEPT:
            case.assignee_id = actor.account_id
        elif action is Action.ESCALATE:
            case.owner_code = owner_after_escalation(standing_of(case), case.owner_code)
            # Who took it goes on with it, while others are asked too; who never did, or reached nobody, lets go.
            has_it_in_hand = State(case.state) is not State.ASSIGNED and request.reason != Outcome.UNREACHABLE
            case.assignee_id = case.assignee_id if has_it_in_hand else None
            case.escalations += 1
        elif action is Action.CONFIRM:
            case.confirmed_at = now
        elif action is Action.REJECT:
            case.rejection = request.reason
        elif action in (Action.CLOSE, Action.HANDLE):
            case.outcome = request.reason
            case.confirmed_at = case.confirmed_at or now
        elif action is Action.HAND_UP:
            case.last_seen_at = now  # to the desk it is new
        elif action is Action.REOPEN:
            case.rejection = case.outcome = case.assignee_id = case.booth_result = None
        case.overdue_since = _overdue_after(case, action, actor)
        case.state, case.is_confirmed = after.state.value, after.is_confirmed
        case.finished_at = now if after.state in FINISHED else None
        case.due_at = due_at(after, case.owner_code, case.last_seen_at, now, self._settings)
        case.changed_at = now
        case.version += 1

    def _keep_remark(
        self, session: Session, case: CaseRow, request: StepRequest, actor: Actor, now: datetime
    ) -> LateRemarkError:
        said = what_became_of_it(session, case)
        row = _step_row(case, request, actor, now)
        row.action, row.source, row.target = REMARK, case.state, case.state
        session.add(row)
        case.version += 1  # whoever is about to act on it reads this first
        case.changed_at = now
        self._audit.append(session, actor, f"case.{REMARK}", f"case:{case.case_id}", now, request.reason or "")
        return LateRemarkError(said)

    def _open_correction(self, session: Session, case: CaseRow, actor: Actor, now: datetime) -> None:
        session.add(
            CorrectionRow(
                case_id=case.case_id, plate_text=case.plate_text, plate_class=case.plate_class, opened_at=now,
                opened_by=actor.name,
            )
        )  # fmt: skip
        self._audit.append(session, actor, "correction.open", f"case:{case.case_id}", now)


def _step_row(case: CaseRow, request: StepRequest, actor: Actor, now: datetime) -> StepRow:
    """Return the row of what somebody asks for; what it does to the case is the caller's."""
    told = request.phone_time
    return StepRow(
        case_id=case.case_id, at=now, account_id=actor.account_id, actor=actor.name, reason=request.reason,
        done_at=told.by_our_clock(case.opened_at, now) if told else None, phone_at=told.said_at if told else None,
        channel=request.channel, note=request.note[:2000], idempotency_key=request.idempotency_key,
    )  # fmt: skip


def _overdue_after(case: CaseRow, action: Action, actor: Actor) -> datetime | None:
    """The clock's step says that nobody acted, and asking the next level alone does not mend that."""
    if action is not Action.ESCALATE:
        return None
    return case.overdue_since or (case.due_at if actor is SYSTEM else None)


def _was_done(session: Session, request: StepRequest, actor: Actor) -> bool:
    if request.idempotency_key is None:
        return False
    done = session.scalar(select(StepRow).where(StepRow.idempotency_key == request.idempotency_key))
    if done is None:
        return False
    if (done.case_id, done.account_id) != (request.case_id, actor.account_id):
        raise StepRefusedError("这次提交的编号已被使用，请刷新页面后重试。")
    if done.action == REMARK:
        raise LateRemarkError(what_became_of_it(session, session.get_one(CaseRow, done.case_id)))
    return True


def _out_of_sight(session: Session, case: CaseRow | None, actor: Actor) -> NotFoundError | StepRefusedError:
    """A worker whose task it was is told what became of it: his step may have waited on a phone without a line."""
    if case is None or actor.role is not Role.WORKER or not case.is_confirmed:
        return NotFoundError(_NOT_SEEN)
    his = select(StepRow.step_id).where(StepRow.case_id == case.case_id, StepRow.account_id == actor.account_id)
    if not is_within(case.grid_code, actor.scope) and session.scalar(his.limit(1)) is None:
        return NotFoundError(_NOT_SEEN)
    said = f"{last_step(session, case)}，不再是您的任务。这一次提交的没有记入；与您了解的不一致，请打电话告诉值班台。"
    return StepRefusedError(said)


def _check_reason(action: Action, reason: str | None, note: str, *, is_crossing: bool) -> None:
    allowed: dict[Action, list[str]] = {
        Action.REJECT: list(DOOR_REJECTIONS if is_crossing else VEHICLE_REJECTIONS),
        Action.CLOSE: list(DOOR_OUTCOMES if is_crossing else CASE_OUTCOMES),
        Action.HANDLE: list(BOOTH_OUTCOMES),
    }
    if action in allowed and reason not in allowed[action]:
        raise StepRefusedError("请选择原因。" if action is Action.REJECT else "请选择核实结果。")
    if action in allowed and reason == Outcome.LIST_ERROR and says_nothing(note):
        raise StepRefusedError("“名单有误”会把这辆车移出全区名单，请写明依据：谁核实的、凭什么。")


def _hand_to(session: Session, case: CaseRow, request: StepRequest) -> None:
    """Hand the case to a person, or to an area whose people may take it. Raises StepRefusedError."""
    case.owner_code = request.reason or case.grid_code
    if not is_grid_code(case.owner_code) or not is_within(case.owner_code, case.grid_code[:6]):
        raise StepRefusedError("只能派给本区县内的网格。")
    if len(case.owner_code) > len(case.grid_code) or not is_within(case.grid_code, case.owner_code):
        case.grid_code, case.also_in = case.owner_code, ""  # handed over: from now on it belongs there
    case.assignee_id = request.assignee_id
    if request.assignee_id is None:
        return
    worker = session.get(AccountRow, request.assignee_id)
    if worker is None or not worker.is_active or not is_within(case.grid_code, worker.scope):
        raise StepRefusedError("这位网格员不在该网格或已停用，请另选。")
