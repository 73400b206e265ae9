"""Risk areas, and single vehicles of the list."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from console.lists.areas import AreaEffect, AreaWords
from console.lists.vehicles import ListedVehicle
from console.parts import Console
from console.people.sessions import OpenSession
from console.types import ConsoleError, Role
from console.web.access import Session, TheConsole, allow
from console.web.rendering import page

router = APIRouter(tags=["pages"])
Text = Annotated[str, Form(max_length=500)]


FormText = Annotated[str, Field(max_length=500)]


class AreaForm(BaseModel):
    """What the page's form holds, as it was filled in."""

    model_config = ConfigDict(frozen=True)

    area: FormText = ""
    level: FormText = "high"
    source: FormText = ""
    name: FormText = ""
    begin: FormText = ""
    end: FormText = ""

    @property
    def words(self) -> AreaWords:
        return AreaWords(**self.model_dump())


@router.get("/areas", **allow(Role.STEWARD, Role.APPROVER))
def areas_page(request: Request, session: Session, console: TheConsole) -> Response:
    return _areas(request, session, console, AreaForm())


@router.post("/areas/try", **allow(Role.STEWARD))
def try_area(request: Request, session: Session, console: TheConsole, form: Annotated[AreaForm, Form()]) -> Response:
    """Say what a declaration would do to the list; nothing changes."""
    try:
        return _areas(request, session, console, form, effect=console.lists.areas.try_declare(form.words))
    except ConsoleError as error:
        return _areas(request, session, console, form, str(error))


@router.post("/areas/declare", **allow(Role.STEWARD))
def declare_area(
    request: Request, session: Session, console: TheConsole, form: Annotated[AreaForm, Form()]
) -> Response:
    try:
        console.lists.areas.declare(form.words, session.actor, console.now())
    except ConsoleError as error:
        return _areas(request, session, console, form, str(error))
    return RedirectResponse("/areas", 303)


@router.post("/areas/try-lift", **allow(Role.STEWARD))
def try_lift(request: Request, session: Session, console: TheConsole, code: Text = "") -> Response:
    """Say what lifting would do to the list; nothing changes."""
    try:
        return _areas(request, session, console, AreaForm(), lifting=console.lists.areas.try_lift(code))
    except ConsoleError as error:
        return _areas(request, session, console, AreaForm(), str(error))


@router.post("/areas/lift", **allow(Role.STEWARD))
def lift_area(request: Request, session: Session, console: TheConsole, code: Text = "", reason: Text = "") -> Response:
    try:
        console.lists.areas.lift(code, reason, session.actor, console.now())
    except ConsoleError as error:
        return _areas(request, session, console, AreaForm(), str(error))
    return RedirectResponse("/areas", 303)


@router.get("/vehicle", **allow(Role.STEWARD))
def vehicle_page(request: Request, session: Session) -> Response:
    return _vehicle(request, session)


@router.post("/vehicle", **allow(Role.STEWARD))
def show_vehicle(
    request: Request, session: Session, console: TheConsole, plate: Text = "", reason: Text = ""
) -> Response:
    """Say why a vehicle is listed. The plate travels in the body: no address, no log holds it."""
    try:
        found = console.lists.vehicles.show(plate, reason, session.actor, console.now())
    except ConsoleError as error:
        return _vehicle(request, session, plate, reason, problem=str(error))
    return _vehicle(request, session, plate, reason, found)


@router.post("/vehicle/remove", **allow(Role.STEWARD))
def remove_vehicle(
    request: Request, session: Session, console: TheConsole, plate: Text = "", reason: Text = ""
) -> Response:
    try:
        stays = console.lists.vehicles.remove(plate, reason, session.actor, console.now())
    except ConsoleError as error:
        return _vehicle(request, session, plate, reason, problem=str(error))
    return _vehicle(request, session, plate, done=f"已移出名单：{stays} 条行程。可以恢复。")


@router.post("/vehicle/restore", **allow(Role.STEWARD))
def restore_vehicle(
    request: Request, session: Session, console: TheConsole, plate: Text = "", reason: Text = ""
) -> Response:
    try:
        stays = console.lists.vehicles.restore(plate, reason, session.actor, console.now())
    except ConsoleError as error:
        return _vehicle(request, session, plate, reason, problem=str(error))
    return _vehicle(request, session, plate, done=f"已恢复到名单：{stays} 条行程。")


def _areas(
    request: Request,
    session: OpenSession,
    console: Console,
    form: AreaForm,
    problem: str = "",
    effect: AreaEffect | None = None,
    lifting: AreaEffect | None = None,
) -> Response:
    try:
        standing = console.lists.areas.standing()
    except ConsoleError as error:
        standing, problem = [], problem or str(error)
    context = {"standing": standing, "form": form, "problem": problem, "effect": effect, "lifting": lifting}
    return page(request, "areas.html", context, session, status_code=400 if problem else 200)


def _vehicle(
    request: Request,
    session: OpenSession,
    plate: str = "",
    reason: str = "",
    found: ListedVehicle | None = None,
    problem: str = "",
    done: str = "",
) -> Response:
    context = {"plate": plate, "reason": reason, "found": found, "problem": problem, "done": done}
    answer = page(request, "vehicle.html", context, session, status_code=400 if problem else 200)
    answer.headers["cache-control"] = "no-store"
    return answer
