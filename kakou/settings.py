"""All settings of a box or a centre, read from one `kakou.toml`."""

import os
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from alerts.settings import AlertsSettings
from console.booth.settings import BoothSettings
from console.settings import ConsoleSettings
from kakou.disk_words import folder_fault
from kakou.links import AddressError, open_links
from kakou.sane_values import insane_values, truths_for_numbers
from kakou.settings_words import explained, toml_fault
from kakou.workable import unworkable
from pipeline.reads.settings import ReadsSettings
from pipeline.settings import PipelineSettings, SourceSettings
from riskdb.settings import ClockSettings, RiskSettings

DEFAULT_PATH = Path("kakou.toml")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
_OPEN_LINK = (
    "到 {host} 的连接没有 TLS 保护，会明文传送号牌和密码。请改用 rediss://、https:// 或 tls = true，"
    "数据库用 sslmode=verify-full；若线路另有保护（如 VPN），请写明 "
    'allow_unencrypted_links_to = ["{host}"] (a link to another machine without TLS)'
)


class SettingsError(Exception):
    """The configuration file cannot be used; the message names the file, the key and the line."""


class WatchSettings(BaseModel):
    """What the system says of itself: notices, canary, metrics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centre_name: str = Field(default="指挥中心", min_length=1)
    """What notices of the centre call the place."""
    every_s: float = Field(default=5.0, gt=0)
    """How often everything is looked at."""
    disk_low_gib: float = Field(default=5.0, gt=0)
    """With less free space than this the notice 磁盘空间不足 begins."""
    disk_full_mib: int = Field(default=512, ge=1)
    """With less free space than this the notice 磁盘已满 begins."""
    queue_old_s: float = Field(default=60.0, gt=0)
    """Events that wait on this machine for longer are a notice."""
    clock_apart_s: float = Field(default=5.0, gt=0)
    """A box whose clock differs from the centre's by more is a notice."""
    certificate_days: int = Field(default=14, ge=1)
    """A certificate that ends within so many days is a notice."""
    canary_minutes: float = Field(default=10.0, ge=0)
    """How often a box with cameras sends its canary (自检车) through; 0 never."""
    run_port: int = Field(default=0, ge=0, le=65535)
    """`kakou run` serves /metrics, /healthz and /readyz here on 127.0.0.1; 0 serves none."""
    risk_port: int = Field(default=0, ge=0, le=65535)
    """The same of `kakou risk serve`."""
    console_port: int = Field(default=0, ge=0, le=65535)
    """The same of `kakou console`."""
    deliver_port: int = Field(default=0, ge=0, le=65535)
    """The same of `kakou deliver`."""


class BackupSettings(BaseModel):
    """What `kakou backup` seals with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_file: Path | None = None
    """A random key or a passphrase, 16 bytes at least; None makes `backup.key` in the state folder. Keep a copy of it
    apart from the backups, for nothing else opens them. The sunset destroys this file first."""


class Settings(BaseModel):
    """The box or centre; every section may be left out, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state_dir: Path = Path("var")
    """Everything that must outlive a process: record, outbox, key, embedded Redis, evidence."""
    sunset_days: int = Field(default=90, ge=1, le=90)
    """So many days after the first start matching stops and everything is destroyed, unless `kakou sunset --renew`."""
    redis_url: str | None = None
    """None starts an embedded server in the state folder. The environment's REDIS_URL wins."""
    allow_unencrypted_links_to: tuple[str, ...] = ()
    """Hosts of other machines that Redis, channels and database may be reached on without TLS, as they are spelled in
    their URLs: only where something else protects the line, such as a VPN. Any other such link is refused."""
    ocr_model: str | None = None
    """A recogniser of the fast-plate-ocr hub in place of ours; those know no province character."""
    ocr_provider: Literal["cpu", "cuda", "tensorrt", "openvino"] = "cpu"
    """What the models of `kakou run` run on, like a replay's `--provider`; all but "cpu" need another onnxruntime."""
    sources: tuple[SourceSettings, ...] = Field(default=(), alias="source")
    pipeline: PipelineSettings = PipelineSettings()
    risk: RiskSettings = RiskSettings()
    clock: ClockSettings = ClockSettings()
    alerts: AlertsSettings = AlertsSettings()
    reads: ReadsSettings = ReadsSettings()
    console: ConsoleSettings = ConsoleSettings()
    watch: WatchSettings = WatchSettings()
    booth: BoothSettings = BoothSettings()
    backup: BackupSettings = BackupSettings()

    @field_validator("sources")
    @classmethod
    def _are_different(cls, sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        doubled = [name for name, count in Counter(source.camera_id for source in sources).items() if count > 1]
        if doubled:
            raise ValueError(
                f"camera_id {'、'.join(doubled)} 写了两次：每台摄像机一个 (camera_id {', '.join(doubled)} stands twice)"
            )
        return sources

    @property
    def cameras(self) -> tuple[tuple[str, str], ...]:
        """Name and checkpoint of every camera: of those whose video is looked at, and of those that send reads."""
        watched = [(source.camera_id, source.checkpoint) for source in self.sources]
        return (*watched, *((device.camera_id, device.checkpoint) for device in self.reads.devices))

    @model_validator(mode="after")
    def _names_each_camera_once(self) -> "Settings":
        names = Counter(camera_id for camera_id, _ in self.cameras)
        if doubled := [name for name, count in names.items() if count > 1]:
            raise ValueError(
                f"{'、'.join(doubled)} 写了两次：每台摄像机、每台上报相机各用一个名称"
                f" (camera {', '.join(doubled)} stands twice)"
            )
        return self


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings in `path`, or in ./kakou.toml when there is one, else the defaults. Raises SettingsError."""
    text = _read(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path or DEFAULT_PATH}{toml_fault(str(error), text)}") from error
    if redis_url := os.environ.get("REDIS_URL"):
        table["redis_url"] = redis_url
    _refuse_odd_addresses(table, path or DEFAULT_PATH, text)
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        raise SettingsError(_explain(error, path or DEFAULT_PATH, text)) from error
    odd = [*insane_values(table), *truths_for_numbers(table, settings.model_dump(by_alias=True))]
    if faults := odd or [*unworkable(settings)]:
        lines = (f"{path or DEFAULT_PATH}:{_line_of(at, text)}: {_dotted(at)}: {why}" for at, why in faults)
        raise SettingsError("\n".join(lines))
    _refuse_open_links(settings, path or DEFAULT_PATH)
    if (fault := folder_fault(settings.state_dir)) is not None:
        raise SettingsError(f"{path or DEFAULT_PATH}: state_dir: {fault}")
    return settings


def _refuse_odd_addresses(table: dict[str, object], path: Path, text: str) -> None:
    """Raise SettingsError where the address of a Redis is of nothing that a Redis answers at."""
    alerts = table.get("alerts")
    stream_url = alerts.get("stream_url") if isinstance(alerts, dict) else None
    risk = table.get("risk")
    list_url = risk.get("list_url") if isinstance(risk, dict) else None
    urls = (
        (("redis_url",), table.get("redis_url")),
        (("alerts", "stream_url"), stream_url),
        (("risk", "list_url"), list_url),
    )
    for at, url in urls:
        if isinstance(url, str) and not url.startswith(REDIS_SCHEMES):
            where = f"{path}:{_line_of(at, text)}: {_dotted(at)}"
            if at == ("redis_url",) and "REDIS_URL" in os.environ:
                where = "环境变量 REDIS_URL"
            raise SettingsError(
                f"{where}: Redis 的地址应以 {'、'.join(REDIS_SCHEMES)} 开头，如 redis://127.0.0.1:6379/0"
            )


def _refuse_open_links(settings: Settings, path: Path) -> None:
    alerts = settings.alerts
    links = open_links(
        settings.redis_url,
        alerts.stream_url,
        settings.console.database_url,
        alerts.channels,
        settings.risk.kafka,
        settings.reads.devices,
        settings.risk.list_url,
    )
    try:
        refused = [(name, host) for name, host in links if host not in settings.allow_unencrypted_links_to]
    except AddressError as error:
        raise SettingsError(f"{path}: {error}") from error
    if refused:
        raise SettingsError("\n".join(f"{path}: {name}: {_OPEN_LINK.format(host=host)}" for name, host in refused))


def _read(path: Path | None) -> str:
    if path is None and not os.path.lexists(DEFAULT_PATH):
        return ""
    chosen = path or DEFAULT_PATH
    try:
        return chosen.read_text(encoding="utf-8-sig")  # editors of Windows put a mark before the text
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{chosen}: 读不了：{_unread(error, chosen)}") from error


def _unread(error: OSError | UnicodeDecodeError, path: Path) -> str:
    """Return why a file cannot be read, and what to do."""
    if path.is_symlink() and not path.is_file():
        return "它是一个链接，指向的不是文件：改正链接，或放回 kakou.toml"
    if isinstance(error, FileNotFoundError):
        return "没有这个文件：用 --config 指明 kakou.toml"
    if isinstance(error, PermissionError):
        return "没有读权限：设置文件应属于服务的用户或可供其读取"
    if isinstance(error, IsADirectoryError):
        return "它是文件夹：移走它，放回 kakou.toml"
    if isinstance(error, UnicodeDecodeError):
        return "不是 UTF-8 文字：在编辑器里另存为 UTF-8"
    return "应为普通文件"


def _explain(error: ValidationError, path: Path, text: str) -> str:
    lines = []
    for problem in error.errors():
        at = f"{path}:{_line_of(problem['loc'], text)}"
        lines.append(": ".join(part for part in (at, _dotted(problem["loc"]), explained(problem, Settings)) if part))
    return "\n".join(lines)


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _line_of(location: tuple[int | str, ...], text: str) -> int:
    """Return the number of the line that sets a key; when the key is missing, of its table's header, or 1."""
    if not location:  # a rule of the whole file
        return 1
    *table, key = location
    header_line = 1
    for number, current, content in _lines_with_tables(text):
        if current[: len(location)] == location:
            return number
        if current == tuple(table):
            header_line = number if content.startswith("[") else header_line
            if content.split("=")[0].strip(" \"'") == str(key):
                return number
    return header_line


def _lines_with_tables(text: str) -> Iterator[tuple[int, tuple[int | str, ...], str]]:
    """Yield each line with its number and the table it stands in, such as ("source", 1)."""
    table: tuple[int | str, ...] = ()
    seen: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if content.startswith("["):
            name = content.split("]")[0].strip("[ ")
            table = tuple(name.split("."))
            if content.startswith("[["):
                table = (*table, seen[name])
                seen[name] += 1
        yield number, table, content
