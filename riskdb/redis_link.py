"""One connection to Redis with a time limit that an edge box can live with."""

import socket
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

import hiredis
import redis
from redis.connection import ConnectionPool

from riskdb.digest import DIGEST_BYTES
from riskdb.types import RiskDBError

Command = tuple[str | bytes, ...]
_PackedCommand = tuple[str | int | float | bytes | memoryview]
"""What hiredis says it takes; it takes tuples of any length."""
Answer = TypeVar("Answer")

_BEFORE_DIGEST = b"\r\n$%d\r\n" % DIGEST_BYTES
_DIGEST_ON_WIRE = len(_BEFORE_DIGEST) + DIGEST_BYTES
_ANSWER_ON_WIRE = len(b":0\r\n")
_READ_BYTES = 65_536


class _Wire(Protocol):
    """The part of redis-py's connection that is used here, with the types that it lacks."""

    _sock: socket.socket | None

    def connect_check_health(self, check_health: bool) -> None: ...
    def send_packed_command(self, command: list[bytes], check_health: bool) -> None: ...
    def read_response(self) -> object: ...
    def disconnect(self) -> None: ...


class RedisLink:
    """Sends commands over one connection of redis-py, which keeps reconnecting, authentication and TLS.

    redis-py's command layer and its retries are left out: they cost half the throughput, and block a caller for
    seconds on a dead server. Membership, the hot path, is written and read as the bytes that it is on the wire: all
    digests and all answers have one length, and hiredis takes twice as long to pack them as Redis to answer.
    One thread only.
    """

    def __init__(self, url: str, timeout_s: float, connect_timeout_s: float) -> None:
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=connect_timeout_s,
            protocol=2,
            driver_info=None,
        )
        self._connection = cast("_Wire", pool.make_connection())
        self._buffer = bytearray(_READ_BYTES)

    def ask(self, *commands: Command) -> list[object]:
        """Send the commands in one packet and return their answers. Raises RiskDBError."""
        packed = b"".join(pack(command) for command in commands)

        def once() -> list[object]:
            self._connection.send_packed_command([packed], False)
            return [self._connection.read_response() for _ in commands]

        return self._twice(once)

    def ask_members(self, key: bytes, first: bytes, members: Sequence[bytes]) -> bytes:
        """Return for each 16-byte member, `first` included, whether it is in the set: b"0" or b"1".

        Raises RiskDBError.
        """

        def once() -> bytes:
            self.send_members(key, first, members)
            return self.receive_members(len(members) + 1)

        return self._twice(once)

    def send_members(self, key: bytes, first: bytes, members: Sequence[bytes]) -> None:
        """Ask as `ask_members` does, without waiting for the answer. Raises redis.RedisError, OSError."""
        count = len(members)
        digests = _BEFORE_DIGEST.join(members)
        if len(digests) != count * _DIGEST_ON_WIRE - len(_BEFORE_DIGEST):
            raise ValueError(f"every question has members, and every member {DIGEST_BYTES} bytes")
        head = b"*%d\r\n$10\r\nSMISMEMBER\r\n$%d\r\n%b" % (count + 3, len(key), key)
        parts = (head, _BEFORE_DIGEST, first, _BEFORE_DIGEST, digests, b"\r\n")
        self._connection.send_packed_command([b"".join(parts)], False)

    def receive_members(self, count: int) -> bytes:
        """Return the answer to the oldest `send_members`, of `count` members. Raises redis.RedisError, OSError."""
        head = b"*%d\r\n" % count
        wanted = len(head) + count * _ANSWER_ON_WIRE
        if wanted > len(self._buffer):
            self._buffer = bytearray(wanted)
        self._receive(wanted, head[0])
        if not self._buffer.startswith(head):
            raise redis.ResponseError("an answer of another length than the question's")
        return bytes(self._buffer[len(head) + 1 : wanted : _ANSWER_ON_WIRE])

    def _receive(self, wanted: int, kind: int) -> None:
        """Fill the buffer with an answer of known length whose first byte is `kind`."""
        wire = self._connection._sock
        if wire is None:
            raise redis.ConnectionError("the connection is closed")
        received = 0
        while received < wanted:
            with memoryview(self._buffer)[received:wanted] as rest:
                got = wire.recv_into(rest)
            if not got:
                raise redis.ConnectionError("the server closed the connection")
            received += got
            if self._buffer[0] != kind:
                raise redis.ResponseError(bytes(self._buffer[:received]).decode(errors="replace").strip())

    def close(self) -> None:
        self._connection.disconnect()

    def _twice(self, once: Callable[[], Answer]) -> Answer:
        """Ask; a connection that broke since the last question is made anew once, a time-out is final."""
        try:
            try:
                return once()
            except (redis.TimeoutError, TimeoutError):
                raise
            except (redis.ConnectionError, OSError):
                self.close()
                return once()
        except (redis.RedisError, OSError) as error:
            # Whatever is still on its way must not be taken for the answer to the next question.
            self.close()
            raise RiskDBError(f"the risk list in Redis cannot be asked: {error}") from error


def pack(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(cast("_PackedCommand", command))
    return packed
