"""Pictures of a case, for those who may see the case."""

from fastapi import APIRouter
from starlette.responses import FileResponse

from alerts.crossing import CrossingEvent
from console.cases.kinds import PictureKind, picture_of
from console.types import NotFoundError, Role
from console.web.access import Person, TheConsole, allow
from console.web.fields import RowNumber

router = APIRouter(prefix="/cases", tags=["pictures"])
_CASE_ROLES = (Role.OFFICER, Role.ADMIN, Role.WORKER)


@router.get("/{case_id}/events/{event_id}/{kind}", **allow(*_CASE_ROLES, Role.WALL))
def evidence(case_id: RowNumber, event_id: str, kind: PictureKind, actor: Person, console: TheConsole) -> FileResponse:
    """Return an evidence picture."""
    event = console.cases.event_of(actor, case_id, event_id)
    if actor.role is Role.WORKER and not console.cases.some(actor, [case_id])[0].has_vehicle_picture:
        raise NotFoundError("接单后才能查看图片。")
    if actor.role is Role.WALL and isinstance(event, CrossingEvent):
        raise NotFoundError("大屏不显示隔离门的图片。")
    console.readings.note(actor, "picture.view", [f"case:{case_id}"], console.now())
    return FileResponse(console.pictures.evidence(picture_of(event, kind)))


@router.get("/{case_id}/photos/{photo_id}", **allow(*_CASE_ROLES))
def photo(case_id: RowNumber, photo_id: RowNumber, actor: Person, console: TheConsole) -> FileResponse:
    """Return a photo that a worker added to this case."""
    path = console.pictures.photo(actor, case_id, photo_id)
    console.readings.note(actor, "picture.view", [f"case:{case_id}"], console.now())
    return FileResponse(path, media_type="image/jpeg")
