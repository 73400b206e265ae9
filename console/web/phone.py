"""The grid worker's phone page: a shell without personal data, and the tasks it asks for."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from pydantic import AwareDatetime, BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from console.cases.desk import StepRequest
from console.cases.phone_time import PhoneTime
from console.cases.steps import Action
from console.cases.views import CaseView
from console.types import LateRemarkError, Role, StepRefusedError
from console.web.access import Person, Session, TheConsole, allow, allow_anyone
from console.web.fields import RowNumber
from console.web.rendering import page
from console.web.screen import StepBody

router = APIRouter(prefix="/m", tags=["phone"])
_WORKER = (Role.WORKER,)
_WORKER_ACTIONS = frozenset({Action.ACCEPT, Action.CONTACT, Action.CLOSE, Action.ESCALATE})
_PHOTO_BODY_BYTES = 64 * 1024 * 1024
"""Large enough that a 40 MB photo gets an answer in words, and not a torn connection."""

MANIFEST = {
    "name": "卡口 网格核实",
    "short_name": "网格核实",
    "lang": "zh-CN",
    "start_url": "/m",
    "scope": "/m",
    "display": "standalone",
    "background_color": "#ffffff",
    "theme_color": "#1f5fbf",
    "icons": [{"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
}


class PhoneStepBody(StepBody):
    """One step from a phone, which may have waited for a line."""

    done_at: AwareDatetime | None = None
    """When it was done, by the phone's clock, right or wrong."""
    sent_at: AwareDatetime | None = None
    """By the same clock; both or none."""

    def request(self, case_id: int) -> StepRequest:
        told = PhoneTime(self.done_at, self.sent_at) if self.done_at and self.sent_at else None
        return replace(super().request(case_id), phone_time=told)


class TaskList(BaseModel):
    """What waits for a grid worker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[CaseView, ...]
    now: str
    """The console's clock: ages on the phone follow it, not the phone's own."""
    csrf: str
    account_id: int | None
    """What is done without a line is kept under it: two workers may have one name, and one may get another."""
    name: str
    desk_phone: str
    """Where a worker calls for help; "" where none is set."""


@router.get("", **allow_anyone())
def phone_page(request: Request) -> Response:
    """Return the shell; it holds nothing about anybody, so that it may be kept for bad lines."""
    return page(request, "phone.html")


@router.get("/manifest.webmanifest", **allow_anyone())
def manifest() -> Response:
    return JSONResponse(MANIFEST, media_type="application/manifest+json")


@router.get("/tasks", **allow(*_WORKER))
def tasks(session: Session, console: TheConsole) -> TaskList:
    now = console.now()
    found = console.cases.tasks(session.actor)
    whole = [f"case:{view.case_id}" for view in found if view.is_mine]  # the others' plates are masked
    console.readings.note(session.actor, "case.view", whole, now)
    return TaskList(
        tasks=tuple(found), now=now.isoformat(), csrf=session.csrf_token,
        account_id=session.actor.account_id, name=session.actor.name, desk_phone=console.settings.desk_phone,
    )  # fmt: skip


@router.post("/tasks/{case_id}/step", **allow(*_WORKER))
def take_step(case_id: RowNumber, body: PhoneStepBody, actor: Person, console: TheConsole) -> list[CaseView]:
    """Take one step; returns the task, or nothing once it is done. 409: kept as a remark, for it is no longer his."""
    if body.action not in _WORKER_ACTIONS:
        raise StepRefusedError("网格员不能执行这一步。")
    try:
        console.desk.act(body.request(case_id), actor, console.now())
    except LateRemarkError:
        console.hub.touch([case_id])
        raise
    console.readings.note(actor, "case.view", [f"case:{case_id}"], console.now())
    console.hub.touch([case_id])
    return console.cases.some(actor, [case_id])


@router.post("/tasks/{case_id}/photo", max_body_size=_PHOTO_BODY_BYTES, **allow(*_WORKER))
def add_photo(
    case_id: RowNumber, photo: Annotated[UploadFile, File()], actor: Person, console: TheConsole
) -> dict[str, int]:
    """Add a photo of the verification."""
    limit = int(console.pictures.max_megabytes * 1024 * 1024) + 1
    content = photo.file.read(limit)
    photo_id = console.pictures.add_photo(actor, case_id, photo.filename or "", content, console.now())
    console.hub.touch([case_id])
    return {"photo_id": photo_id}
