"""What every channel offers, and how it says that a delivery failed."""

from collections.abc import Sequence
from typing import Protocol

from alerts.envelope import Event
from alerts.errors import AlertsError


class DeliveryError(AlertsError):
    """The events did not arrive, as far as we know. The message names no plate and no secret."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, is_gone: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """The receiver asked for this much rest; None when it did not."""
        self.is_gone = is_gone
        """The receiver said that it wants no more events at all (HTTP 410)."""


class ChannelConfigError(AlertsError):
    """A channel's settings cannot work; the message names the channel, the setting and what to do."""


class Channel(Protocol):
    """A way out. Used by several threads at once when `parallel` is above 1."""

    @property
    def name(self) -> str: ...

    @property
    def parallel(self) -> int:
        """How many deliveries may be under way at once."""
        ...

    @property
    def batch_limit(self) -> int:
        """How many events one delivery may hold right now; above 1 they become a digest."""
        ...

    def ready_in_s(self) -> float:
        """Return how long the channel's own limit asks to wait before the next delivery, 0.0 for not at all."""
        ...

    def deliver(self, events: Sequence[Event]) -> None:
        """Deliver 1 to `batch_limit` events; returning means that all have arrived.

        Raises DeliveryError: none counts as arrived.
        """
        ...

    def close(self) -> None: ...
