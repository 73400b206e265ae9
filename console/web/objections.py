"""The page that a driver opens by the QR code at the booth, and what the list's owner makes of it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from console.types import ConsoleError, Role
from console.web.access import Person, Session, TheConsole, allow, allow_anyone
from console.web.caller import address_of, qr_svg
from console.web.fields import RowNumber
from console.web.rendering import page

router = APIRouter(tags=["pages"])
Words = Annotated[str, Form(max_length=2000)]


@router.get("/objection", **allow_anyone())
def objection_page(request: Request) -> Response:
    """Without an account: nothing here says anything of a case or the list."""
    return page(request, "objection.html", _context())


@router.post("/objection", **allow_anyone())
def object_to(request: Request, console: TheConsole, reference: Words = "", told: Words = "") -> Response:
    try:
        receipt = console.lists.objections.submit(reference, told, address_of(request, console), console.now())
    except ConsoleError as error:
        status = 429 if "频繁" in str(error) else 400
        return page(request, "objection.html", _context(str(error), reference, told), status_code=status)
    return page(request, "objection.html", _context(receipt=receipt, hours=console.settings.objection_hours))


@router.get("/objection/poster", **allow(Role.STEWARD, Role.OFFICER, Role.ADMIN))
def poster(request: Request, session: Session, console: TheConsole) -> Response:
    """Return a sheet to print and hang up at the booth."""
    address = (console.settings.public_url or str(request.base_url)).rstrip("/") + "/objection"
    return page(request, "objection_poster.html", {"qr": qr_svg(address), "address": address}, session)


@router.post("/objections/{objection_id}/grant", **allow(Role.STEWARD))
def grant(objection_id: RowNumber, actor: Person, console: TheConsole, answer: Words = "") -> Response:
    console.lists.objections.answer(objection_id, answer, True, actor, console.now())
    return RedirectResponse("/corrections", 303)


@router.post("/objections/{objection_id}/refuse", **allow(Role.STEWARD))
def refuse(objection_id: RowNumber, actor: Person, console: TheConsole, answer: Words = "") -> Response:
    console.lists.objections.answer(objection_id, answer, False, actor, console.now())
    return RedirectResponse("/corrections", 303)


def _context(
    problem: str = "", reference: str = "", told: str = "", receipt: str = "", hours: float = 0.0
) -> dict[str, object]:
    return {"problem": problem, "reference": reference, "told": told, "receipt": receipt, "hours": hours}
