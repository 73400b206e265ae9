"""`kakou risk show | stats | check | remove | restore | export | rotate-key`: looking after the list."""

import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from kakou.commands.risk_output import AsJson, Config, ZoneTimes, messages, published_text
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.process import this_user
from kakou.settings import load_settings
from kakou.terminal import stdout
from kakou.wiring.matching import key_path
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper, open_parts
from riskdb.exporting import csv_sheet
from riskdb.hotset.checking import SUBJECTS, check_list, count_list
from riskdb.match import AREA_LEVEL_NAMES
from riskdb.record.removals import Removal
from riskdb.record.rotation import rotate_key
from riskdb.types import RiskReason

Plate = Annotated[str, typer.Argument(metavar="PLATE", help="A plate; spelling and spaces do not matter.")]
Reason = Annotated[str, typer.Option(help="Why; it is logged with your name.")]


def add_care_commands(app: typer.Typer) -> None:
    for command in (show, stats, check, remove, restore, export, rotate):
        name = "rotate-key" if command is rotate else command.__name__
        app.command(name)(command)


def show(plate: Plate, reason: Reason, config: Config = None, as_json: AsJson = False) -> None:
    """Say why a plate is listed and until when, and what was corrected. Every look is logged. Exit code 1 when listed.

    Example: `kakou risk show 鲁B12345 --reason "case 1024, owner asks"`
    """
    settings = load_settings(config)
    times = ZoneTimes(settings.risk.utc_offset_hours)
    try:
        with open_keeper(settings, publishes=False) as keeper:
            shown = keeper.show(plate, actor=this_user(), reason=reason)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        for one in shown.reasons:
            put_json(reason_as_json(one))
        for removal in shown.removals:
            put_json({"removal": asdict(removal)})
    else:
        if shown.reasons:
            stdout().print(reasons_table(shown.reasons, times))
        else:
            messages().print("不在风险名单")
        for removal in shown.removals:
            messages().print(_removal_text(removal, times), soft_wrap=True, markup=False)
    raise typer.Exit(ExitCode.FINDINGS if shown.reasons else ExitCode.OK)


def stats(config: Config = None, as_json: AsJson = False) -> None:
    """Count the record and the list.

    Example: `kakou risk stats --json`
    """
    settings = load_settings(config)
    with ExitStack() as stack:
        parts = open_parts(settings, stack.enter_context(open_redis(settings)), stack)
        counts = count_list(parts.record, parts.required_publisher(), time.time())
    if as_json:
        put_json(asdict(counts))
        return
    table = Table("项目", "数量")
    table.columns[1].justify = "right"
    table.add_row("名单版本", str(counts.version))
    table.add_row("名单条目", f"{counts.listed:,}")
    table.add_row("记录中车辆", f"{counts.vehicles:,}")
    table.add_row("行程记录", f"{counts.stays:,}")
    table.add_row("已更正移除", f"{counts.removed_stays:,}")
    table.add_row("有效风险区公布", f"{counts.declarations:,}")
    table.add_row("心跳（秒前）", "从未" if counts.heartbeat_age_s is None else f"{counts.heartbeat_age_s:.0f}")
    table.add_row("名单内存（MB）", f"{counts.memory_bytes / 1e6:.1f}")
    for name, listed in sorted(counts.listed_by_area.items(), key=lambda item: -item[1]):
        table.add_row(f"　{name}", f"{listed:,}")
    stdout().print(table)


def check(config: Config = None, as_json: AsJson = False) -> None:
    """Hold the list in Redis against the record, and the server against what the list needs. Exit code 1 on a finding.

    Example: `kakou risk check`
    """
    settings = load_settings(config)
    with ExitStack() as stack:
        parts = open_parts(settings, stack.enter_context(open_redis(settings)), stack)
        findings = list(check_list(parts.required_publisher(), settings.risk, time.time()))
    table = Table("检查", "结果", "说明")
    for finding in findings:
        table.add_row(
            f"{SUBJECTS[finding.subject]} {finding.subject}",
            Text("正常", "green") if finding.is_ok else Text("异常", "red"),
            finding.detail,
        )
        if as_json:
            put_json(asdict(finding))
    if not as_json:
        stdout().print(table)
    raise typer.Exit(ExitCode.OK if all(finding.is_ok for finding in findings) else ExitCode.FINDINGS)


def remove(plate: Plate, reason: Reason, config: Config = None, as_json: AsJson = False) -> None:
    """Correct an error: what is known of the vehicle so far lists it no more, on every box within a minute.

    Example: `kakou risk remove 鲁B12345 --reason "wrong plate in record 77"`
    """
    try:
        with open_keeper(load_settings(config)) as keeper:
            removed, change = keeper.remove(plate, actor=this_user(), reason=reason)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        put_json({"removed_stays": removed, "version": change.published and change.published.version})
    undo = "；恢复：kakou risk restore" if removed else ""
    messages().print(f"移除行程记录 {removed} 条{undo}；{published_text(change.published)}")


def restore(plate: Plate, reason: Reason, config: Config = None, as_json: AsJson = False) -> None:
    """Take a correction back: the stays that `remove` took out list the vehicle again, as long as they count.

    Example: `kakou risk restore 鲁B12345 --reason "record 77 was right"`
    """
    try:
        with open_keeper(load_settings(config)) as keeper:
            restored, change = keeper.restore(plate, actor=this_user(), reason=reason)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        put_json({"restored_stays": restored, "version": change.published and change.published.version})
    messages().print(f"恢复行程记录 {restored} 条；{published_text(change.published)}")


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file to write.")], config: Config = None
) -> None:
    """Write the listed vehicles as keyed digests, with their reasons. The record holds no plates.

    Example: `kakou risk export listed.csv`
    """
    header = ("digest", "area", "area_name", "level", "visited_from", "visited_until", "source", "expires_at")
    with open_keeper(load_settings(config), publishes=False) as keeper, csv_sheet(file, header) as sheet:
        count = 0
        for digest, reasons in keeper.listed():
            for one in reasons:
                cells = reason_as_json(one)
                sheet.add((digest.hex(), *(cells[name] or "" for name in header[1:])))
                count += 1
    messages().print(f"已写入 {count} 行：{file}", soft_wrap=True)


def rotate(config: Config = None) -> None:
    """Give the list a new plate key; every match stays. Copy the key file to the other boxes afterwards.

    Example: `kakou risk rotate-key`
    """
    settings = load_settings(config)
    with open_redis(settings) as url:
        with ExitStack() as stack:
            rotate_key(open_parts(settings, None, stack).record, key_path(settings))
        with ExitStack() as stack:
            published = open_parts(settings, url, stack).required_publisher().publish()
    messages().print(f"密钥已更换：{key_path(settings)}；{published_text(published)}", soft_wrap=True)


def reason_as_json(reason: RiskReason) -> dict[str, str | None]:
    return {
        "area": reason.area,
        "area_name": reason.area_name,
        "level": reason.level,
        "visited_from": _iso(reason.visited_from),
        "visited_until": _iso(reason.visited_until),
        "declared_from": _iso(reason.declared_from),
        "declared_until": None if reason.declared_until is None else _iso(reason.declared_until),
        "source": reason.source,
        "expires_at": _iso(reason.expires_at),
    }


def reasons_table(reasons: tuple[RiskReason, ...], times: ZoneTimes, title: str | None = None) -> Table:
    table = Table("风险区", "等级", "到达", "离开", "来源", "到期", title=title, caption=f"时间为 {times.label}")
    for reason in reasons:
        arrived, left, expires = map(times.of, (reason.visited_from, reason.visited_until, reason.expires_at))
        table.add_row(reason.area_name, AREA_LEVEL_NAMES[reason.level], arrived, left, reason.source, expires)
    return table


def _removal_text(removal: Removal, times: ZoneTimes) -> str:
    told = f"更正：{times.of_epoch(removal.removed_at)}（{times.label}）移除 {removal.stays} 条行程"
    if removal.removed_by:
        told += f"，{removal.removed_by}：{removal.removed_for}"
    if removal.restored_at is None:
        return told + "；恢复：kakou risk restore"
    return told + f"；{times.of_epoch(removal.restored_at)} 已恢复，{removal.restored_by}：{removal.restored_for}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
