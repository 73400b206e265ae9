"""The risk list: imports that are tried first, and corrections."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import FileResponse, RedirectResponse, Response

from console.lists.changes import CHANGE_STATE_NAMES
from console.lists.office import COLUMN_MEANINGS
from console.lists.words import file_words
from console.parts import Console
from console.people.sessions import OpenSession
from console.types import ConsoleError, NotFoundError, Role
from console.web.access import Person, Session, TheConsole, allow
from console.web.fields import RowNumber
from console.web.rendering import page
from riskdb.types import RiskDBError

router = APIRouter(tags=["pages"])
Cell = Annotated[str, Form(max_length=200)]
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LIST_BODY_BYTES = 32 * 1024 * 1024
_LIST_ROLES = (Role.STEWARD, Role.APPROVER)
_CORRECTION_ROLES = (Role.STEWARD, Role.APPROVER, Role.ADMIN)


@router.get("/list", **allow(*_LIST_ROLES))
def list_page(request: Request, session: Session, console: TheConsole) -> Response:
    return _list(request, session, console)


@router.post("/list", max_body_size=LIST_BODY_BYTES, **allow(Role.STEWARD))
def submit(request: Request, session: Session, console: TheConsole, file: Annotated[UploadFile, File()]) -> Response:
    try:
        change = console.list_changes.submit(file.filename or "", file.file.read(), session.actor, console.now())
    except ConsoleError as error:
        return _list(request, session, console, str(error))
    return RedirectResponse(f"/list/{change.change_id}", 303)


@router.post("/list/entry", **allow(Role.STEWARD))
def enter(
    request: Request,
    session: Session,
    console: TheConsole,
    plate: Cell = "",
    plate_class: Cell = "",
    area: Cell = "",
    begin: Cell = "",
    end: Cell = "",
    source: Cell = "",
) -> Response:
    """Try one record that was typed in, as if it were a file of one row."""
    entry = (plate, plate_class, area, begin, end, source)
    try:
        change = console.list_changes.enter(entry, session.actor, console.now())
    except ConsoleError as error:
        return _list(request, session, console, str(error), entry)
    return RedirectResponse(f"/list/{change.change_id}", 303)


@router.get("/list/{change_id}", **allow(*_LIST_ROLES))
def change_page(change_id: RowNumber, request: Request, session: Session, console: TheConsole) -> Response:
    return change_answer(request, session, console, change_id)


@router.post("/list/{change_id}/apply", **allow(*_LIST_ROLES))
def apply(change_id: RowNumber, request: Request, session: Session, console: TheConsole) -> Response:
    try:
        console.list_changes.apply(change_id, session.actor, console.now())
    except ConsoleError as error:
        return change_answer(request, session, console, change_id, str(error))
    return RedirectResponse(f"/list/{change_id}", 303)


@router.post("/list/{change_id}/refuse", **allow(*_LIST_ROLES))
def refuse(
    change_id: RowNumber, request: Request, session: Session, console: TheConsole, reason: Annotated[str, Form()] = ""
) -> Response:
    try:
        console.list_changes.refuse(change_id, reason, session.actor, console.now())
    except ConsoleError as error:
        return change_answer(request, session, console, change_id, str(error))
    return RedirectResponse(f"/list/{change_id}", 303)


@router.post("/list/{change_id}/undo", **allow(*_LIST_ROLES))
def undo(
    change_id: RowNumber, request: Request, session: Session, console: TheConsole, reason: Annotated[str, Form()] = ""
) -> Response:
    try:
        console.list_changes.take_back(change_id, reason, session.actor, console.now())
    except ConsoleError as error:
        return change_answer(request, session, console, change_id, str(error))
    return RedirectResponse(f"/list/{change_id}", 303)


@router.get("/list/{change_id}/faulty.xlsx", **allow(*_LIST_ROLES))
def faulty_rows(change_id: RowNumber, request: Request, session: Session, console: TheConsole) -> Response:
    try:
        content = console.list_changes.faulty_rows(change_id)
    except ConsoleError as error:
        return change_answer(request, session, console, change_id, str(error))
    headers = {"content-disposition": f'attachment; filename="faulty-{change_id}.xlsx"'}
    return Response(content, media_type=XLSX_TYPE, headers=headers)


@router.get("/corrections", **allow(*_CORRECTION_ROLES))
def corrections_page(request: Request, session: Session, console: TheConsole) -> Response:
    with console.database.writing() as database:
        console.audit.append(database, session.actor, "correction.view", "corrections", console.now())
    return page(
        request,
        "corrections.html",
        {
            "corrections": console.corrections.recent(),
            "objections": console.lists.objections.recent(),
            "now": console.now(),
        },
        session,
    )


@router.post("/corrections/{correction_id}/confirm", **allow(Role.STEWARD))
def confirm_correction(
    correction_id: RowNumber, actor: Person, console: TheConsole, answer: Annotated[str, Form()] = ""
) -> Response:
    console.corrections.confirm(correction_id, answer, actor, console.now())
    return RedirectResponse("/corrections", 303)


@router.post("/corrections/{correction_id}/restore", **allow(Role.STEWARD))
def restore_correction(
    correction_id: RowNumber, actor: Person, console: TheConsole, answer: Annotated[str, Form()] = ""
) -> Response:
    console.corrections.restore(correction_id, answer, actor, console.now())
    return RedirectResponse("/corrections", 303)


@router.get("/corrections/{correction_id}/{kind}", **allow(*_CORRECTION_ROLES))
def correction_picture(
    correction_id: RowNumber, kind: Literal["plate", "vehicle"], console: TheConsole
) -> FileResponse:
    """Return an evidence picture of the vehicle whose entry is in doubt."""
    event = console.corrections.find(correction_id).event
    if event is None:
        raise NotFoundError("图片已按规定删除。")
    return FileResponse(console.pictures.evidence(event.plate_picture if kind == "plate" else event.vehicle_picture))


def _list(
    request: Request, session: OpenSession, console: Console, problem: str = "", entry: Sequence[str] = ("",) * 6
) -> Response:
    context = {
        "entry": entry,
        "changes": console.list_changes.recent(),
        "problem": problem,
        "change_names": CHANGE_STATE_NAMES,
        "feed_notices": _feed_notices(console),
        "approval_rows": console.settings.approval_rows,
        "proposals_waiting": console.lists.proposals.waiting_count(),
    }
    return page(request, "list.html", context, session, status_code=400 if problem else 200)


def _feed_notices(console: Console) -> list[str]:
    try:
        return [notice.told for notice in console.lists.feeds.notices()]
    except RiskDBError as error:
        return [f"实时接入的情况读不到：{file_words(str(error))}"]


def change_answer(
    request: Request, session: OpenSession, console: Console, change_id: int, problem: str = ""
) -> Response:
    """Return the page of one import, with what went wrong where something did."""
    context = {
        "column_meanings": COLUMN_MEANINGS,
        "change": console.list_changes.find(change_id),
        "problem": problem,
        "change_names": CHANGE_STATE_NAMES,
    }
    return page(request, "list_change.html", context, session, status_code=400 if problem else 200)
