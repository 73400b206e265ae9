"""HTTP from devices that may be slow, broken or hostile: headers in so much time and so many bytes, so many at once.

Uvicorn bounds neither: a sender that drips its headers, or never ends them, would hold a connection for ever.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEADER_BYTES = 32 * 1024


class PatientProtocol(HttpToolsProtocol):
    """One connection."""

    header_timeout_s = 10.0
    max_connections = 512

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._is_in_headers = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's signature
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            transport.close()
        else:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        # One piece may hold headers and body: only headers that still have not ended count.
        if self._is_in_headers and self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        self._is_in_headers = False
        self._forget_deadline()
        super().on_headers_complete()

    def _await_headers(self) -> None:
        self._forget_deadline()
        self._is_in_headers, self._header_bytes = True, 0
        self._deadline = self.loop.call_later(self.header_timeout_s, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def patient_protocol(header_timeout_s: float, max_connections: int) -> type[PatientProtocol]:
    """Return the protocol with these bounds."""
    bounds = {"header_timeout_s": header_timeout_s, "max_connections": max_connections}
    return type("BoundedProtocol", (PatientProtocol,), bounds)
