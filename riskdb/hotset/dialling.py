"""Sets a connection up without holding up who waits for it: name, connection, TLS and log-in have one limit together.

redis-py bounds each read of a set-up, not all of it: a server, or a line, that sends a byte now and then holds a caller
for hours; and nothing bounds the look-up of a name. So it is done in a thread, and the caller goes on waiting at the
next question. One thread a link: it is cut off before another one is begun.
"""

import contextlib
import ipaddress
import socket
import threading
import time
from typing import Protocol, cast

import redis
from redis.connection import Connection, ConnectionPool, SSLConnection

CUT_OFF_AFTER = 10
"""A set-up is given up after so many limits of its caller's: a line may be slow and sound."""


class Wire(Protocol):
    """The part of redis-py's connection that is used here, with the types that it lacks."""

    _sock: socket.socket | None

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...


class Dialling:
    """One set-up, under way or over."""

    def __init__(self, pool: ConnectionPool, limit_s: float) -> None:
        """`limit_s`: how long its caller waits at once."""
        self._patience_s = CUT_OFF_AFTER * limit_s
        self._connection = _watched(pool, self._patience_s)
        self._over = threading.Event()
        self._error: Exception | None = redis.ConnectionError("the set-up broke off")
        self._begun = time.monotonic()
        threading.Thread(target=self._connect, name="redis set-up", daemon=True).start()

    def is_over(self, limit_s: float) -> bool:
        """Wait for its end, so long at most."""
        return self._over.wait(max(0.0, limit_s))

    def connection(self) -> Wire:
        """Return the connection once it is over. Raises redis.RedisError, OSError."""
        if self._error is not None:
            raise self._error
        return self._connection

    def is_stuck(self) -> bool:
        return not self._over.is_set() and time.monotonic() - self._begun > self._patience_s

    def cut_off(self) -> None:
        """End it: whatever it reads ends at once. A name that is being looked up ends by itself."""
        twin = getattr(self._connection, "twin", None)
        if twin is not None:
            with contextlib.suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> None:
        try:
            self._connection.connect()
            self._error = None
        except (redis.RedisError, OSError) as error:
            self._error = error
        finally:
            twin = getattr(self._connection, "twin", None)
            if twin is not None:
                twin.close()
            self._over.set()


class _Watched:
    """Keeps a second handle of the socket, for TLS takes the first one away before its handshake."""

    twin: socket.socket | None = None

    def _connect(self) -> socket.socket:
        made: socket.socket = super()._connect()  # type: ignore[misc]  # a connection of redis-py stands behind
        self.twin = made.dup()
        return made


class _WatchedConnection(_Watched, Connection):
    pass


class _WatchedTlsConnection(SSLConnection, _WatchedConnection):
    """TLS is put around what `_WatchedConnection` has connected."""


def connected_at_once(pool: ConnectionPool) -> Wire | None:
    """Return a connection where nothing but the kernel has a part in it; None where somebody is asked: TLS, log-in, a
    database's number, a name.
    """
    given = pool.connection_kwargs
    is_asked = any(given.get(name) for name in ("username", "password", "credential_provider", "db"))
    if is_asked or pool.connection_class is SSLConnection or not _is_address(given.get("host", "127.0.0.1")):
        return None
    made = cast("Wire", pool.connection_class(**given))
    made.connect()
    return made


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def _watched(pool: ConnectionPool, patience_s: float) -> Wire:
    """Return a connection of the pool's kind whose socket can be ended from outside; its reads wait that long."""
    kind = pool.connection_class
    if kind is Connection:
        kind = _WatchedConnection
    elif kind is SSLConnection:
        kind = _WatchedTlsConnection
    waits = {"socket_timeout": patience_s, "socket_connect_timeout": patience_s}
    return cast("Wire", kind(**pool.connection_kwargs | waits))
