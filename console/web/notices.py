"""The page 异常提醒: what is amiss in the system, and what to do about it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.types import Role
from console.web.access import Session, TheConsole, allow
from console.web.rendering import page

router = APIRouter(tags=["pages"])


@router.get("/notices", **allow(Role.OFFICER, Role.ADMIN, Role.STEWARD))
def notices_page(request: Request, session: Session, console: TheConsole) -> Response:
    console.notices.refresh()
    context = {"active": console.notices.active(), "ended": console.notices.ended()}
    return page(request, "notices.html", context, session)
