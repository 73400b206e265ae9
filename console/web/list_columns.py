"""What the columns of a file mean: asked the first time for a form, remembered from then on."""

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from console.lists.changes import ListChange
from console.lists.office import FormReport
from console.types import ConsoleError, Role
from console.web.access import Session, TheConsole, allow
from console.web.fields import RowNumber
from console.web.lists import change_answer

router = APIRouter(tags=["pages"])


@router.post("/list/{change_id}/columns", **allow(Role.STEWARD))
async def explain_columns(change_id: RowNumber, request: Request, session: Session, console: TheConsole) -> Response:
    """Keep what a steward says of each column, and try the file anew."""
    posted = await request.form()
    change = await run_sync(console.list_changes.find, change_id)
    source = str(posted.get("source", ""))[:200].strip()

    def explain() -> ListChange:
        return console.list_changes.explain(change_id, said(change, posted), source, session.actor, console.now())

    try:
        await run_sync(explain)
    except ConsoleError as error:
        return await run_sync(change_answer, request, session, console, change_id, str(error))
    return RedirectResponse(f"/list/{change_id}", 303)


def said(change: ListChange, posted: FormData) -> list[FormReport]:
    """Return the forms of a file with the meanings that were posted; a column that nobody speaks of stays as it was."""
    return [
        form.model_copy(
            update={"fields": tuple(str(posted.get(f"{row}-{place}", old)) for place, old in enumerate(form.fields))}
        )
        for row, form in enumerate(change.report.forms)
    ]
