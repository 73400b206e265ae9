"""`kakou restore`: puts a backup into an empty state folder, or only checks it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kakou.backup.content import OWN_KEY
from kakou.backup.key import read_secret
from kakou.backup.manifest import Manifest
from kakou.backup.restoring import open_backup, restore, verify
from kakou.backup.telling import bytes_bar, note_in_audit_log
from kakou.output import put_json
from kakou.settings import Settings, load_settings
from kakou.terminal import marked, stderr
from kakou.utc import utc_now

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(name="restore")
def restore_command(
    path: Annotated[Path, typer.Argument(help="The .backup file.", metavar="FILE")],
    keys: Annotated[Path | None, typer.Option("--keys", help="Its .keys file, where that lies elsewhere.")] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="Copy of backup.key, or the file with the passphrase.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Read all of it and hold it to its hashes; write nothing.")] = (
        False
    ),
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Put a backup into an empty state folder, after all of it has been held against its hashes.

    Refused: a folder that is not empty or in use, a backup of a newer version, one whose sunset is over. Exit code 6
    where the backup is damaged or incomplete (the message names the file), 5 where the key is another one's.

    Examples:

    - `kakou restore /backup/kakou-20260301T020000Z-5f0c1a.backup --key-file /mnt/safe/backup.key`
    - `kakou restore /backup/kakou-20260301T020000Z-5f0c1a.backup --check`
    """
    settings, messages = load_settings(config), stderr()
    secret = read_secret(key_file or settings.backup.key_file or settings.state_dir / OWN_KEY)
    opened = open_backup(path, keys, secret, utc_now())
    with bytes_bar("核对" if check else "放回", opened.header.about_bytes, messages) as on_bytes:
        if check:
            manifest = verify(opened, on_bytes)
        else:
            own_secret = None if settings.backup.key_file else secret
            manifest = restore(opened, settings.state_dir, own_secret, on_bytes)
    if not check:
        note_in_audit_log(settings, "backup.restore", path.name)
    _tell(settings, manifest, messages, as_json=as_json, is_check=check)


def _tell(settings: Settings, manifest: Manifest, messages: Console, *, as_json: bool, is_check: bool) -> None:
    if as_json:
        put_json({"files": len(manifest.files), "bytes": manifest.size, "rows": manifest.rows(),
                  "left_out": list(manifest.left_out)})  # fmt: skip
    else:
        done = "核对无误" if is_check else f"已放回 {settings.state_dir}"
        typer.echo(f"{done}：{len(manifest.files):,} 个文件，{manifest.size / 2**20:,.1f} MiB，逐个核对过 SHA-256")
    for problem in manifest.left_out:
        messages.print(marked("yellow", "备份时就缺", problem), soft_wrap=True)
    if not is_check:
        messages.print(
            "接着：中心先启动 kakou risk serve，再执行 kakou risk check、kakou audit verify；"
            "原来的机器还在运行的，先停下它，不要两台一起用同一份状态",
            soft_wrap=True,
        )
