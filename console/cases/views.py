"""Cases as people and programs see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from pydantic import AwareDatetime, BaseModel, ConfigDict

from alerts.crossing import CrossingEvent
from alerts.flagged import EventAlternative, EventReason, FlaggedEvent
from console.cases.kinds import CaseEvent, kept_event, picture_of
from console.cases.phone_time import NOTABLE
from console.cases.steps import (
    ACTION_NAMES,
    OUTCOME_NAMES,
    REJECTION_NAMES,
    REMARK,
    REMARK_NAME,
    STATE_NAMES,
    Action,
    Outcome,
    Rejection,
    State,
)
from console.people.grids import GridMap
from console.stays import stays_of
from console.store.tables import CaseRow, EventRow, StepRow
from console.types import Actor, Role

STEP_WORDS = {action.value: name for action, name in ACTION_NAMES.items()} | {
    "open": "预警到达",
    "attach": "再次经过",
    "booth": "卡口补报",
    REMARK: REMARK_NAME,
}
_IN_HAND = (State.ACCEPTED, State.VERIFYING, State.ESCALATED)
"""Of a worker's own cases, those that he took; an escalated one keeps its worker only after that."""
_TOLERATED_S = 60.0
_SHOWN_OTHER = 0.02
"""Another reading less likely than this is not worth a look."""


class CaseView(BaseModel):
    """One case in a list, as JSON for screens, phones and the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_id: int
    version: int
    state: State
    state_name: str
    is_confirmed: bool
    """A person has looked at the pictures and said yes."""
    level: str
    """hit (命中) or possible (疑似) of a vehicle; crossing (有人出入) of a guarded door"""
    probability: float
    plate_text: str
    """Masked for a grid worker who has not taken the case; "" once erased."""
    plate_class: str
    door: str
    """Of a crossing; "" for vehicles, for a grid worker who has not taken the case, and once erased."""
    meeting_url: str
    """Where the household can be called by video, for whoever sees the door; "" where there is no such link."""
    char_probs: tuple[float, ...]
    other_reading: str
    """The most probable other text, where it is likelier than nothing: of a 疑似, what the plate may say instead."""
    why: str
    areas: tuple[str, ...]
    checkpoint: str
    camera_id: str
    grid_code: str
    grid_name: str
    owner_name: str
    assignee: str
    is_mine: bool
    opened_at: AwareDatetime
    passed_at: AwareDatetime
    """When the vehicle passed, the latest time, by the box's clock."""
    late_s: float
    """How much later its event came: the line was cut, or the list could not be asked then."""
    last_seen_at: AwareDatetime
    """When its latest passage came in."""
    changed_at: AwareDatetime
    due_at: AwareDatetime | None
    overdue_since: AwareDatetime | None
    """Set while a limit has run out and nobody has acted since."""
    escalations: int
    passages: int
    previous_checkpoint: str
    """Where the vehicle passed the time before; "" where that is not known."""
    previous_at: AwareDatetime | None
    previous_result: str
    """How the case before ended, in words; "" where there was none, or it has not ended."""
    has_plate_picture: bool
    has_vehicle_picture: bool
    """Of a crossing: the guard camera's picture."""
    event_id: str
    stays: tuple[str, ...]
    """Area, risk and dates of each stay that put the vehicle on the list; empty while the plate is masked."""
    desk_note: str
    """What the desk wrote to the grid worker with the dispatch; only for grid workers."""
    result: str
    """The outcome or the cause of rejection, in words; "" while open."""
    done_at: AwareDatetime | None
    """When the work was done that ended it, by our clock; None while open."""
    finished_at: AwareDatetime | None
    """When that came to us: later, where it waited on a phone without a line."""


class _End(TypedDict):
    """How and when a case ended, as in CaseView."""

    result: str
    done_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class TimelineStep:
    at: datetime
    done_at: datetime | None
    """When it was done, where it came later than that."""
    phone_at: datetime | None
    """What the phone's clock said then, where that was wrong."""
    actor: str
    action: str
    target: str
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class CaseDetail:
    view: CaseView
    reasons: tuple[EventReason, ...]
    alternatives: tuple[EventAlternative, ...]
    events: tuple[FlaggedEvent, ...]
    """Newest first; empty once erased."""
    steps: tuple[TimelineStep, ...]
    photos: tuple[int, ...]
    late_photos: frozenset[int]
    """Of these, what came when the case was no longer the worker's."""
    actions: tuple[Action, ...]
    list_version: int | None
    permit: str
    """What was known of the vehicle's permits (通行证) when it passed last, in words."""
    crossings: tuple[CrossingEvent, ...]
    """Of a case that is about a door, newest first; empty once erased."""
    clock_skew_s: float
    """Camera clock minus the box's when the vehicle passed, or minus ours where it is ahead of that: a wrong clock."""


def case_view(
    case: CaseRow, latest: EventRow, assignee: str | None, actor: Actor, grids: GridMap, desk_note: str = ""
) -> CaseView:
    """Return the case as this person may see it: a worker sees the plate only after taking the case."""
    kept = kept_event(case.level, latest.body)
    event = kept if isinstance(kept, FlaggedEvent) else None
    is_mine = case.assignee_id is not None and case.assignee_id == actor.account_id
    is_masked = actor.role is Role.WORKER and not (is_mine and case.state in _IN_HAND)
    return CaseView(
        case_id=case.case_id,
        version=case.version,
        state=State(case.state),
        state_name=_state_name(case),
        is_confirmed=case.is_confirmed,
        level=case.level,
        probability=event.probability if event else 0.0,
        plate_text=mask_plate(case.plate_text) if is_masked else case.plate_text,
        plate_class=case.plate_class,
        door="" if is_masked else case.door,
        meeting_url=kept.meeting_url if isinstance(kept, CrossingEvent) and not is_masked else "",
        char_probs=event.char_probs if event and not is_masked else (),
        other_reading=_other_reading(event) if event and not is_masked else "",
        why=_why(kept, is_masked=is_masked),
        areas=tuple(dict.fromkeys(reason.area_name or reason.area for reason in event.reasons)) if event else (),
        checkpoint=case.checkpoint,
        camera_id=kept.camera_id if kept else "",
        grid_code=case.grid_code,
        grid_name=grids.name_of(case.grid_code),
        owner_name=grids.name_of(case.owner_code),
        assignee=assignee or "",
        is_mine=is_mine,
        opened_at=case.opened_at,
        passed_at=kept.arrived_at if kept else latest.captured_at,
        late_s=_late_s(kept, latest.received_at) if kept else 0.0,
        last_seen_at=case.last_seen_at,
        changed_at=case.changed_at,
        due_at=case.due_at,
        overdue_since=case.overdue_since,
        escalations=case.escalations,
        passages=case.passages,
        previous_checkpoint=case.previous_checkpoint or "",
        previous_at=case.previous_at,
        previous_result=reason_words(case.previous_result),
        has_plate_picture=bool(kept and picture_of(kept, "plate")) and not is_masked,
        has_vehicle_picture=bool(kept and picture_of(kept, "vehicle")) and not is_masked,
        event_id=case.latest_event_id,
        stays=stays_of(event) if event and not is_masked else (),
        desk_note=desk_note,
        **_end_of(case),
    )


def clock_skew_s(event: CaseEvent, received_at: datetime) -> float:
    """Return how wrong the camera's clock is; an event that merely came late is none of its doing."""
    ahead_s = (event.happened_at - received_at).total_seconds()
    return ahead_s if ahead_s > _TOLERATED_S else (event.happened_at - event.arrived_at).total_seconds()


def _late_s(event: CaseEvent, received_at: datetime) -> float:
    """Both clocks have to say so: one alone may be wrong."""
    late_s = (received_at - max(event.arrived_at, event.happened_at)).total_seconds()
    return late_s if late_s > _TOLERATED_S else 0.0


def timeline_step(step: StepRow, grids: GridMap) -> TimelineStep:
    reason = reason_words(step.reason) or (grids.name_of(step.reason) if step.reason else "")
    words = STEP_WORDS.get(step.action, step.action)
    done_at = step.done_at if step.done_at and step.at - step.done_at > NOTABLE else None
    is_wrong = step.phone_at and step.done_at and abs(step.phone_at - step.done_at) > NOTABLE
    phone_at = step.phone_at if is_wrong else None
    return TimelineStep(
        step.at, done_at, phone_at, step.actor, words, STATE_NAMES[State(step.target)], reason, step.note
    )


def mask_plate(text: str) -> str:
    """Return the plate with its middle hidden: enough to tell two tasks apart, not to know the car."""
    return text[:2] + "•" * max(0, len(text) - 3) + text[-1:] if len(text) > 3 else "•" * len(text)


def reason_words(reason: str | None) -> str:
    """Return the words for an outcome or a cause of rejection; "" for anything else."""
    words = {str(key): name for key, name in OUTCOME_NAMES.items()} | {str(k): n for k, n in REJECTION_NAMES.items()}
    return words.get(reason or "", "")


def _why(event: CaseEvent | None, *, is_masked: bool) -> str:
    if isinstance(event, CrossingEvent):
        return event.word
    return event.why if event and not is_masked else ""


def _state_name(case: CaseRow) -> str:
    """An escalated case that nobody has looked at still waits for eyes, and says so first."""
    state = State(case.state)
    if state is State.ESCALATED and not case.is_confirmed:
        return "待核实（超时）" if case.overdue_since else "待核实（已升级）"
    return f"{STATE_NAMES[state]}（超时）" if case.overdue_since else STATE_NAMES[state]


def _end_of(case: CaseRow) -> _End:
    result = REJECTION_NAMES[Rejection(case.rejection)] if case.rejection else ""
    if case.outcome:
        result = OUTCOME_NAMES[Outcome(case.outcome)]
    return {"result": result, "done_at": case.done_at or case.finished_at, "finished_at": case.finished_at}


def _other_reading(event: FlaggedEvent) -> str:
    others = [other for other in event.alternatives if other.text != event.text and other.probability >= _SHOWN_OTHER]
    return max(others, key=lambda other: other.probability).text if others else ""
