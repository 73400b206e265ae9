"""What is new, to every open screen: gathered for a moment, written once, sent to all who may see it.

A hundred events a second on two hundred screens would be twenty thousand messages; gathered they are a few hundred.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from console.cases.views import CaseView
from console.cases.wall import for_wall
from console.people.grids import is_within
from console.sse import encode

GATHER_S = 0.15
"""Shortest time between two messages about cases; well below the second that a screen has."""
GATHER_PER_SCREEN_S = 0.0015
"""More screens are served with fewer, longer messages: 200 of them every 0.45 s."""
PING_S = 5.0
QUEUE_LENGTH = 64
"""A screen that is this many messages behind starts afresh."""
MAX_CASES = 200
"""In one message; more changed cases than this are sent in several, the newest first."""

_NOT_IN_LISTS = {"probability", "grid_code", "grid_name", "is_mine", "stays", "desk_note",
                 "meeting_url"}  # fmt: skip
"""What the list on the screen does not show; two hundred screens are worth a shorter message."""
_log = logging.getLogger(__name__)

ViewCases = Callable[[str, Sequence[int]], list[CaseView]]
"""(scope, case ids) -> the cases as a duty officer of that area sees them."""


@dataclass(eq=False, slots=True)
class Screen:
    """One open connection."""

    scope: str
    session_digest: str
    is_wall: bool = False
    messages: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))

    def give(self, message: bytes | None) -> None:
        """Queue a message; None ends the stream."""
        try:
            self.messages.put_nowait(message)
        except asyncio.QueueFull:
            while not self.messages.empty():
                self.messages.get_nowait()
            self.messages.put_nowait(None if message is None else encode("resync", "{}"))


class LiveHub:
    """Lives on the event loop; `touch` and `announce` may be called from any thread."""

    def __init__(
        self,
        view_cases: ViewCases,
        now: Callable[[], datetime],
        tell_others: Callable[[Sequence[int], bool], None] = lambda *_: None,
    ) -> None:
        """`tell_others` is given what changed here, and whether it may have left an area: for other consoles."""
        self._view_cases = view_cases
        self._now = now
        self._tell_others = tell_others
        self._screens: set[Screen] = set()
        self._changes = 0
        self._changed: set[int] = set()
        self._moved: set[int] = set()
        """Of the changed ones, those that were handed to somebody."""
        self._has_news: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def touch(self, case_ids: Iterable[int], *, may_have_left: bool = False) -> None:
        """These cases changed: tell the screens; with `may_have_left` also those that do not see them any more."""
        changed = tuple(case_ids)
        self.hear(changed, may_have_left=may_have_left)
        self._tell_others(changed, may_have_left)

    def hear(self, case_ids: Iterable[int], *, may_have_left: bool) -> None:
        """As `touch`, of what another console changed."""
        changed = tuple(case_ids)
        self._changes += bool(changed)
        self._on_loop(lambda: self._note(changed, may_have_left))

    def begin_anew(self) -> None:
        """Let every screen ask for everything: something may have been missed."""
        self._changes += 1
        self.announce("resync", "{}")

    def changes(self) -> int:
        """Return a number that is another one when cases have changed."""
        return self._changes

    def scopes(self) -> set[str]:
        """Return the areas that screens are open for."""
        return {screen.scope for screen in tuple(self._screens)}

    def sessions(self) -> set[str]:
        """Return the digests of the sessions that have a screen open."""
        return {screen.session_digest for screen in tuple(self._screens)}

    def announce(self, kind: str, payload: str, *, scope: str | None = None, grid_code: str | None = None) -> None:
        """Send JSON to all screens, to those of one scope, or to those whose scope holds `grid_code`."""
        message = encode(kind, payload)

        def send() -> None:
            for screen in self._screens:
                if scope in (None, screen.scope) and (grid_code is None or is_within(grid_code, screen.scope)):
                    screen.give(message)

        self._on_loop(send)

    def end_session(self, session_digest: str) -> None:
        """Close the screens of a session that is over."""
        self._on_loop(lambda: self._end(session_digest))

    async def run(self) -> None:
        """Send what is gathered, until cancelled."""
        self._loop, self._has_news = asyncio.get_running_loop(), asyncio.Event()
        if self._changed:
            self._has_news.set()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_news.wait(), PING_S)
            if self._has_news.is_set():
                self._has_news.clear()
                try:
                    await self._send_changed()
                except Exception:  # noqa: BLE001  the outermost loop of this task: screens ask anew, and it goes on
                    _log.exception("console: cannot show changed cases")
                    self._broadcast(encode("resync", "{}"))
                await asyncio.sleep(GATHER_S + GATHER_PER_SCREEN_S * len(self._screens))
            else:
                self._broadcast(self._ping())

    async def messages(self, scope: str, session_digest: str, *, is_wall: bool = False) -> AsyncIterator[bytes]:
        """Yield the stream of one screen, until its session ends or the console stops."""
        screen = Screen(scope, session_digest, is_wall)
        self._screens.add(screen)
        try:
            yield self._ping()
            while (message := await screen.messages.get()) is not None:
                yield message
        finally:
            self._screens.discard(screen)

    def close(self) -> None:
        """End all streams."""
        for screen in tuple(self._screens):
            screen.give(None)

    def _ping(self) -> bytes:
        return encode("ping", json.dumps({"now": self._now().isoformat()}))

    def _on_loop(self, act: Callable[[], None]) -> None:
        if self._loop is None:
            act()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is looking any more
                self._loop.call_soon_threadsafe(act)

    def _note(self, case_ids: tuple[int, ...], may_have_left: bool) -> None:
        self._changed.update(case_ids)
        if may_have_left:
            self._moved.update(case_ids)
        if self._changed and self._has_news is not None:
            self._has_news.set()

    def _broadcast(self, message: bytes) -> None:
        for screen in self._screens:
            screen.give(message)

    def _end(self, session_digest: str) -> None:
        for screen in self._screens:
            if screen.session_digest == session_digest:
                screen.give(None)

    async def _send_changed(self) -> None:
        changed, self._changed = sorted(self._changed, reverse=True), set()
        moved, self._moved = self._moved, set()
        for start in range(0, len(changed), MAX_CASES):
            some = changed[start : start + MAX_CASES]
            for scope, is_wall in {(screen.scope, screen.is_wall) for screen in tuple(self._screens)}:
                # A wall is told of each case that is over: what it does not show any more.
                may_be_gone = set(some) if is_wall else moved.intersection(some)
                message = await asyncio.to_thread(self._message, scope, some, may_be_gone, is_wall)
                for screen in tuple(self._screens):
                    if (screen.scope, screen.is_wall) == (scope, is_wall):
                        screen.give(message)

    def _message(self, scope: str, case_ids: Sequence[int], moved: AbstractSet[int], is_wall: bool) -> bytes:
        views = self._view_cases(scope, case_ids)
        views = for_wall(views) if is_wall else views
        message = encode("cases", "[" + ",".join(view.model_dump_json(exclude=_NOT_IN_LISTS) for view in views) + "]")
        gone = sorted(moved - {view.case_id for view in views})
        return message + encode("gone", json.dumps(gone)) if gone else message
