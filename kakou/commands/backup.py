"""`kakou backup`: a copy of the state folder, made while it is in use."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kakou.backup.errors import BackupError
from kakou.backup.key import own_key
from kakou.backup.making import Backup, Made
from kakou.backup.telling import bytes_bar, note_in_audit_log
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.settings import Settings, load_settings
from kakou.state_format import alone, require_known_format
from kakou.sunset.guard import at_work
from kakou.sunset.state import SunsetError, SunsetWatch
from kakou.terminal import marked, stderr
from kakou.utc import utc_now

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="Folder that the backup is written to.", metavar="DIR")],
    keys_to: Annotated[
        Path | None, typer.Option("--keys-to", help="Folder for the keys; DIR when left out.", metavar="DIR")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Copy the state folder of a box or a centre while it runs.

    Two files: NAME.backup (databases, pictures, waiting passages, Redis where it is ours) and NAME.keys, both
    encrypted: without `backup.key` (or `[backup] key_file`) neither can be opened, and a sunset destroys that one
    first. Keep a copy of it elsewhere. A console in PostgreSQL and a Redis of its own have their own backups. Exit code
    3 where a file could not be read.

    Examples:

    - `kakou backup /backup`
    - `kakou backup /backup --keys-to /mnt/usb --config /etc/kakou/kakou.toml`
    """
    settings, messages = load_settings(config), stderr()
    _require_folders(settings, to, keys_to or to)
    require_known_format(settings.state_dir)
    with at_work(settings.state_dir), alone(settings.state_dir, "backup"):
        watch = SunsetWatch(settings.state_dir, utc_now)
        watch.require_open()
        secret, new_key = own_key(settings)
        state = watch.state()
        job = Backup(settings.state_dir, to, keys_to or to, secret, state.ends_at if state else None, utc_now())
        job.require_room()
        with bytes_bar("备份", job.about_bytes, messages) as on_bytes:
            made = job.make(on_bytes)
        _keep_only_if_open(watch, made)
        note_in_audit_log(settings, "backup.make", made.backup.name)
    _tell(settings, made, new_key, messages, as_json=as_json)
    if made.manifest.left_out:
        raise typer.Exit(ExitCode.UNREADABLE)


def _require_folders(settings: Settings, *folders: Path) -> None:
    if not settings.state_dir.is_dir() or not any(settings.state_dir.iterdir()):
        raise BackupError(f"{settings.state_dir} 没有数据：state_dir 对吗？（用 --config 指明 kakou.toml）")
    for folder in folders:
        if not folder.is_dir():
            raise BackupError(f"{folder} 不是文件夹：先建立它，或确认磁盘已挂载")
        if folder.resolve().is_relative_to(settings.state_dir.resolve()):
            raise BackupError(f"{folder} 在状态文件夹里面：备份要放到别处，最好是另一块磁盘")


def _keep_only_if_open(watch: SunsetWatch, made: Made) -> None:
    """What the sunset ends meanwhile must not lie on in a backup."""
    try:
        watch.require_open()
    except SunsetError:
        made.backup.unlink(missing_ok=True)
        made.keys.unlink(missing_ok=True)
        raise


def _tell(settings: Settings, made: Made, new_key: Path | None, messages: Console, *, as_json: bool) -> None:
    manifest = made.manifest
    if as_json:
        put_json({
            "backup": str(made.backup), "keys": str(made.keys), "files": len(manifest.files), "bytes": manifest.size,
            "rows": manifest.rows(), "left_out": list(manifest.left_out),
        })  # fmt: skip
    else:
        typer.echo(f"{made.backup}：{len(manifest.files):,} 个文件，{manifest.size / 2**20:,.1f} MiB，已加密")
        typer.echo(f"{made.keys}：密钥，已加密")
    for problem in manifest.left_out:
        messages.print(marked("yellow", "未能备份", problem), soft_wrap=True)
    if new_key is not None:
        told = (
            f"新生成了备份密钥 {new_key}：请另存一份到保险处，不与备份放在一起。"
            "没有它，备份打不开；日落时它最先销毁，另存的那一份须由保管人销毁"
        )
        messages.print(marked("yellow", "注意", told), soft_wrap=True)
    if settings.console.database_url:
        messages.print("控制台的数据库在 PostgreSQL，不在此备份中：用 pg_dump 另做", soft_wrap=True)
    if settings.redis_url:
        messages.print("Redis 不在此备份中：名单放回后由记录重建，预警由发件箱重发", soft_wrap=True)
