"""One connection to Redis with a time limit that an edge box can live with."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import hiredis
import redis
from redis.connection import ConnectionPool

from riskdb.digest import DIGEST_BYTES
from riskdb.hotset.dialling import Dialling, Wire, connected_at_once
from riskdb.hotset.wire import (
    END,
    FLAG_BYTES,
    NO_FIELD,
    field,
    flags_of,
    has_ended,
    let_kernel_time_out,
    next_answer,
    rest,
)
from riskdb.types import RiskDBError

Command = tuple[str | bytes, ...]
_PackedCommand = tuple[str | int | float | bytes | memoryview]
"""What hiredis says it takes; it takes tuples of any length."""
Answer = TypeVar("Answer")

_BEFORE_DIGEST = b"\r\n$%d\r\n" % DIGEST_BYTES
_DIGEST_ON_WIRE = len(_BEFORE_DIGEST) + DIGEST_BYTES
_HGET = b"*3\r\n$4\r\nHGET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n"
_FIELD_BYTES = 1024
"""Most fields are shorter; a larger buffer is slower to have."""
_MISSHAPEN = (TypeError, ValueError, LookupError, AttributeError)
"""What code says of a value that is not what was asked for."""
_TIME_OUTS = (redis.TimeoutError, TimeoutError, BlockingIOError)


class RedisLink:
    """Sends commands over one connection of redis-py, which keeps reconnecting, authentication and TLS.

    redis-py's command layer and its retries are left out: they cost half the throughput, and block a caller for
    seconds on a dead server. Membership, the hot path, is written and read as the bytes that it is on the wire: all
    digests and all answers have one length, and hiredis takes twice as long to pack them as Redis to answer.
    One thread only.
    """

    def __init__(self, url: str, timeout_s: float, connect_timeout_s: float, *, asks_twice: bool = True) -> None:
        """With `asks_twice`, what met a broken connection is asked once more; for one who only reads.

        `timeout_s` is for a whole answer, or for all of a `limited` block, however the bytes come. Outside of one, a
        connection has the sum of both limits to be set up.
        """
        self._pool = ConnectionPool.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=connect_timeout_s,
            protocol=2,
            driver_info=None,
        )
        self._connection: Wire | None = None
        self._dialling: Dialling | None = None
        self._timeout_s = timeout_s
        self._set_up_s = timeout_s + connect_timeout_s
        self._asks_twice = asks_twice
        self._socket: socket.socket | None = None
        self._reader = _new_reader()
        self._heads: dict[tuple[bytes, int], bytes] = {}
        self._deadline: float | None = None

    @contextlib.contextmanager
    def limited(self) -> Iterator[None]:
        """Give all questions of a block one limit together: those of one lookup.

        An answer of another shape than the question's raises RiskDBError too, whoever stumbles over it.
        """
        self._deadline = time.monotonic() + self._timeout_s
        try:
            yield
        except _MISSHAPEN as error:
            self._drop()
            raise RiskDBError("Redis 答非所问：核对 redis_url 指的是不是 kakou 的 Redis") from error
        finally:
            self._deadline = None

    def ask(self, *commands: Command) -> list[Any]:
        """Send the commands in one packet and return their answers. Raises RiskDBError."""
        packed = b"".join(map(pack, commands))

        def once() -> list[Any]:
            wire = self._open()
            wire.sendall(packed)
            deadline = self._deadline or time.monotonic() + self._timeout_s
            answers = [next_answer(self._reader, wire, deadline) for _ in commands]
            if self._reader.has_data():
                raise redis.InvalidResponse("more came than was asked for")
            return answers

        try:
            return once()
        except (redis.RedisError, OSError) as error:
            return self._again(error, once)

    def ask_atomically(self, *commands: Command) -> list[Any]:
        """Send the commands as one transaction and return their answers. Raises RiskDBError."""
        answers = self.ask(("MULTI",), *commands, ("EXEC",))[-1]
        if not isinstance(answers, list):
            raise RiskDBError(f"Redis 答非所问（{type(answers).__name__}）：核对 redis_url 指的是不是 kakou 的 Redis")
        for answer in answers:
            if isinstance(answer, redis.ResponseError):
                raise _refusal(answer) from answer
        return answers

    def ask_members(self, key: bytes, first: bytes, members: Sequence[bytes]) -> bytes:
        """Return for each 16-byte member, `first` included, whether it is in the set: b"0" or b"1".

        Raises RiskDBError.
        """
        try:
            self.send_members(key, first, members)
            return self.receive_members(len(members) + 1)
        except (redis.RedisError, OSError) as error:

            def once() -> bytes:
                self.send_members(key, first, members)
                return self.receive_members(len(members) + 1)

            return self._again(error, once)

    def ask_members_and_field(
        self, key: bytes, first: bytes, members: Sequence[bytes], hash_key: bytes, field: bytes
    ) -> tuple[bytes, bytes | None]:
        """Return what `ask_members` returns, and a field of a hash, in the same round trip.

        The field is None where there is none, or no such hash: nothing about it may stop the other answer.
        Raises RiskDBError.
        """
        question = _HGET % (len(hash_key), hash_key, len(field), field)

        def once() -> tuple[bytes, bytes | None]:
            self.send_members(key, first, members, question)
            return self._receive_both(len(members) + 1)

        try:
            return once()
        except (redis.RedisError, OSError) as error:
            return self._again(error, once)

    def send_members(self, key: bytes, first: bytes, members: Sequence[bytes], more: bytes = b"") -> None:
        """Ask as `ask_members` does, and a packed command `more`, without waiting for the answer.

        Raises redis.RedisError, OSError.
        """
        count = len(members) + 1
        head = self._heads.get((key, count)) or self._new_head(key, count)
        packed = _BEFORE_DIGEST.join((head, first, *members)) + END
        if len(packed) != len(head) + count * _DIGEST_ON_WIRE + len(END):
            raise ValueError(f"every member has {DIGEST_BYTES} bytes")
        (self._socket or self._open()).sendall(packed + more)

    def receive_members(self, count: int) -> bytes:
        """Return the answer to the oldest `send_members`, of `count` members. Raises redis.RedisError, OSError."""
        wire = self._socket
        if wire is None:
            raise redis.ConnectionError("the connection is closed")
        head = b"*%d\r\n" % count
        wanted = len(head) + count * FLAG_BYTES
        deadline = self._deadline or time.monotonic() + self._timeout_s
        answer = wire.recv(wanted)
        if len(answer) < wanted:
            answer = rest(wire, answer, wanted, head, deadline)
        if not answer.startswith(head):
            raise redis.ResponseError(answer.decode(errors="replace").strip())
        return flags_of(answer[len(head) :], count)

    def _receive_both(self, count: int) -> tuple[bytes, bytes | None]:
        """Return the answers to a membership and an HGET, which mostly come in one piece.

        Raises redis.RedisError, OSError.
        """
        wire, deadline = self._socket, self._deadline or time.monotonic() + self._timeout_s
        assert wire is not None
        head = b"*%d\r\n" % count
        wanted = len(head) + count * FLAG_BYTES
        answer = wire.recv(wanted + _FIELD_BYTES)
        if len(answer) < wanted:
            answer = rest(wire, answer, wanted, head, deadline)
        if not answer.startswith(head):
            raise redis.ResponseError(answer.decode(errors="replace").strip())
        flags, tail = flags_of(answer[len(head) : wanted], count), answer[wanted:]
        return flags, None if tail == NO_FIELD else field(wire, tail, deadline)

    def close(self) -> None:
        self._drop()
        if self._dialling is not None:
            self._dialling.cut_off()
            self._dialling = None

    def _drop(self) -> None:
        """Close the connection; one that is being set up goes on."""
        self._socket = None
        self._reader = _new_reader()
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None

    def _new_head(self, key: bytes, count: int) -> bytes:
        head = b"*%d\r\n$10\r\nSMISMEMBER\r\n$%d\r\n%b" % (count + 2, len(key), key)
        if len(self._heads) < 1000:
            self._heads[key, count] = head
        return head

    def _open(self) -> socket.socket:
        if self._socket is not None and not self._asks_twice and has_ended(self._socket):
            self._drop()
        if self._socket is None:
            self._connection = self._set_up()
            self._socket = self._connection._sock
            assert self._socket is not None
            let_kernel_time_out(self._socket, self._timeout_s)
        return self._socket

    def _set_up(self) -> Wire:
        """Return a new connection. Raises redis.RedisError, OSError."""
        if (at_once := connected_at_once(self._pool)) is not None:
            return at_once
        dialling = self._dialling = self._dialling or Dialling(self._pool, self._set_up_s)
        if not dialling.is_over(self._deadline - time.monotonic() if self._deadline else self._set_up_s):
            if dialling.is_stuck():
                dialling.cut_off()
            raise TimeoutError("the connection is not set up in time")
        self._dialling = None
        return dialling.connection()

    def _again(self, error: Exception, once: Callable[[], Answer]) -> Answer:
        """Ask once more where the connection broke since the last question; a time-out is final."""
        # Whatever is still on its way must not be taken for the answer to the next question.
        self._drop()
        is_broken = isinstance(error, redis.ConnectionError | OSError) and not isinstance(error, _TIME_OUTS)
        if not (self._asks_twice and is_broken):
            raise _refusal(error) from error
        try:
            return once()
        except (redis.RedisError, OSError) as second_error:
            self._drop()
            raise _refusal(second_error) from second_error


def open_writer(url: str) -> RedisLink:
    """Return a link for publishing: patient, and it never sends a command twice."""
    return RedisLink(url, timeout_s=30.0, connect_timeout_s=5.0, asks_twice=False)


def is_refusal(error: RiskDBError) -> bool:
    """Whether Redis answered, and refused: the connection is sound."""
    return isinstance(error.__cause__, redis.ResponseError)


def pack(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(cast("_PackedCommand", command))
    return packed


def _new_reader() -> hiredis.Reader:
    return hiredis.Reader(protocolError=redis.InvalidResponse, replyError=redis.ResponseError)


def _refusal(error: Exception) -> RiskDBError:
    return RiskDBError(f"问不到 Redis 中的名单（{error or '没有按时应答'}）")
