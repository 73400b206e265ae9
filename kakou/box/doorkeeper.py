"""Takes connections in for a server, so that no address holds them all before it has sent a request.

A TLS handshake that never ends would hold a socket for a minute, and is in nobody's count of connections.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sized

SHARE = 4
"""A quarter of the connections may wait for the first request of one address."""
BACKLOG = 2048
AT_ONCE = 64
"""Who waits is let in together: between two turns of the loop those who are in already are served."""
PAUSE_S = 0.1
"""Where no further file can be opened."""

log = logging.getLogger(__name__)


class Visit:
    """A connection whose sender has not sent a request yet."""

    def __init__(self, among: Counter[str], address: str) -> None:
        self._among = among
        self._address = address
        self._is_waiting = True
        among[address] += 1

    def end(self) -> None:
        """Called when it has, or has gone."""
        if self._is_waiting:
            self._is_waiting = False
            self._among[self._address] -= 1
            if not self._among[self._address]:
                del self._among[self._address]


class Doorkeeper:
    """Of one socket that listens."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[Visit], asyncio.Protocol],
        connections: Sized,
        most: int,
        tls: ssl.SSLContext | None,
        handshake_s: float,
    ) -> None:
        """`protocol` makes that of one connection, which ends the visit; `most` bounds `connections`, those made."""
        self._listener = listener
        self._protocol = protocol
        self._connections = connections
        self._most = most
        self._tls = tls
        self._handshake_s = handshake_s
        self._waiting: Counter[str] = Counter()
        self._making: set[asyncio.Task[None]] = set()
        self._is_at_a_loss = False
        """Said once: a system without a free file would fill the log ten times a second."""

    async def run(self) -> None:
        """Take connections in until cancelled."""
        self._listener.listen(BACKLOG)
        self._listener.setblocking(False)
        try:
            while True:
                await self._take_some()
        finally:
            for task in self._making:
                task.cancel()

    async def _take_some(self) -> None:
        try:
            self._receive(*await asyncio.get_running_loop().sock_accept(self._listener))
            with contextlib.suppress(BlockingIOError):
                for _ in range(AT_ONCE):
                    self._receive(*self._listener.accept())
        except OSError as error:
            if not self._is_at_a_loss:
                log.error("no connection can be taken: %s", error)
            self._is_at_a_loss = True
            await asyncio.sleep(PAUSE_S)
        else:
            self._is_at_a_loss = False

    def _receive(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        connection.setblocking(False)
        address = str(peer[0])
        is_full = len(self._connections) + len(self._making) >= self._most
        if is_full or self._waiting[address] >= max(1, self._most // SHARE):
            connection.close()
            return
        task = asyncio.get_running_loop().create_task(self._let_in(connection, Visit(self._waiting, address)))
        self._making.add(task)
        task.add_done_callback(self._making.discard)

    async def _let_in(self, connection: socket.socket, visit: Visit) -> None:
        handshake_s, is_made = self._handshake_s if self._tls else None, False
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._protocol(visit), connection, ssl=self._tls, ssl_handshake_timeout=handshake_s
            )
            is_made = True
        except OSError as error:  # of TLS, too: who cannot agree on it goes
            log.debug("a connection was not made: %s", error)
        finally:
            if not is_made:
                visit.end()
                connection.close()
