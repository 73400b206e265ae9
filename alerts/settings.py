"""Settings of the event queue and the delivery channels: the section [alerts] of kakou.toml."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny

from alerts.channels.base import ChannelSettings
from alerts.channels.finding import channel_kind


def _of_its_kind(given: object) -> object:
    """Return a [[alerts.channel]] as the model that its kind's file defines."""
    return channel_kind(given.get("kind")).settings.model_validate(given) if isinstance(given, dict) else given


AnyChannel = Annotated[SerializeAsAny[ChannelSettings], BeforeValidator(_of_its_kind)]


class AlertsSettings(BaseModel):
    """Events and their delivery."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream_url: str | None = None
    """Redis that holds the event stream; None is redis_url. A box whose own Redis is a read-only replica names the
    centre's here."""
    moves_pictures: bool | None = None
    """Whether `kakou run` sends pictures after their events to that Redis, for the console of another machine, and
    deletes them here; None: where stream_url is set."""
    pictures_kept_h: int = Field(default=7 * 24, ge=1)
    """Pictures that could not be sent are deleted after this time."""
    reserve_mib: int = Field(default=32, ge=0, le=1024)
    """Disk space set aside for flagged events alone: about 10,000 of them after the disk is full."""
    sent_kept_h: int = Field(default=7 * 24, ge=1)
    """Relayed events stay in the outbox this long, to be sent again to a Redis that lost them."""
    stream_kept_h: int = Field(default=48, ge=1)
    """Events stay in the stream at least this long, and always until every group is done with them."""
    dead_kept_h: int = Field(default=30 * 24, ge=1)
    """Dead letters that nobody dealt with are deleted after this time: they hold plates."""
    link_base: str = ""
    """Where the console lives, such as https://console.example; links in messages start with it."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that channels may call; their addresses must be public or lie in allowed_networks."""
    allowed_networks: tuple[str, ...] = ()
    """CIDRs that channels may reach though they are not public, such as 10.20.0.0/16."""
    allowed_ports: tuple[int, ...] = (443,)
    """Ports that channels may call."""
    channels: tuple[AnyChannel, ...] = Field(default=(), alias="channel")
