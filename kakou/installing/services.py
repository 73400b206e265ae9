"""The table of services of a box and of a centre, and the text of their units."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from alerts.channels.lane import LaneSettings
from kakou.exit_codes import ExitCode
from kakou.settings import Settings

Role: TypeAlias = Literal["box", "centre"]
USER = "kakou"
CREDENTIALS = Path("/run/credentials")
SECRETS = Path("/etc/kakou/secrets")
WATCHDOG_S = 120
RESTART_AFTER_S = 5
NOT_RESTARTED = (ExitCode.USAGE, ExitCode.CONFIG, ExitCode.INTEGRITY)


@dataclass(frozen=True, slots=True)
class Service:
    """One unit."""

    name: str
    words: tuple[str, ...]
    """Of the command line behind `kakou`."""
    says: str
    role: Role
    memory_max: str
    is_only_for_lanes: bool = False


SERVICES = (
    Service("kakou-run", ("run",), "卡口：识别与比对", "box", "4G"),
    Service("kakou-deliver-lane", ("deliver",), "卡口：道口声光", "box", "512M", is_only_for_lanes=True),
    Service("kakou-risk", ("risk", "serve"), "中心：维护风险名单", "centre", "4G"),
    Service("kakou-deliver", ("deliver",), "中心：投递消息", "centre", "1G"),
    Service("kakou-console", ("console",), "中心：控制台", "centre", "2G"),
)
HARDENING = """\
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateUsers=yes
PrivateIPC=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @obsolete
SystemCallErrorNumber=EPERM
DevicePolicy=closed"""


def services_of(role: Role, settings: Settings) -> list[Service]:
    """Return the services that a role needs with these settings."""
    has_lane = any(isinstance(one, LaneSettings) for one in settings.alerts.channels)
    return [one for one in SERVICES if one.role == role and (has_lane or not one.is_only_for_lanes)]


def unit_text(service: Service, program: Path, config: Path, settings: Settings) -> str:
    """Return the unit of a service. `/proc` stays whole: the clock is held against /proc/uptime."""
    command = " ".join([str(program), *service.words, "--config", str(config)])
    lines = [
        "# Written by `kakou install`; your own changes go into a drop-in: systemctl edit " + service.name,
        "[Unit]",
        f"Description=kakou {service.says}",
        "Wants=network-online.target",
        "After=network-online.target time-sync.target redis-server.service",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"WatchdogSec={WATCHDOG_S}",
        f"User={USER}",
        f"Group={USER}",
        *_groups(settings),
        f"ExecStart={command}",
        "Restart=on-failure",
        f"RestartSec={RESTART_AFTER_S}",
        "# 2 usage, 5 configuration, 6 integrity: the same would happen again",
        f"RestartPreventExitStatus={' '.join(str(int(code)) for code in NOT_RESTARTED)}",
        "TimeoutStartSec=300",
        "TimeoutStopSec=120",
        f"ReadWritePaths={settings.state_dir}",
        *_credentials(service, settings),
        "LogRateLimitIntervalSec=30s",
        "LogRateLimitBurst=2000",
        f"MemoryMax={service.memory_max}",
        "TasksMax=512",
        "LimitNOFILE=8192",
        "LimitCORE=0",
        HARDENING,
        *_devices(settings),
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"


def _groups(settings: Settings) -> Iterator[str]:
    if any(url and url.startswith("unix:") for url in (settings.redis_url, settings.risk.list_url)):
        yield "SupplementaryGroups=redis"


def _devices(settings: Settings) -> Iterator[str]:
    if not any(source.uri.isdecimal() for source in settings.sources):
        yield "PrivateDevices=yes"
        return
    yield from (f"DeviceAllow=/dev/video{one.uri} rw" for one in settings.sources if one.uri.isdecimal())
    yield "SupplementaryGroups=video"


def _credentials(service: Service, settings: Settings) -> Iterator[str]:
    """Yield what systemd hands over: secrets that the settings look for in this unit's credentials."""
    folder = CREDENTIALS / f"{service.name}.service"
    for path in secret_paths(settings):
        if path.parent == folder:
            yield f"LoadCredential={path.name}:{SECRETS / path.name}"


def secret_paths(settings: Settings) -> Iterator[Path]:
    """Yield every file of a secret that the settings name."""
    for channel in settings.alerts.channels:
        for name in ("token_file", "secret_file", "password_file"):
            if isinstance(path := getattr(channel, name, None), Path):
                yield path
        yield from getattr(channel, "secret_files", ())
    yield from (messenger.secret_file for messenger in settings.console.messenger)
    if settings.console.tls_key:
        yield settings.console.tls_key


SYSUSERS = f'u {USER} - "kakou" /var/lib/kakou\n'
JOURNAL = "[Journal]\nSystemMaxUse=1G\nMaxRetentionSec=30day\n"


def tmpfiles_text(settings: Settings) -> str:
    return f"d {settings.state_dir} 0700 {USER} {USER} -\nd /etc/kakou 0755 root root -\nd {SECRETS} 0700 root root -\n"
