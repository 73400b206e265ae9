"""The web server of a process of ours: ends its live streams first, which would keep it from stopping."""

import socket
import threading
from typing import Protocol

import uvicorn


class Streams(Protocol):
    def close(self) -> None:
        """End all of them."""


class Server(uvicorn.Server):
    """Ends when a signal comes or `stop` is set."""

    def __init__(self, config: uvicorn.Config, streams: Streams, stop: threading.Event | None = None) -> None:
        super().__init__(config)
        self._streams = streams
        self._stop = stop or threading.Event()

    async def on_tick(self, counter: int) -> bool:
        """Uvicorn asks ten times a second whether to end."""
        return await super().on_tick(counter) or self._stop.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.close()
        await super().shutdown(sockets)
