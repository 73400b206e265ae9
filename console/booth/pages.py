"""The open pages of a box's booths: who looks, and what each is told at once."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

from alerts.booth_link import BoothWord, OpenBooths
from console.booth.board import BoothBoard, Sight, view_of
from console.booth.devices import Device, Devices
from console.booth.notices import BoothNotices
from console.sse import encode

LOOK_EVERY_S = 2.0
_QUEUE_LENGTH = 64


@dataclass(eq=False, slots=True)
class OpenPage:
    device: Device
    token: str
    messages: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(_QUEUE_LENGTH))

    def give(self, message: bytes | None) -> None:
        """Queue a message; a page that lies so far behind is ended, and begins anew."""
        try:
            self.messages.put_nowait(message)
        except asyncio.QueueFull:
            while not self.messages.empty():
                self.messages.get_nowait()
            self.messages.put_nowait(None)


class BoothPages:
    """Lives on the event loop; only `take` may be called from another thread."""

    def __init__(
        self,
        board: BoothBoard,
        devices: Devices,
        open_booths: OpenBooths,
        notices: BoothNotices,
        now: Callable[[], datetime],
    ) -> None:
        self._board = board
        self._devices = devices
        self._open_booths = open_booths
        self._notices = notices
        self._now = now
        self._pages: set[OpenPage] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def take(self, word: BoothWord) -> None:
        """Show what a camera's process says, at once."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the box ends
                self._loop.call_soon_threadsafe(self._take, word)

    async def run(self) -> None:
        """Every few seconds: forget what is old, tell how things stand, and say who looks; until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            for sight in self._board.forget():
                self.tell(sight, "gone")
            for page in tuple(self._pages):
                if self._devices.find(page.token) is None:
                    page.give(encode("ended", "{}"))
                    page.give(None)
                else:
                    page.give(self._state_of(page.device))
            self._note_open()
            await asyncio.sleep(LOOK_EVERY_S)

    async def messages(self, device: Device, token: str) -> AsyncIterator[bytes]:
        """Yield the stream of one page: all that is shown, and then what is new."""
        page = OpenPage(device, token)
        self._pages.add(page)
        self._note_open()
        try:
            yield encode("all", "[" + ",".join(_json(sight) for sight in self._board.shown_to(device)) + "]")
            yield self._state_of(device)
            while not self._is_closed and (message := await page.messages.get()) is not None:
                yield message
        finally:
            self._pages.discard(page)
            self._note_open()

    def tell(self, sight: Sight, kind: str = "sight") -> None:
        message = encode(kind, _json(sight) if kind == "sight" else str(sight.number))
        for page in self._pages:
            if page.device.shows(sight.passage.checkpoint, sight.passage.camera_id):
                page.give(message)

    def close(self) -> None:
        """End all streams, and say that nobody looks any more."""
        self._is_closed = True
        for page in tuple(self._pages):
            page.give(None)
        self._open_booths.note(set())

    def _take(self, word: BoothWord) -> None:
        sight = self._board.take(word)
        if sight is not None:
            self.tell(sight)

    def _state_of(self, device: Device) -> bytes:
        state = {
            "now": self._now().isoformat(),
            "problems": self._board.problems_at(device),
            "notices": [notice.model_dump() for notice in self._notices.at(device)],
            "unsent": self._board.waiting_to_be_sent(device),
        }
        return encode("state", json.dumps(state, ensure_ascii=False))

    def _note_open(self) -> None:
        if not self._is_closed:
            self._open_booths.note({(page.device.checkpoint, page.device.camera_id) for page in self._pages})


def _json(sight: Sight) -> str:
    return view_of(sight).model_dump_json()
