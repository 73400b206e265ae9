"""Nobody waits at a page for a database that is frozen: it is said within seconds, while the one who asks it hangs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.store.pulse import Pulse

_LOOK_EVERY_S = 0.25
_AT_LEAST_S = 0.5
"""Before this nothing is given up: it may need no database."""
_MOST_HANGING = 16
"""Requests that hang; more are not even begun while the database is silent, and a step tried ten times is no ten."""
_Answer = Callable[[Request], Response]

_log = logging.getLogger(__name__)


class DatabasePatience:
    """Gives up a request that has no answer while the database is silent; what it began may still come to pass."""

    def __init__(self, app: ASGIApp, pulse: Pulse, answer: _Answer) -> None:
        self._app = app
        self._pulse = pulse
        self._answer = answer
        self._hanging: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
        elif self._pulse.is_silent and len(self._hanging) >= _MOST_HANGING:
            await self._answer(Request(scope))(scope, receive, send)
        else:
            await self._watched(scope, receive, send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = _Line(send)
        work: asyncio.Task[None] = asyncio.ensure_future(_as_coroutine(self._app(scope, receive, line.send)))
        await asyncio.wait({work}, timeout=_AT_LEAST_S)
        while not (work.done() or line.has_begun or self._pulse.is_silent):
            await asyncio.wait({work}, timeout=_LOOK_EVERY_S)
        if work.done() or line.has_begun:
            return await work
        line.is_given_up = True
        self._hanging.add(work)
        work.add_done_callback(self._forget)
        await self._answer(Request(scope))(scope, receive, send)
        return None

    def _forget(self, work: asyncio.Task[None]) -> None:
        self._hanging.discard(work)
        if not work.cancelled() and (fault := work.exception()):
            _log.error("console: fault of a request that was given up", exc_info=fault)


class _Line:
    """What an answer goes through, as long as somebody waits for it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False
        self.is_given_up = False

    async def send(self, message: Message) -> None:
        if not self.is_given_up:
            self.has_begun = True
            await self._send(message)


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work
