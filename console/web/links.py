"""Links in messages: /events/<id> opens the case, on the page of whoever follows it."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import RedirectResponse, Response

from console.types import NotFoundError, Role
from console.web.access import Person, TheConsole, allow

router = APIRouter(tags=["pages"])
EventId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.get("/events/{event_id}", **allow(Role.WORKER, Role.OFFICER, Role.ADMIN))
def open_event(event_id: EventId, actor: Person, console: TheConsole) -> Response:
    """Go to the case of an event: a grid worker's phone page, a duty officer's screen."""
    case_id = console.cases.case_of(event_id)
    if case_id is None:
        raise NotFoundError("这条预警还没有到达控制台，或已按规定删除。请稍后再打开一次。")
    if actor.role is Role.WORKER:
        return RedirectResponse(f"/m?case={case_id}", 303)  # the page says so where it is not his task
    if not console.cases.some(actor, [case_id]):
        raise NotFoundError("这条预警不在您的辖区。")
    return RedirectResponse(f"/screen?case={case_id}", 303)
