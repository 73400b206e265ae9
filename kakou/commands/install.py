"""`kakou install`: writes what systemd needs for a box or a centre; `--remove` takes it away again."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from kakou.exit_codes import ExitCode
from kakou.installing.services import JOURNAL, SYSUSERS, Role, services_of, tmpfiles_text, unit_text
from kakou.settings import Settings, SettingsError, load_settings
from kakou.terminal import stderr

MIN_FREE_MB = 500
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@dataclass(frozen=True, slots=True)
class Written:
    """One file."""

    path: Path
    text: str


@app.command()
def install(
    role: Annotated[Literal["box", "centre"], typer.Argument(help="What this machine is.", metavar="box|centre")],
    config: Annotated[Path, typer.Option("--config", help="Settings file that the services use.")] = Path(
        "/etc/kakou/kakou.toml"
    ),
    root: Annotated[Path, typer.Option("--root", help="Write below this folder.", metavar="DIR")] = Path("/"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be written.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away; settings and state folder stay.")] = False,
) -> None:
    """Write systemd units, user, folders and journal limits for a box or a centre.

    The units are restarted by systemd's watchdog when the work stands still, see only their state folder, and get
    secrets that kakou.toml looks for in /run/credentials/UNIT/NAME from /etc/kakou/secrets/NAME.

    Examples:

    - `kakou install box --dry-run`
    - `kakou install centre --config /etc/kakou/kakou.toml`
    - `kakou install box --remove`
    """
    settings = load_settings(config)
    _require_absolute(settings, config)
    if role == "centre" and settings.redis_url is None:
        raise SettingsError(f"{config}: 中心的几个服务共用一个 Redis：安装 redis-server，并设 redis_url")
    files = list(_files(role, config.absolute(), root, settings))
    if dry_run:
        for one in files:
            typer.echo(f"# {one.path}\n{one.text}")
        return
    if root == Path("/") and os.geteuid() != 0:
        raise SettingsError("安装要写 /etc，请用 sudo 运行；只看内容用 --dry-run (needs root)")
    say = stderr().print
    if remove:
        for one in files:
            one.path.unlink(missing_ok=True)
            say(f"已删除 {one.path}", soft_wrap=True)
        say("设置和状态目录未动。接着运行：systemctl daemon-reload")
        return
    _require_room(root)
    for one in files:
        one.path.parent.mkdir(parents=True, exist_ok=True)
        one.path.write_text(one.text, encoding="utf-8")
        say(f"已写入 {one.path}", soft_wrap=True)
    for line in _next_steps(role, config, settings):
        say(line, soft_wrap=True)


def _files(role: Role, config: Path, root: Path, settings: Settings) -> Iterator[Written]:
    program = Path(sys.prefix, "bin", "kakou")
    for service in services_of(role, settings):
        yield Written(
            root / "etc/systemd/system" / f"{service.name}.service", unit_text(service, program, config, settings)
        )
    yield Written(root / "etc/sysusers.d/kakou.conf", SYSUSERS)
    yield Written(root / "etc/tmpfiles.d/kakou.conf", tmpfiles_text(settings))
    yield Written(root / "etc/systemd/journald.conf.d/kakou.conf", JOURNAL)


def _require_absolute(settings: Settings, config: Path) -> None:
    if not settings.state_dir.is_absolute():
        raise SettingsError(f'{config}: state_dir 应为绝对路径，例如 state_dir = "/var/lib/kakou"')


def _require_room(root: Path) -> None:
    folder = next(one for one in (root.absolute(), *root.absolute().parents) if one.exists())
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < MIN_FREE_MB:
        stderr().print(f"{folder} 只剩 {free_mb} MB，至少需要 {MIN_FREE_MB} MB；什么也没有写")
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _next_steps(role: Role, config: Path, settings: Settings) -> Iterator[str]:
    names = " ".join(one.name for one in services_of(role, settings))
    yield "接着做："
    yield "  1. systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload"
    yield f"  2. sudo -u kakou {Path(sys.prefix, 'bin', 'kakou')} doctor --config {config}"
    yield f"  3. systemctl enable --now {names}"
