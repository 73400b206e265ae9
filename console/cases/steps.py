"""The life of a case: one table says which step leads where and who may take it.

No path leads from a new case to a grid worker or to an end as a verified finding without a person
having looked at the pictures: `needs_confirmed`.
"""

from dataclasses import dataclass
from enum import StrEnum

from console.types import Actor, Role, StepRefusedError

CROSSING = "crossing"
"""`cases.level` of a case that is about a guarded door, named like its kind of event."""


class State(StrEnum):
    AT_BOOTH = "at_booth"
    """The people at the checkpoint deal with it; the desk is not asked yet."""
    NEW = "new"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    VERIFYING = "verifying"
    CLOSED = "closed"
    ESCALATED = "escalated"
    REOPENED = "reopened"
    EXPIRED = "expired"


STATE_NAMES = {
    State.AT_BOOTH: "卡口处置中",
    State.NEW: "待核实",
    State.CONFIRMED: "已确认",
    State.REJECTED: "已排除",
    State.ASSIGNED: "已派单",
    State.ACCEPTED: "已接单",
    State.VERIFYING: "核实中",
    State.CLOSED: "已办结",
    State.ESCALATED: "已升级",
    State.REOPENED: "已重开",
    State.EXPIRED: "已过期",
}
FINISHED = frozenset({State.REJECTED, State.CLOSED, State.EXPIRED})
OPEN = frozenset(State) - FINISHED
DESK_OPEN = OPEN - {State.AT_BOOTH}
"""What the desk, or whom it asked, still has to do."""


class Action(StrEnum):
    CONFIRM = "confirm"
    REJECT = "reject"
    ASSIGN = "assign"
    ACCEPT = "accept"
    CONTACT = "contact"
    CLOSE = "close"
    ESCALATE = "escalate"
    REOPEN = "reopen"
    EXPIRE = "expire"
    HANDLE = "handle"
    HAND_UP = "hand_up"


ACTION_NAMES = {
    Action.CONFIRM: "人工确认",
    Action.REJECT: "排除",
    Action.ASSIGN: "派单",
    Action.ACCEPT: "接单",
    Action.CONTACT: "开始核实",
    Action.CLOSE: "结案",
    Action.ESCALATE: "升级",
    Action.REOPEN: "重开",
    Action.EXPIRE: "过期",
    Action.HANDLE: "卡口处置",
    Action.HAND_UP: "转值班台",
}


REMARK = "remark"
"""Like an Action in a case's record, of what changes nothing: a worker's words that came too late to be a step."""
REMARK_NAME = "事后补记"


class Rejection(StrEnum):
    MISREAD = "misread"
    NOT_VEHICLE = "not_vehicle"
    DUPLICATE = "duplicate"
    LIST_ERROR = "list_error"
    FALSE_ALARM = "false_alarm"


REJECTION_NAMES = {
    Rejection.MISREAD: "误读",
    Rejection.NOT_VEHICLE: "不是车辆",
    Rejection.DUPLICATE: "重复",
    Rejection.LIST_ERROR: "名单有误",
    Rejection.FALSE_ALARM: "误报：无人出入",
}
DOOR_REJECTIONS = {
    reason: words for reason, words in REJECTION_NAMES.items() if reason in (Rejection.FALSE_ALARM, Rejection.DUPLICATE)
}
"""Of crossings."""
VEHICLE_REJECTIONS = {reason: words for reason, words in REJECTION_NAMES.items() if reason is not Rejection.FALSE_ALARM}


class Outcome(StrEnum):
    TRUE = "true"
    LIST_ERROR = "list_error"
    MISREAD = "misread"
    CLONED = "cloned"
    UNREACHABLE = "unreachable"
    TRANSIT = "transit"
    HANDED_OVER = "handed_over"
    PASSED = "passed"
    TURNED_BACK = "turned_back"
    ISOLATED = "isolated"
    ALLOWED = "allowed"
    VISITOR = "visitor"
    BREACH = "breach"
    FALSE_ALARM = "false_alarm"


OUTCOME_NAMES = {
    Outcome.TRUE: "属实：到过高风险地区",
    Outcome.LIST_ERROR: "名单有误：未到过",
    Outcome.MISREAD: "识别错误",
    Outcome.CLONED: "疑似套牌",
    Outcome.UNREACHABLE: "联系不上",
    Outcome.TRANSIT: "过境未停留",
    Outcome.HANDED_OVER: "移交社区或疾控",
    Outcome.PASSED: "卡口已查验放行",
    Outcome.TURNED_BACK: "卡口劝返",
    Outcome.ISOLATED: "卡口移交隔离转运",
    Outcome.ALLOWED: "已核实：允许出入",
    Outcome.VISITOR: "外来人员上门，已提醒",
    Outcome.BREACH: "违规外出，已劝返",
    Outcome.FALSE_ALARM: "误报：无人出入",
}
BOOTH_OUTCOMES = (Outcome.PASSED, Outcome.TURNED_BACK, Outcome.ISOLATED)
"""Only the people at the barrier can say so."""
_AT_DOORS = (Outcome.ALLOWED, Outcome.VISITOR, Outcome.BREACH, Outcome.FALSE_ALARM)
VEHICLE_OUTCOMES = {outcome: words for outcome, words in OUTCOME_NAMES.items() if outcome not in _AT_DOORS}
CASE_OUTCOMES = {outcome: words for outcome, words in VEHICLE_OUTCOMES.items() if outcome not in BOOTH_OUTCOMES}
"""What a vehicle's case can end with at the desk and on the ground."""
DOOR_OUTCOMES = {outcome: OUTCOME_NAMES[outcome] for outcome in (*_AT_DOORS, Outcome.UNREACHABLE, Outcome.HANDED_OVER)}
"""Of crossings."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table."""

    sources: frozenset[State]
    target: State
    roles: frozenset[Role]
    needs_confirmed: bool = False
    """True: only after a person looked at the pictures."""
    by_system: bool = False
    """The console's own clock may take it too."""
    door_sources: frozenset[State] = frozenset()
    """From these, too, where it is about a door."""


_DESK = frozenset({Role.OFFICER, Role.ADMIN})
_FIELD = frozenset({Role.WORKER, Role.OFFICER, Role.ADMIN})
_BOOTH = frozenset({Role.BOOTH})
_UNSEEN = frozenset({State.AT_BOOTH, State.NEW, State.ESCALATED, State.REOPENED})
_AT_WORK = frozenset({State.ASSIGNED, State.ACCEPTED, State.VERIFYING, State.ESCALATED, State.REOPENED})

STEPS: dict[Action, Step] = {
    Action.CONFIRM: Step(frozenset({State.NEW, State.ESCALATED, State.REOPENED}), State.CONFIRMED, _DESK),
    Action.REJECT: Step(_UNSEEN | {State.CONFIRMED}, State.REJECTED, _DESK | _BOOTH),
    Action.ASSIGN: Step(_AT_WORK | {State.CONFIRMED}, State.ASSIGNED, _DESK, needs_confirmed=True),
    Action.ACCEPT: Step(frozenset({State.ASSIGNED, State.ESCALATED}), State.ACCEPTED, _FIELD, needs_confirmed=True),
    Action.CONTACT: Step(frozenset({State.ACCEPTED}), State.VERIFYING, _FIELD, needs_confirmed=True),
    Action.CLOSE: Step(
        frozenset({State.CONFIRMED, State.ACCEPTED, State.VERIFYING, State.ESCALATED}),
        State.CLOSED,
        _FIELD,
        needs_confirmed=True,
        door_sources=frozenset({State.ASSIGNED}),
    ),
    Action.ESCALATE: Step(DESK_OPEN, State.ESCALATED, _FIELD, by_system=True),
    Action.REOPEN: Step(FINISHED, State.REOPENED, _DESK),
    Action.EXPIRE: Step(
        frozenset({State.NEW, State.ESCALATED, State.REOPENED}), State.EXPIRED, frozenset(), by_system=True
    ),
    Action.HANDLE: Step(_UNSEEN, State.CLOSED, _BOOTH),
    Action.HAND_UP: Step(frozenset({State.AT_BOOTH}), State.NEW, _DESK, by_system=True),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the table needs to know of a case."""

    state: State
    is_confirmed: bool
    """A person has looked at the pictures and said yes; of a crossing, the household agreed beforehand."""
    is_crossing: bool = False
    """It is about a guarded door, not a vehicle."""


def take_step(standing: Standing, action: Action, actor: Actor) -> Standing:
    """Return the case's standing after the step.

    Raises StepRefusedError, with a sentence for the person.
    """
    step = STEPS[action]
    name = ACTION_NAMES[action]
    if not (step.by_system if actor.role is None else actor.role in step.roles):
        raise StepRefusedError(f"您的角色不能执行“{name}”。")
    if standing.state not in (step.sources | step.door_sources if standing.is_crossing else step.sources):
        raise StepRefusedError(f"事件单{STATE_NAMES[standing.state]}，不能再“{name}”。请刷新后查看。")
    if step.needs_confirmed and not standing.is_confirmed:
        raise StepRefusedError(f"尚未人工确认，不能“{name}”。请先看图确认。")
    if actor.role is Role.BOOTH and standing.is_confirmed:
        raise StepRefusedError("值班台已经确认，由值班台处置。")
    if action is Action.CONFIRM and standing.is_confirmed and standing.state is State.ESCALATED:
        raise StepRefusedError("事件单已经确认过，请派单或结案。")
    if action is Action.EXPIRE and standing.is_confirmed:
        raise StepRefusedError("已确认的事件单不会过期。")
    return Standing(step.target, _is_confirmed_after(standing, action), standing.is_crossing)


def allowed_actions(standing: Standing, actor: Actor) -> list[Action]:
    """Return what this person may do now, in the order of the table."""
    return [action for action in STEPS if _is_allowed(standing, action, actor)]


def _is_allowed(standing: Standing, action: Action, actor: Actor) -> bool:
    try:
        take_step(standing, action, actor)
    except StepRefusedError:
        return False
    return True


def _is_confirmed_after(standing: Standing, action: Action) -> bool:
    if action in (Action.CONFIRM, Action.HANDLE):
        return True
    return standing.is_confirmed and action is not Action.REJECT
