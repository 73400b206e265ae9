"""Settings of the console: section [console] of kakou.toml."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

REASSURANCE = (
    "【卡口核实】{grid}今天有一件事项需要核实，社区网格员已按规定核实办结，属于正常工作。"
    "请大家不猜测、不转发车牌和个人信息，有疑问请联系网格员。"
)


class CheckpointPlace(BaseModel):
    """Where a checkpoint stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """The checkpoint's name as the boxes send it."""
    grid_code: str = Field(pattern=r"^\d{6}(\d{3}(\d{3}(\d{2}(\d{2})?)?)?)?$")
    """CJ/T 349: county 6, street 9, community 12, grid 14, micro-grid 16 digits."""
    longitude: float | None = None
    """WGS-84, degrees; None: the checkpoint is not placed on the map."""
    latitude: float | None = None
    """As longitude."""


class MessengerSettings(BaseModel):
    """Tells grid workers of a dispatch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["wecom", "dingtalk", "feishu"]
    """企业微信, 钉钉 or 飞书."""
    app_id: str
    """WeCom: corpid; DingTalk: AppKey; Feishu: App ID."""
    secret_file: Path
    """A file with the application's secret on one line."""
    agent_id: str = Field(default="0", pattern=r"^\d{1,18}$")
    """WeCom and DingTalk: the application's AgentId."""
    url: str | None = Field(default=None, pattern=r"^https?://")
    """None = the vendor's own; or a private gateway in front of it."""
    allowed_networks: tuple[str, ...] = ()
    """Networks of a private gateway, such as 10.0.0.0/8; empty: the host of the url, by name."""
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    """For one message."""


class GroupSettings(BaseModel):
    """The group chat of a micro-grid, which may be told that a case is closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    grid_code: str = Field(pattern=r"^\d{6}(\d{3}(\d{3}(\d{2}(\d{2})?)?)?)?$")
    """Whose group it is; a case goes to the smallest area with a group that it lies in."""
    channel: str
    """Name of its robot among `[[alerts.channel]]`."""


class ConsoleSettings(BaseModel):
    """Command screen and phone page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"  # other machines reach it only once somebody opens it, with a certificate
    port: int = Field(default=8080, ge=0, le=65535)  # 0 = any free port
    tls_certificate: Path | None = None  # PEM; needed wherever the address is not this machine's own
    tls_key: Path | None = None  # PEM
    behind_tls_proxy: bool = False  # a proxy in front speaks TLS for us
    trusted_proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-For is believed
    database_url: str | None = None  # None = SQLite in the state folder; or postgresql+psycopg://...
    county_code: str = Field(default="000000", pattern=r"^\d{6}$")  # top of escalation; unknown checkpoints
    grids_path: Path | None = None  # GeoJSON with grid_id, name, level, parent_id; None = a schematic map
    checkpoint: tuple[CheckpointPlace, ...] = ()
    public_url: str = ""  # where people reach the console, such as https://console.example; links in messages
    messenger: tuple[MessengerSettings, ...] = ()
    groups: tuple[GroupSettings, ...] = Field(default=(), alias="group")
    """Groups that may be told of closed cases; nothing goes there before a person pressed 发送."""
    group_text: str = Field(default=REASSURANCE, min_length=1, max_length=1000)
    """What they are told; {grid} stands for the area's name. Nothing of the case is in it."""
    confirm_timeout_s: float = Field(default=60, gt=0)  # a person has looked at it
    accept_timeout_s: float = Field(default=180, gt=0)  # a grid worker has taken it
    contact_timeout_s: float = Field(default=1800, gt=0)  # the vehicle's people were spoken to
    close_timeout_s: float = Field(default=86400, gt=0)  # closed
    attach_minutes: float = Field(default=30, ge=0)  # a second passage within this joins the open case
    idle_minutes: float = Field(default=30, gt=0)  # a session without a request or an open screen ends
    worker_idle_minutes: float = Field(default=720, gt=0)  # phones sleep in pockets for a shift
    session_hours: float = Field(default=12, gt=0)  # one shift; then everybody logs in again
    wall_days: float = Field(default=90, gt=0, le=400)  # a wall (大屏) stays logged in, or until switched off
    invitation_hours: float = Field(default=72, gt=0)  # one-time links
    login_tries: str = "1/second;5/minute;20/hour"  # failed log-ins of an account from one address; of an address
    login_tries_of_strangers: str = "100/hour"  # of an account, from all addresses where its person never logged in
    audit_reading_minutes: float = Field(default=10, ge=0)  # reading the same again within this is no new audit row
    approval_rows: int = Field(default=100, ge=0)  # rows that one person brings in alone a day; more need a second
    correction_hours: float = Field(default=24, gt=0)  # a vehicle taken off comes back then, unless a steward confirmed
    objection_hours: float = Field(default=24, gt=0)  # a driver's objection is answered within this, or shown as late
    stale_status_s: float = Field(default=15, gt=0)  # a box that says nothing for longer is shown as lost
    stale_list_s: float = Field(default=900, gt=0)  # a list older than this is shown in red
    max_cameras: int = Field(default=4000, ge=1, le=50_000)  # that report; more are counted in one line, not shown
    plateless_hours: float = Field(default=3, gt=0)  # by day, while other cameras see plates
    evidence_days: int = Field(default=30, ge=1, le=90)  # after closing; then plate and pictures are erased
    photo_megabytes: float = Field(default=8, gt=0)  # a worker's photo
    desk_phone: str = Field(default="", pattern=r"^\+?[0-9-]{0,20}$")  # the duty desk, for grid workers; "" = none
    demo: bool = False  # every page says that plates and places are invented
    accept_replayed: bool = False  # recorded footage opens cases too (for demonstrations and drills)

    @property
    def attach_window(self) -> timedelta:
        return timedelta(minutes=self.attach_minutes)
