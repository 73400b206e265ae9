"""What channels with a lasting connection share: it is made with the first delivery, and anew after a failure."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class ConnectedChannel(Generic[C]):
    """One connection at most. `close` forgets it: what failed must not be sent later by a connection that recovers."""

    parallel = 1

    def __init__(self, name: str, connect: Callable[[], C]) -> None:
        self.name = name
        self._connect = connect
        self._connection: C | None = None

    def ready_in_s(self) -> float:
        return 0.0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> C:
        """Raises DeliveryError, EgressError."""
        if self._connection is None:
            self._connection = self._connect()
        return self._connection
