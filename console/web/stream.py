"""The live stream of a screen (server-sent events)."""

from collections.abc import AsyncIterator

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from console.parts import Console
from console.people.sessions import OpenSession
from console.situation.live import PING_S
from console.sse import encode
from console.types import Role
from console.web.access import COOKIE, Session, TheConsole, allow

router = APIRouter(prefix="/screen", tags=["screen"])
_CHECK_EVERY_S = 60.0


@router.get("/stream", **allow(Role.OFFICER, Role.ADMIN, Role.WALL))
async def live_stream(request: Request, session: Session, console: TheConsole) -> StreamingResponse:
    """Send what changes.

    Events: `cases` (CaseView list), `tiles` and `state` (what changed of tiles, counts, grids, notices), `lane`,
    `trouble`, `ping`, `resync`, `ended`.
    """
    messages = _while_logged_in(console, session, request.cookies[COOKIE])
    headers = {"x-accel-buffering": "no"}
    return StreamingResponse(messages, media_type="text/event-stream", headers=headers)


async def _while_logged_in(console: Console, session: OpenSession, token: str) -> AsyncIterator[bytes]:
    """Pass messages on; an open screen keeps its session alive, and ends with it."""
    scope, is_wall = session.actor.scope, session.actor.role is Role.WALL
    checked_at = anyio.current_time()
    async for message in console.hub.messages(scope, session.token_digest, is_wall=is_wall):
        yield message
        if anyio.current_time() - checked_at < max(_CHECK_EVERY_S, PING_S):
            continue
        checked_at = anyio.current_time()
        if await run_sync(console.sessions.find, token, console.now()) is None:
            break
    # A stream also ends when the console stops: then the screen connects again, and nobody has to log in.
    if await run_sync(console.sessions.find, token, console.now()) is None:
        yield encode("ended", "{}")
