"""One connection to Redis with a time limit that an edge box can live with."""

from typing import Protocol, cast

import hiredis
import redis
from redis.connection import ConnectionPool

from riskdb.types import RiskDBError

Command = tuple[str | bytes, ...]
_PackedCommand = tuple[str | int | float | bytes | memoryview]
"""What hiredis says it takes; it takes tuples of any length."""


class _Wire(Protocol):
    """The part of redis-py's connection that is used here, with the types that it lacks."""

    def send_packed_command(self, command: list[bytes], check_health: bool) -> None: ...
    def read_response(self) -> object: ...
    def disconnect(self) -> None: ...


def pack(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(cast("_PackedCommand", command))
    return packed


class RedisLink:
    """Sends packed commands over one connection of redis-py, which keeps reconnecting, authentication and TLS.

    redis-py's command layer and its retries are left out: they cost half the throughput, and block a caller for
    seconds on a dead server. One thread only.
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

    def ask(self, *commands: Command) -> list[object]:
        """Send the commands in one packet and return their answers. Raises RiskDBError."""
        packed = b"".join(pack(command) for command in commands)
        return self.ask_packed(packed, len(commands))

    def ask_packed(self, packed: bytes, answers: int) -> list[object]:
        """Send packed commands and return their answers. Raises RiskDBError.

        A connection that broke since the last question is made anew once; a time-out is final.
        """
        try:
            try:
                return self._ask_once(packed, answers)
            except redis.TimeoutError:
                raise
            except redis.ConnectionError:
                return self._ask_once(packed, answers)
        except (redis.RedisError, OSError) as error:
            raise RiskDBError(f"the risk list in Redis cannot be asked: {error}") from error

    def send_packed(self, packed: bytes) -> None:
        """Send without waiting for the answer. Raises RiskDBError."""
        try:
            self._connection.send_packed_command([packed], False)
        except (redis.RedisError, OSError) as error:
            raise RiskDBError(f"the risk list in Redis cannot be asked: {error}") from error

    def next_answer(self) -> object:
        """Return the answer to the oldest question sent. Raises RiskDBError."""
        try:
            return self._connection.read_response()
        except (redis.RedisError, OSError) as error:
            self.close()
            raise RiskDBError(f"the risk list in Redis cannot be asked: {error}") from error

    def close(self) -> None:
        self._connection.disconnect()

    def _ask_once(self, packed: bytes, answers: int) -> list[object]:
        try:
            self._connection.send_packed_command([packed], False)
            return [self._connection.read_response() for _ in range(answers)]
        except redis.RedisError:
            # Whatever is still on its way must not be taken for the answer to the next question.
            self.close()
            raise
