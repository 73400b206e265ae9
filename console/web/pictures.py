"""Pictures of a case, for those who may see the case."""

from typing import Literal

from fastapi import APIRouter
from starlette.responses import FileResponse

from console.types import NotFoundError, Role
from console.web.access import Person, TheConsole, allow
from console.web.fields import RowNumber

router = APIRouter(prefix="/cases", tags=["pictures"])
_CASE_ROLES = (Role.OFFICER, Role.ADMIN, Role.WORKER)


@router.get("/{case_id}/events/{event_id}/{kind}", **allow(*_CASE_ROLES))
def evidence(
    case_id: RowNumber, event_id: str, kind: Literal["plate", "vehicle"], actor: Person, console: TheConsole
) -> FileResponse:
    """Return an evidence picture."""
    event = console.cases.event_of(actor, case_id, event_id)
    if actor.role is Role.WORKER and not console.cases.some(actor, [case_id])[0].has_vehicle_picture:
        raise NotFoundError("接单后才能查看图片。")
    return FileResponse(console.pictures.evidence(event.plate_picture if kind == "plate" else event.vehicle_picture))


@router.get("/{case_id}/photos/{photo_id}", **allow(*_CASE_ROLES))
def photo(case_id: RowNumber, photo_id: RowNumber, actor: Person, console: TheConsole) -> FileResponse:  # noqa: ARG001  naming the console is what asks for the role
    """Return a photo that a worker added."""
    return FileResponse(console.pictures.photo(actor, photo_id), media_type="image/jpeg")
