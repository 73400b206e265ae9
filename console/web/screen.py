"""The command screen: cases as they come, and what a duty officer does with them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from console.cases.desk import StepRequest
from console.cases.filtering import CaseFilter, Group
from console.cases.steps import Action, Rejection, State
from console.cases.views import CaseView
from console.reasons import says_nothing
from console.situation.map import map_of
from console.types import ConsoleError, Role
from console.web.access import Person, Session, TheConsole, allow
from console.web.fields import RowNumber
from console.web.rendering import page

router = APIRouter(prefix="/screen", tags=["screen"])
_DESK = (Role.OFFICER, Role.ADMIN)
_SHOWN_TO = (*_DESK, Role.WALL)
PAGE_ROWS = 100


class StepBody(BaseModel):
    """One step of a case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    version: int | None = Field(default=None, ge=1)
    """The version on the screen; the step is refused when somebody was faster. None: not compared."""
    reason: str | None = Field(default=None, max_length=32)
    assignee_id: RowNumber | None = None
    channel: str | None = Field(default=None, max_length=16)
    note: str = Field(default="", max_length=2000)
    key: str | None = Field(default=None, min_length=8, max_length=64)
    """Idempotency key: the same step sent twice happens once."""

    def request(self, case_id: int) -> StepRequest:
        return StepRequest(
            case_id, self.action, self.version, self.reason, self.assignee_id, self.channel, self.note, self.key
        )


class ListQuery(BaseModel):
    """What the list shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: Group = Group.OPEN
    level: Literal["hit", "possible", "crossing"] | None = None
    checkpoint: str | None = Field(default=None, max_length=200)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    seen_before: AwareDatetime | None = None
    """With `before`: the last row of the page before this one."""
    before: RowNumber | None = None

    def as_filter(self, text: str = "") -> CaseFilter:
        after = (self.seen_before, self.before) if self.seen_before and self.before else None
        return CaseFilter(self.group, self.level, self.checkpoint, text, self.since, self.until, after)


def _saying_something(words: str) -> str:
    if says_nothing(words):
        raise ValueError("no words")
    return words


class SearchBody(ListQuery):
    """A search in words; it comes in a body, for addresses end up in logs."""

    text: str = Field(min_length=1, max_length=60)
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200), AfterValidator(_saying_something)
    ]
    """Why somebody looks for it; it goes into the audit log, what was looked for does not."""


class DuplicatesBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    case_ids: tuple[RowNumber, ...] = Field(min_length=1, max_length=200)
    key: str = Field(min_length=8, max_length=48)


class BulkResult(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    closed: tuple[int, ...]
    refused: dict[int, str]


@router.get("", **allow(*_SHOWN_TO))
def screen_page(request: Request, session: Session, console: TheConsole) -> Response:
    with console.database.writing() as database:
        console.audit.append(database, session.actor, "screen.open", "screen", console.now())
    context = {
        "is_wall": session.actor.role is Role.WALL,
        "map": map_of(console.grids, console.settings, session.actor.scope),
        "state_json": console.state.whole(session.actor.scope),
    }
    return page(request, "screen.html", context, session)


@router.get("/state", **allow(*_SHOWN_TO))
def state(actor: Person, console: TheConsole) -> Response:
    """Return what the screen shows beside the cases, whole: for a screen that may have missed changes of it."""
    return Response(console.state.whole(actor.scope), media_type="application/json")


@router.get("/cases", **allow(*_SHOWN_TO))
def cases(actor: Person, console: TheConsole, query: Annotated[ListQuery, Query()]) -> list[CaseView]:
    """Return a page of cases, the latest passage first; looking is written down."""
    console.readings.note(actor, "cases.view", ["cases"], console.now())
    return console.cases.found(actor, query.as_filter(), PAGE_ROWS)


@router.post("/search", **allow(*_DESK))
def search(body: SearchBody, actor: Person, console: TheConsole) -> list[CaseView]:
    """Return a page of the cases (never of passages) that hold the words."""
    with console.database.writing() as database:
        console.audit.append(database, actor, "cases.search", "cases", console.now(), body.reason)
    return console.cases.found(actor, body.as_filter(body.text), PAGE_ROWS)


@router.get("/cases/{case_id}", **allow(*_DESK))
def case_detail(case_id: RowNumber, request: Request, session: Session, console: TheConsole) -> Response:
    """Return the detail as a piece of a page; looking is written down."""
    detail = console.cases.detail(session.actor, case_id)
    console.readings.note(session.actor, "case.view", [f"case:{case_id}"], console.now())
    context = {
        "detail": detail,
        "case": detail.view,
        "units": console.grids.units_within(detail.view.grid_code[:6]),
        "workers": console.accounts.workers_for(detail.view.grid_code),
        "now": console.now(),
        "offer": console.group_news.offer(case_id, console.now()),
    }
    return page(request, "detail.html", context, session)


@router.post("/cases/{case_id}/step", **allow(*_DESK))
def take_step(case_id: RowNumber, body: StepBody, actor: Person, console: TheConsole) -> CaseView | None:
    """Take one step; null where the case has left the person's area by it."""
    console.desk.act(body.request(case_id), actor, console.now())
    console.hub.touch([case_id], may_have_left=body.action is Action.ASSIGN)
    return next(iter(console.cases.some(actor, [case_id])), None)


@router.post("/cases/{case_id}/group", **allow(*_DESK))
def tell_group(case_id: RowNumber, actor: Person, console: TheConsole) -> None:
    """Tell the micro-grid's group that it is done with; 422 says why not. Nothing else ever sends it."""
    console.group_news.send(case_id, actor, console.now())


@router.post("/duplicates", **allow(*_DESK))
def close_duplicates(body: DuplicatesBody, actor: Person, console: TheConsole) -> BulkResult:
    """Reject several cases as duplicates; one that cannot be does not hold the others up."""
    closed, refused = [], {}
    views = console.cases.some(actor, body.case_ids)
    confirmed = {view.case_id for view in views if view.state is State.CONFIRMED}
    for case_id in dict.fromkeys(body.case_ids):
        if case_id in confirmed:
            refused[case_id] = "已有人人工确认，请打开后再定。"
            continue
        key = f"{body.key}-{case_id}"
        step = StepRequest(case_id, Action.REJECT, None, Rejection.DUPLICATE, idempotency_key=key)
        try:
            console.desk.act(step, actor, console.now())
            closed.append(case_id)
        except ConsoleError as error:
            refused[case_id] = str(error)
    console.hub.touch(body.case_ids)  # the refused ones too: the screen that asked shows them as they were
    return BulkResult(closed=tuple(closed), refused=refused)
