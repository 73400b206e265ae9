"""Settings of the event queue and the delivery channels: the section [alerts] of kakou.toml."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from alerts.envelope import Event
from alerts.flagged import FlaggedEvent, Level
from alerts.kinds import KIND_NAMES

ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""Appears in Redis keys, metrics and log lines."""


def _known_kind(name: str) -> str:
    if name not in KIND_NAMES:
        raise ValueError(f"no such kind of event, known: {', '.join(KIND_NAMES)}")
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
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    """For one attempt."""

    def wants(self, event: Event) -> bool:
        """Return whether the event goes here; recorded footage sends nobody out."""
        is_of_level = event.grade is None or event.grade in self.levels
        return event.kind in self.kinds and is_of_level and not event.is_replay


class WebhookSettings(ChannelSettings):
    kind: Literal["webhook"]
    """Signed as Standard Webhooks 1.0.0 say."""
    url: str
    """https://...; its host must be in allowed_hosts."""
    secret_files: tuple[Path, ...] = Field(min_length=1)
    """Each holds one whsec_... secret; several while a secret is being changed."""
    full_payload: bool = False
    """False: id, checkpoint, time, level and link. True: the plate too, for endpoints entitled to it."""
    parallel: int = Field(default=4, ge=1, le=32)
    """Requests on their way at once."""


class BotSettings(ChannelSettings):
    """A robot in a group chat: sees the masked plate only."""

    kind: Literal["wecom", "dingtalk", "feishu"]
    """Whose robot it is."""
    url: str | None = None
    """Address up to the question mark (Feishu: up to the token); None is the vendor's own."""
    token_file: Path
    """Holds WeCom's key, DingTalk's access_token or Feishu's hook id."""
    secret_file: Path | None = None
    """DingTalk and Feishu: signs each message; None where the robot is set up without."""
    per_minute: int | None = Field(default=None, ge=1)
    """None is the vendor's own limit: 20, 20 and 100."""


class MqttSettings(ChannelSettings):
    kind: Literal["mqtt"]
    """Needs paho-mqtt: `make setup` installs it."""
    host: str
    """The broker; must be in allowed_hosts."""
    port: int = Field(default=8883, ge=1, le=65535)
    """Of the broker; must be in allowed_ports."""
    topic: str = "kakou/events"
    """The checkpoint is added as the last level."""
    username: str | None = None
    """None logs in without a name."""
    password_file: Path | None = None
    """Holds the password and nothing else."""
    tls: bool = True
    """False only where the network itself is trusted."""
    full_payload: bool = False
    """True sends the plate too."""
    message_expiry_s: int = Field(default=24 * 3600, ge=1)
    """The broker drops what nobody fetched within this time."""


class FileSettings(ChannelSettings):
    kind: Literal["file"]
    """One event a line, appended."""
    path: Path
    """Where to."""
    full_payload: bool = True
    """False leaves the plate out."""


class LaneSettings(ChannelSettings):
    """Sound and text at the barrier, on the box itself: works with the uplink down."""

    kind: Literal["lane"]
    """A command of yours that makes sound or light."""
    command: tuple[str, ...] = Field(min_length=1)
    """Run without a shell for each event, which it gets as one JSON line on its standard input."""
    kinds: tuple[Literal["flagged"], ...] = ("flagged",)
    """A car at the barrier and nothing else."""
    max_age_s: float = Field(default=120.0, gt=0)
    """Older events are passed over: the car has left the barrier."""


AnyChannel = Annotated[
    WebhookSettings | BotSettings | MqttSettings | FileSettings | LaneSettings, Field(discriminator="kind")
]


class AlertsSettings(BaseModel):
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
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """`kakou deliver` serves /metrics here on 127.0.0.1; 0 serves none."""
    channels: tuple[AnyChannel, ...] = Field(default=(), alias="channel")
