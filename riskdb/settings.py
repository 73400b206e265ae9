"""Settings of the risk list: section [risk] of kakou.toml."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from riskdb.types import RiskLevel

HEARTBEAT_S = 5.0
"""The process that keeps the list says this often that it is alive."""


class ClockSettings(BaseModel):
    """When a clock may be believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    held_s: float = Field(default=600.0, ge=0)
    """A clock that jumped deletes nothing by its new time before it has held it for this long."""
    tolerance_s: float = Field(default=60.0, gt=0)
    """A difference up to this is no jump, and agrees with the centre's clock."""


class FeedSettings(BaseModel):
    """A machine that sends travel records by itself: no second person, but a quota and a usual shape."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")
    """As the sender writes it in x-kakou-feed; it stands with its records as their source where they name none."""
    secret_files: tuple[Path, ...] = ()
    """Each holds one whsec_... secret; several while a secret is being changed. Empty: nothing comes over HTTP."""
    areas: tuple[str, ...] = ()
    """Area codes that it may report, such as 370200 with all inside; empty: all."""
    rows_per_hour: int = Field(default=100_000, ge=1)
    """More is refused until the hour is over: a sender gone wild must not list a city."""
    most_times_usual: float = Field(default=5.0, gt=1)
    """An hour with so many times the usual rows raises a notice."""


IssuedLetter = Annotated[str, Field(pattern=r"^[一-鿿][A-Z]$")]
IssuedShare = Annotated[float, Field(gt=0, le=1)]


class KafkaSettings(BaseModel):
    """A topic with travel records, one JSON object a message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brokers: str
    """host:port, several parted by commas."""
    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")
    """One JSON object a message; see docs/risk.md."""
    feed: str
    """Name of the [[risk.feed]] whose quota and areas hold."""
    dead_letters: str = ""
    """Topic for records that cannot be read; empty: the topic's own name and .dead."""
    group: str = "kakou"
    """Consumer group."""
    ca_file: Path | None = None
    """PEM of the authority that signed the brokers' certificate; with it, or with `tls`, the link is TLS."""
    tls: bool = False
    """TLS by the machine's own authorities."""
    username: str = ""
    """SASL SCRAM-SHA-512; empty: none."""
    password_file: Path | None = None
    """Holds the password on one line."""
    batch: int = Field(default=2_000, ge=1, le=50_000)
    """Messages taken in one transaction at most."""


class RiskSettings(BaseModel):
    """How long history counts, when a list is too old to trust, and how sure a match must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lookback_days: int = Field(default=14, ge=1, le=28)
    """A stay in a risk area counts for this many days after its last moment there."""
    levels: tuple[RiskLevel, ...] = Field(default=("high", "medium"), min_length=1)
    """Area levels that list a vehicle."""
    expiry_days: int = Field(default=14, ge=1, le=28)
    """An entry ends at most this many days after its record was received, whatever the stay's own end says. Never below
    `lookback_days`, which it would cut short."""
    utc_offset_hours: float = Field(default=8.0, ge=-12, le=14)
    """Times without an offset in imported files are in this zone (Beijing)."""

    stale_after_s: float = Field(default=60.0, ge=2 * HEARTBEAT_S, le=86_400)
    """A list whose heartbeat is older is not asked: the passage is unchecked."""
    alone_for_s: float = Field(default=86_400.0, ge=0)
    """A read-only replica that lost its centre goes on with the last list for this long."""
    recheck_s: float = Field(default=1.0, gt=0)
    """A reader looks again at the list's version, count and heartbeat after this long."""
    reconcile_every_s: float = Field(default=300.0, gt=0)
    """The list in Redis is held against the record, mended, and freed of what has expired at least this often; more
    often where it takes little time."""
    most_shrink: float = Field(default=0.5, gt=0, le=1)
    """A publication that takes away more than this share of a list of more than 20 vehicles is refused, unless
    declarations, liftings, removals or expiry explain it."""
    timeout_s: float = Field(default=0.06, gt=0, le=5)
    """Longest wait for the whole answer to one lookup on the hot path, however slowly its bytes come."""
    connect_timeout_s: float = Field(default=0.03, gt=0, le=5)
    """Longest wait for a connection on the hot path; both together stay under 100 ms."""

    issued_share: float = Field(default=0.2, gt=0, le=1)
    """Share of a city's plate numbers that are issued: how likely an unlisted text is a real plate. For cities that
    `riskdb/issued.py` does not know; one with three million vehicles has issued 0.4 of its numbers, most far fewer."""
    issued_shares: dict[IssuedLetter, IssuedShare] = {}
    """For single cities, by the first two characters of their plates, such as { "粤B" = 0.42 }: goes before the table
    in `riskdb/issued.py`. More makes fewer false alerts, less finds a listed vehicle behind a worse misread."""
    listed_traffic_ratio: float = Field(default=1.0, gt=0)
    """How often a listed vehicle passes, compared with any other one."""
    hit_at: float = Field(default=0.9, gt=0, le=1)
    """Probability from which a match is a hit (命中)."""
    possible_at: float = Field(default=0.1, gt=0, le=1)
    """Probability from which a match is possible (疑似): look at the picture."""

    list_url: str | None = None
    """The centre's Redis that holds the list and nothing else, for boxes to copy; None: redis_url. A copy is one of all
    that a Redis holds: of redis_url each box would get the events and pictures of all others, too."""

    feed: tuple[FeedSettings, ...] = ()
    """Machines that send travel records by themselves."""
    kafka: tuple[KafkaSettings, ...] = ()
    """Topics that `kakou risk feed` reads."""

    @model_validator(mode="after")
    def _feeds_are_known(self) -> "RiskSettings":
        names = [feed.name for feed in self.feed]
        if len(set(names)) < len(names):
            raise ValueError("两个 [[risk.feed]] 同名：每个一个名称 (two feeds have one name)")
        for topic in self.kafka:
            if topic.feed not in names:
                raise ValueError(
                    f"没有名为 {topic.feed} 的 [[risk.feed]]：加上它，或改 [[risk.kafka]] 的 feed"
                    f" (kafka: there is no feed named {topic.feed})"
                )
        return self

    @model_validator(mode="after")
    def _limits_fit_together(self) -> "RiskSettings":
        if self.possible_at > self.hit_at:
            raise ValueError("possible_at 不能大于 hit_at：疑似的界限低于命中 (possible_at must not be above hit_at)")
        if self.expiry_days < self.lookback_days:
            raise ValueError(
                f"expiry_days（{self.expiry_days}）小于 lookback_days（{self.lookback_days}），名单会提前"
                "到期：加大前者，或减小后者"
                " (expiry_days is below lookback_days)"
            )
        return self
