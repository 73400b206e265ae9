"""HTTP from devices that may be slow, broken or hostile: headers in so much time and so many bytes.

Uvicorn bounds neither: a sender that drips its headers, never ends them, or goes on with a body that was refused long
ago, would hold a connection for ever.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from kakou.box.doorkeeper import Visit
from pipeline.reads.body import CERTIFICATE

MAX_HEADER_BYTES = 32 * 1024
AT_ONCE_BYTES = 1 << 20
"""A body is handed on when it is all there, or so much of it: uvicorn's way, a turn of the loop and a pause of the
connection for each piece and its body copied at each, took more than all else about a picture of 200 kB."""

log = logging.getLogger(__name__)


class PatientProtocol(HttpToolsProtocol):
    """One connection."""

    header_timeout_s = 10.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        visit: Visit | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._visit = visit
        self._certificate_name = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._is_in_headers = True
        self._pieces: list[bytes] = []
        self._piece_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's signature
        super().connection_made(transport)
        self._certificate_name = name_in(transport.get_extra_info("peercert"))
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        self._end_visit()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio asks whether to stay open, uvicorn never does
        """Stay open for the answer to a sender that has said all there is; TLS ends both ways at once."""
        is_answering = self.cycle is not None and not (self.cycle.response_complete or self.cycle.more_body)
        if not is_answering or self.scheme == "https":
            return False
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        if self._is_in_headers:
            self._header_bytes += len(data)
        self._unset_keepalive_if_required()
        while data and not self.transport.is_closing():
            data = self._fed(data)
        # One piece may hold headers and body: only headers that still have not ended count.
        if self._is_in_headers and self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def _fed(self, data: bytes) -> bytes:
        """Take a piece; return what of it has not been read yet."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            return self._without_upgrade() + data[error.args[0] :]
        except httptools.HttpParserError:
            log.warning("a message that is no HTTP was refused")
            self.send_400_response("Invalid HTTP request received.")
        return b""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._pieces, self._piece_bytes = [], 0
        self.scope["extensions"] = {CERTIFICATE: {"name": self._certificate_name}}
        self._await_headers()

    def on_headers_complete(self) -> None:
        self._is_in_headers = False
        self._forget_deadline()
        self._end_visit()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            return
        self._pieces.append(body)
        self._piece_bytes += len(body)
        if self._piece_bytes >= AT_ONCE_BYTES:
            self._hand_on()
            self.flow.pause_reading()  # until it was taken

    def on_message_complete(self) -> None:
        self._hand_on()
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _hand_on(self) -> None:
        if self._pieces:
            waiting = [bytes(self.cycle.body)] if self.cycle.body else []
            self.cycle.body = b"".join(waiting + self._pieces)  # type: ignore[assignment]  # a bytearray would be copied
            self._pieces, self._piece_bytes = [], 0
            self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        if self.cycle.response_complete and self.cycle.more_body:
            self.transport.close()  # nobody takes the rest of its body
        super().on_response_complete()
        if self.cycle.response_complete and self._deadline is None:
            self._set_deadline()  # uvicorn's own ends with the next byte, a stray one too

    def _without_upgrade(self) -> bytes:
        """Return the headers that were just read, to be read again as what they are.

        The parser leaves the body of a message whose sender would rather speak another protocol, as Java's own client
        would in the first message of each connection.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.send_400_response("This is no proxy.")
            return b""
        first = b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())
        fields = [b"%s: %s" % field for field in self.headers if field[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join((first, *fields, b"", b""))

    def _await_headers(self) -> None:
        self._is_in_headers, self._header_bytes = True, 0
        self._set_deadline()

    def _set_deadline(self) -> None:
        self._forget_deadline()
        self._deadline = self.loop.call_later(self.header_timeout_s, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_visit(self) -> None:
        if self._visit is not None:
            self._visit.end()
            self._visit = None


def name_in(certificate: Mapping[str, Any] | None) -> str:
    """Return the common name of a certificate that was checked, as `getpeercert` gives it; "" where it has not one."""
    parts = (part for parts in (certificate or {}).get("subject", ()) for part in parts)
    names = [value for name, value in parts if name == "commonName"]
    return str(names[0]) if len(names) == 1 else ""


def patient_protocol(header_timeout_s: float) -> type[PatientProtocol]:
    """Return the protocol with this bound."""
    return type("BoundedProtocol", (PatientProtocol,), {"header_timeout_s": header_timeout_s})
