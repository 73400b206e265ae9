"""What a channel is: its settings, how it is built, what it does, and how it says that a delivery failed.

A channel is one file here, named for its kind, that defines `CHANNEL`; finding.py finds it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol, runtime_checkable

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from alerts.envelope import Event
from alerts.errors import AlertsError
from alerts.flagged import FlaggedEvent, Level
from alerts.kinds import KIND_NAMES
from alerts.notice import Severity

if TYPE_CHECKING:  # Every command reads the settings, few send anything: httpx is slow to load.
    from alerts.channels.egress import AllowList

ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""Appears in Redis keys, metrics and log lines."""


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

    def probe(self) -> None:
        """Find out whether the far end is there without telling anybody anything: the canary's and the doctor's path.

        Raises DeliveryError when it is not, EgressError.
        """
        ...

    def close(self) -> None: ...


def _known_kind(name: str) -> str:
    if name not in KIND_NAMES:
        raise ValueError(
            f"没有这种消息：可用 {'、'.join(KIND_NAMES)} (no such kind of event, known: {', '.join(KIND_NAMES)})"
        )
    return name


KindName = Annotated[str, AfterValidator(_known_kind)]


class ChannelSettings(BaseModel):
    """What every channel has: [[alerts.channel]]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ChannelName
    """Appears in Redis keys, metrics and log lines."""
    levels: tuple[Level, ...] = ("hit", "possible")
    """Flagged events of other levels are passed over."""
    kinds: tuple[KindName, ...] = (FlaggedEvent.kind,)
    """Kinds of event that go here; others are passed over."""
    severities: tuple[Severity, ...] = ("critical", "warning")
    """Notices (异常提醒) of other severities are passed over; `kinds` must hold "notice" for any to come."""
    quiet_hours: str = Field(default="", pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")
    """Beijing time such as "22:00-07:00": notices that are not critical, and all ends, wait for its end; "" for none.
    Flagged events never wait."""
    notices_per_hour: int = Field(default=20, ge=1)
    """Notices beyond this wait, and come together where the channel knows digests. Flagged events never wait."""
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    """For one attempt."""

    def wants(self, event: Event) -> bool:
        """Return whether the event goes here; recorded footage sends nobody out."""
        is_of_level = event.grade is None or event.grade in self.levels or event.grade in self.severities
        return event.kind in self.kinds and is_of_level and not event.is_replay


@runtime_checkable
class DigestingChannel(Protocol):
    """A channel that tells several events in one message."""

    @property
    def digest_limit(self) -> int:
        """How many events one message may hold."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a channel is built with besides its settings."""

    link_base: str
    """Links in messages start with it; "" for none."""
    allow_list: "AllowList"
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """What a channel's file defines as `CHANNEL`."""

    title: str
    """Its heading in docs/kakou.toml.md."""
    settings: type[ChannelSettings]
    """Has a field `kind`, the file's name."""
    build: Callable[[Any, Surroundings], Channel]
    """Makes a channel of `settings`. Raises ChannelConfigError, EgressError; a name that cannot be resolved now is no
    error."""
