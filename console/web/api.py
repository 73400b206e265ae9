"""The API for programs: cases, statistics, list imports. Bearer tokens with scopes.

Nothing here takes a plate: there is no way to ask where a vehicle was seen.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, File, Query, UploadFile
from pydantic import AwareDatetime, BaseModel, ConfigDict

from console.cases.filtering import Group
from console.cases.steps import Action
from console.cases.views import CaseView
from console.lists.changes import ChangeState, ListChange
from console.lists.office import FileReport
from console.people.tokens import Scope
from console.situation.figures import Counts
from console.situation.statistics import local_day
from console.web.access import TheConsole, TokenPerson, allow_token
from console.web.fields import RowNumber
from console.web.lists import LIST_BODY_BYTES
from console.web.screen import StepBody

router = APIRouter(prefix="/api/v1", tags=["api"])


class ChangeView(BaseModel):
    """One import of travel records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    change_id: int
    state: ChangeState
    needs_approval: bool
    report: FileReport


@router.get("/cases", **allow_token(Scope.CASES_READ))
def list_cases(
    actor: TokenPerson,
    console: TheConsole,
    group: Group = Group.OPEN,
    before: RowNumber | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> list[CaseView]:
    """Cases within the token's area, newest first; `before` pages on."""
    _note(console, actor, "api.cases", "cases", group)
    return console.cases.newest(actor, group, limit, before)


@router.get("/cases/{case_id}", **allow_token(Scope.CASES_READ))
def get_case(case_id: RowNumber, actor: TokenPerson, console: TheConsole) -> CaseView:
    view = console.cases.detail(actor, case_id).view
    console.readings.note(actor, "case.view", [f"case:{case_id}"], console.now())
    return view


@router.post("/cases/{case_id}/steps", **allow_token(Scope.CASES_WRITE))
def take_step(case_id: RowNumber, body: StepBody, actor: TokenPerson, console: TheConsole) -> CaseView | None:
    """Take one step. 409: somebody was faster (with `version`). 422: not possible in this state.

    Null: done, and by it the case has left the token's area.
    """
    console.desk.act(body.request(case_id), actor, console.now())
    console.hub.touch([case_id], may_have_left=body.action is Action.ASSIGN)
    return next(iter(console.cases.some(actor, [case_id])), None)


@router.get("/statistics", **allow_token(Scope.STATISTICS_READ))
def get_statistics(
    actor: TokenPerson,
    console: TheConsole,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> Counts:
    """Counts of [since, until); without times, of the current day (Beijing time)."""
    now = console.now()
    return console.statistics.counts(since or local_day(now), until or now + timedelta(hours=1), actor.scope)


@router.post("/list/changes", max_body_size=LIST_BODY_BYTES, status_code=201, **allow_token(Scope.LIST_WRITE))
def try_list(file: Annotated[UploadFile, File()], actor: TokenPerson, console: TheConsole) -> ChangeView:
    """Judge a file of travel records; nothing changes until it is applied."""
    return _view(console.list_changes.submit(file.filename or "", file.file.read(), actor, console.now()))


@router.get("/list/changes/{change_id}", **allow_token(Scope.LIST_WRITE))
def get_list_change(change_id: RowNumber, console: TheConsole) -> ChangeView:
    return _view(console.list_changes.find(change_id))


@router.post("/list/changes/{change_id}/apply", **allow_token(Scope.LIST_WRITE))
def apply_list(change_id: RowNumber, actor: TokenPerson, console: TheConsole) -> ChangeView:
    """Apply a file that was tried. 422: it needs an approver, who does it in the console."""
    return _view(console.list_changes.apply(change_id, actor, console.now()))


def _view(change: ListChange) -> ChangeView:
    return ChangeView(
        change_id=change.change_id, state=change.state, needs_approval=change.needs_approval, report=change.report
    )


def _note(console: TheConsole, actor: TokenPerson, action: str, subject: str, reason: str = "") -> None:
    with console.database.writing() as session:
        console.audit.append(session, actor, action, subject, console.now(), reason)
