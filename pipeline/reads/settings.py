"""Settings of the cameras that send plate reads: `[reads]` and each `[[reads.device]]` of `kakou.toml`."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.reads.adapter import Mapping
from pipeline.reads.makers import adapter_of

FOLDER = "folder"
"""The maker of what comes as files."""


QuietTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
"""From and until, on one day or over midnight."""


def _known_maker(maker: str) -> str:
    if maker != FOLDER:
        adapter_of(maker)
    return maker


class ConsentSettings(BaseModel):
    """A household's recorded consent to a guard camera at its door; without one there are no events of it"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str = Field(min_length=1)
    """Who agreed."""
    given_at: AwareDatetime
    """When it was given."""
    until: AwareDatetime
    """From this moment on the camera's messages are answered and dropped."""


class BrokerSettings(BaseModel):
    """The MQTT broker that a guard camera's software publishes at"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(min_length=1)
    """Dialled by `kakou run`."""
    port: int = Field(default=8883, ge=1, le=65535)
    """Of the broker."""
    tls: bool = True
    """False only where the network itself is trusted."""
    ca_file: Path | None = None
    """PEM file that the broker's certificate is checked by; none is the system's."""
    user: str | None = None
    """None logs in without a name; its password is the device's secret."""
    topic: str = "frigate/events"
    """What is subscribed to."""


class PullSettings(BaseModel):
    """A Dahua camera that the box attaches to, instead of being posted to"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://[^/?#@]+/?$")
    """The camera's address, such as https://10.20.7.21; the name is `user`, the password stands in secret_file."""
    channel: int = Field(default=1, ge=1)
    """Of a recorder with several cameras."""
    ca_file: Path | None = None
    """PEM file that its certificate is checked by; none is the system's."""


class SubscribeSettings(BaseModel):
    """A GA/T 1400 platform that the box subscribes to motor vehicles at; it notifies the endpoint"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://[^/?#@]+/?$")
    """Root of the platform, such as https://10.20.0.5:8443."""
    device_id: str = Field(pattern=r"^\d{20}$")
    """This box's own code, as the platform knows it."""
    user: str
    """Name that the platform gave for Register."""
    password_file: Path
    """Holds the password for Register."""
    receive_url: str = Field(pattern=r"^https?://[^/?#@]+/?$")
    """Root of this box's endpoint, as the platform reaches it."""
    resource: str = Field(pattern=r"^\d{20}$")
    """ResourceURI: code of the platform or checkpoint whose vehicles are meant."""
    applicant: str = "卡口"
    """ApplicantOrg: who asks."""
    ca_file: Path | None = None
    """PEM file that its certificate is checked by; none is the system's."""


class DeviceSettings(BaseModel):
    """A camera that sends plate reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device_id: str = Field(pattern=r"^[\w.-]{1,40}$")
    """Names the device to the endpoint; for GA/T 1400 its 20-digit id."""
    maker: Annotated[str, AfterValidator(_known_maker)]
    """alarm_info_plate, axis, dahua, gat1400, hikvision, json_mapping; frigate, onvif (doors); folder for files."""
    checkpoint: str = Field(min_length=1)
    """Name of the checkpoint, as people know it."""
    camera: str | None = Field(default=None, pattern=r"^[\w.-]+$")
    """Names the camera in events, counters and Redis keys; none is device_id."""
    lane: str | None = None
    """Devices of one checkpoint and lane (front and rear) see the same vehicles."""
    auth: Literal["path", "header", "digest", "certificate"] = "path"
    """How it shows its secret: in the address, in the header X-Kakou-Key (or as password of Basic), or by digest; or
    who it is by a client certificate of `client_ca`, without a secret."""
    certificate_name: str = ""
    """Common name (CN) of its certificate; none is device_id."""
    secret_file: Path | None = None
    """Holds its secret, 16 or more letters and digits on one line; required unless the maker is folder, or auth is
    certificate."""
    user: str = "kakou"
    """Name for digest; for GA/T 1400 as entered in the camera."""
    serials: tuple[str, ...] = ()
    """What its messages call it (serial number, deviceID, MAC), of a platform its cameras': a message that says another
    is refused. None checks nothing, but for GA/T 1400, where it is device_id."""
    reads_per_s: float = Field(default=20.0, gt=0, le=2000)
    """More messages than this are answered 429, to be sent again; five times as many at once are taken."""
    utc_offset_h: float = Field(default=8.0, ge=-12, le=14)
    """Zone of the device's clock, for times that come without one."""
    folder: Path | None = None
    """Watched for JPEG files, alone or with a JSON file of the same name; they are deleted once taken."""
    mapping: dict[str, str] = {}
    """For json_mapping and folder: where each field stands, such as text = "result.plate.number"."""

    door: str | None = Field(default=None, min_length=1, max_length=200)
    """Of a guard camera: the door that it watches. It needs a consent."""
    quiet: tuple[QuietTime, ...] = ()
    """Times of the day at which the door may be used, such as "07:00-07:30" for tests and rubbish; local time."""
    meeting_url: str = ""
    """Link for a video call with the household; {event_id} stands for the event's id."""
    consent: ConsentSettings | None = None
    pull: PullSettings | None = None
    """Of the maker dahua; none takes what is posted."""
    subscribe: SubscribeSettings | None = None
    """Of the maker gat1400; none waits for what the platform sends by itself."""
    broker: BrokerSettings | None = None
    """Of the maker frigate; none takes what is posted to the device's address."""

    def is_quiet(self, moment: datetime) -> bool:
        """Return whether the door may be used at this time of the day."""
        at = f"{moment.astimezone(timezone(self.utc_offset)):%H:%M}"
        spans = [span.split("-") for span in self.quiet]
        return any(begin <= at < end if begin <= end else at >= begin or at < end for begin, end in spans)

    @property
    def camera_id(self) -> str:
        return self.camera or self.device_id

    @cached_property
    def known_serials(self) -> tuple[str, ...]:
        return self.serials or ((self.device_id,) if self.maker == "gat1400" else ())

    @property
    def posts(self) -> bool:
        """Whether it sends to the endpoint: files lie in a folder, and some cameras are asked."""
        return self.maker != FOLDER and self.pull is None

    @cached_property
    def utc_offset(self) -> timedelta:
        return timedelta(hours=self.utc_offset_h)

    @cached_property
    def paths(self) -> Mapping:
        return Mapping(tuple(self.mapping.items()))

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> "DeviceSettings":
        if self.door is not None and self.consent is None:
            raise ValueError(
                f"{self.device_id}：有 door 就要写 [reads.device.consent]：by、given_at、until (door needs consent)"
            )
        if self.pull is not None and self.maker != "dahua":
            raise ValueError(f'{self.device_id}：只有 maker = "dahua" 可用 pull (pull is of the maker dahua alone)')
        if self.subscribe is not None and (self.maker != "gat1400" or self.auth not in ("path", "certificate")):
            raise ValueError(
                f'{self.device_id}：subscribe 只用于 maker = "gat1400"，且 auth 为 path 或 certificate'
                " (subscribe is of the maker gat1400 alone, with auth path or certificate)"
            )
        if self.maker == FOLDER and self.folder is None:
            raise ValueError(
                f'{self.device_id}：maker = "folder" 必须写 folder (folder is required for the maker folder)'
            )
        if self.maker != FOLDER and self.secret_file is None and self.auth != "certificate":
            raise ValueError(f"{self.device_id}：必须写 secret_file，否则谁都能上报 (secret_file is required)")
        return self


class ReadsSettings(BaseModel):
    """Plate reads that cameras send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address that the cameras reach this box at; other than loopback it needs TLS, or the next setting."""
    port: int = Field(default=8070, ge=0, le=65535)
    """Port of the endpoint; 0 takes a free one."""
    tls_certificate: Path | None = None
    """PEM file; with tls_key the endpoint speaks https."""
    tls_key: Path | None = None
    """PEM file of the certificate's key."""
    client_ca: Path | None = None
    """PEM file of the authority that signed the devices' client certificates, for auth = "certificate"."""
    camera_network_is_separate: bool = False
    """True: cameras send without TLS, over a network that nobody else is in."""
    max_body_mb: float = Field(default=4.0, gt=0, le=64)
    """Larger messages are refused (413)."""
    receive_timeout_s: float = Field(default=10.0, gt=0)
    """A message that takes longer to come in is refused (408)."""
    max_connections: int = Field(default=512, gt=0)
    """More at once are closed unanswered; a quarter of them may wait for the first request of one address."""
    replay_window_h: float = Field(default=72.0, gt=0)
    """A message is known again for this long; one that is older by its device's clock is refused."""
    late_after_s: float = Field(default=60.0, gt=0)
    """A read that arrives, or is decided, so long after its vehicle passed is no fresh alarm."""
    silent_after_h: float = Field(default=12.0, gt=0)
    """A device that sent nothing for this long, no sign of life either, is a notice."""
    together_s: float = Field(default=1.5, ge=0, le=60)
    """Reads of one lane whose plates agree within this time are one passage."""
    reads_pictures: bool = True
    """Whether our own reader reads the pictures that come along; False believes the cameras alone."""
    camera_weight: float = Field(default=0.5, gt=0, le=2)
    """How much a camera's text counts beside our own reading of its picture (1.0). `python -m bench.mixed_reads`."""
    common_errors: float = Field(default=0.3, ge=0, le=1)
    """Share of our own reading's errors that the camera makes, too: so much of our doubt stays where both agree."""
    picture_backlog: int = Field(default=50, ge=0)
    """While more reads than this wait, pictures of texts that are surely read are not read again."""
    quarantine_hours: float = Field(default=24.0, gt=0, le=24)
    """Messages that could not be understood are kept encrypted for this long."""
    quarantine_max_mb: int = Field(default=64, gt=0)
    """The oldest are deleted beyond this."""
    devices: tuple[DeviceSettings, ...] = Field(default=(), alias="device")

    @field_validator("devices")
    @classmethod
    def _are_different(cls, devices: tuple[DeviceSettings, ...]) -> tuple[DeviceSettings, ...]:
        doubled = [name for name, count in Counter(device.device_id for device in devices).items() if count > 1]
        if doubled:
            raise ValueError(f"device_id {'、'.join(doubled)} 写了两次：每台设备一个 (device_id stands twice)")
        return devices

    @model_validator(mode="after")
    def _can_check_certificates(self) -> "ReadsSettings":
        shown = [device.device_id for device in self.devices if device.auth == "certificate"]
        if shown and not (self.client_ca and self.tls_certificate):
            raise ValueError(
                f'{"、".join(shown)}：auth = "certificate" 还要写 [reads] client_ca、tls_certificate 和 tls_key'
                " (auth = certificate needs client_ca, tls_certificate and tls_key)"
            )
        return self
