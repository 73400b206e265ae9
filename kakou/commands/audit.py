"""`kakou audit`: checks the console's audit log."""

import json
from pathlib import Path
from typing import Annotated

import typer

from console.parts import AUDIT_ANCHORS, database_url
from console.people.audit import AuditLog
from console.people.keys import load_keys
from console.store.database import Database
from kakou.exit_codes import ExitCode
from kakou.settings import SettingsError, load_settings

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """The console's audit log."""


@app.command()
def verify(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    anchors: Annotated[Path | None, typer.Option(help="Anchor file; a copy kept on another machine is best.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a fault on stdout.")] = False,
) -> None:
    """Check that no row of the audit log was changed, removed, added or moved. Exit code 6 when one was.

    Example: `kakou audit verify --anchors /media/copy/audit.anchors`
    """
    settings = load_settings(config)
    key_path = settings.state_dir / "console.key"
    if not key_path.is_file():
        raise SettingsError(f"没有 {key_path}：这里没有运行过控制台；用 --config 指明它的 kakou.toml，或改 state_dir")
    database = Database(database_url(settings.console, settings.state_dir))
    with database.reading() as session:
        log = AuditLog(load_keys(key_path))
        faults = log.verify(session, anchors or settings.state_dir / AUDIT_ANCHORS)
        rows = log.length(session)
    for fault in faults:
        typer.echo(
            json.dumps({"seq": fault.seq, "problem": fault.problem}, ensure_ascii=False) if as_json else fault.problem
        )
    if faults:
        raise typer.Exit(ExitCode.INTEGRITY)
    if not as_json:
        typer.echo(f"审计日志完整：共 {rows} 行，与锚点文件一致")
        if anchors is None:
            typer.echo("本机的锚点文件可能与数据库一起被退回：请定期用另一台机器上的副本核对（--anchors）。", err=True)
