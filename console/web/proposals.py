"""布控建议: what higher platforms want watched, for the data steward to take up or refuse."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from console.lists.changes import CHANGE_STATE_NAMES
from console.lists.proposal_states import PROPOSAL_STATE_NAMES
from console.parts import Console
from console.people.sessions import OpenSession
from console.types import ConsoleError, Role
from console.web.access import Session, TheConsole, allow
from console.web.fields import RowNumber
from console.web.rendering import page
from ocr.looks import class_name

router = APIRouter(tags=["pages"])
Cell = Annotated[str, Form(max_length=200)]


@router.get("/proposals", **allow(Role.STEWARD, Role.APPROVER))
def proposals_page(request: Request, session: Session, console: TheConsole) -> Response:
    with console.database.writing() as database:
        console.audit.append(database, session.actor, "proposal.view", "proposals", console.now())
    return _proposals(request, session, console)


@router.post("/proposals/{proposal_id}/enter", **allow(Role.STEWARD))
def enter_proposal(
    proposal_id: RowNumber,
    request: Request,
    session: Session,
    console: TheConsole,
    area: Cell = "",
    begin: Cell = "",
    end: Cell = "",
    source: Cell = "",
) -> Response:
    """Try an entry for the vehicle of a proposal; the list is as it was until somebody applies it."""
    cells = (area, begin, end, source)
    try:
        change = console.lists.proposals.enter(proposal_id, cells, session.actor, console.now())
    except ConsoleError as error:
        return _proposals(request, session, console, str(error), proposal_id, cells)
    return RedirectResponse(f"/list/{change.change_id}", 303)


@router.post("/proposals/{proposal_id}/refuse", **allow(Role.STEWARD))
def refuse_proposal(
    proposal_id: RowNumber,
    request: Request,
    session: Session,
    console: TheConsole,
    answer: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    try:
        console.lists.proposals.refuse(proposal_id, answer, session.actor, console.now())
    except ConsoleError as error:
        return _proposals(request, session, console, str(error))
    return RedirectResponse("/proposals", 303)


def _proposals(
    request: Request,
    session: OpenSession,
    console: Console,
    problem: str = "",
    entered: int = 0,
    cells: tuple[str, ...] = ("",) * 4,
) -> Response:
    """Return the page; `entered` is the proposal whose form was filled in with `cells`."""
    proposals = console.lists.proposals
    context = {
        "proposals": proposals.recent(),
        "waiting": proposals.waiting_count(),
        "most_waiting": proposals.most_waiting,
        "problem": problem,
        "entered": entered,
        "cells": cells,
        "state_words": PROPOSAL_STATE_NAMES,
        "class_name": class_name,
        "change_names": CHANGE_STATE_NAMES,
    }
    return page(request, "proposals.html", context, session, status_code=400 if problem else 200)
