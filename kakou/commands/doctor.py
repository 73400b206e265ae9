"""`kakou doctor`: is this box or centre fit to work?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from kakou.doctor.finding import MARKS, Finding
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.settings import Settings, load_settings
from kakou.terminal import stdout

COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a check on stdout.")] = False,
    test_message: Annotated[
        bool, typer.Option("--test-message", help="Send a test message over every channel but the lane's.")
    ] = False,
) -> None:
    """Check machine, models, cameras, clock, disk, keys, certificates, Redis, list, delivery and channels.

    Each line is ✓, ! or ✗ and says what to do; nothing is created or changed. Exit code 1 where something is ✗.

    Examples:

    - `kakou doctor`
    - `kakou doctor --config /etc/kakou.toml --json`
    - `kakou doctor --test-message`
    """
    settings = load_settings(config)
    findings = []
    for finding in examine(settings, sends_test=test_message):
        findings.append(finding)
        if as_json:
            put_json(finding.as_json())
    if not as_json:
        stdout().print(table_of(findings))
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(ExitCode.FINDINGS)


def examine(settings: Settings, *, sends_test: bool = False) -> Iterator[Finding]:
    """Yield one finding a check; a check that cannot be made is a finding too."""
    from kakou.doctor.cameras import camera_findings
    from kakou.doctor.machine import machine_findings
    from kakou.doctor.sending_devices import sending_devices
    from kakou.doctor.services import channel_findings, service_findings
    from kakou.doctor.watched_cameras import examine_cameras

    yield from machine_findings(settings)
    yield from camera_findings(settings)
    yield from examine_cameras(settings)
    yield from sending_devices(settings)
    yield from service_findings(settings)
    yield from channel_findings(settings, sends_test=sends_test)


def table_of(findings: list[Finding]) -> Table:
    bad, warn = (sum(one.verdict == verdict for one in findings) for verdict in ("bad", "warn"))
    table = Table("检查", "", "结果", "怎么办", caption=f"{len(findings)} 项：异常 {bad}，注意 {warn}")
    for column in table.columns:  # in a narrow window what to do is folded, never cut
        column.overflow = "fold"
    for one in findings:
        mark = Text(MARKS[one.verdict], COLOURS[one.verdict])
        table.add_row(one.check, mark, one.says, one.to_do)
    return table
