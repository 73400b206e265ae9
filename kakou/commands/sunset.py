"""`kakou sunset`: the day on which everything is destroyed."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.process import this_user
from kakou.settings import Settings, load_settings
from kakou.sunset.carrying_out import carry_out, left_over, note_in_audit, plan
from kakou.sunset.guard import finish
from kakou.sunset.report import plan_lines
from kakou.sunset.state import (
    REPORTS_FOLDER,
    WARN_DAYS,
    SunsetError,
    begin_if_new,
    first_state,
    load_state,
    mark_begun,
    save_state,
    sunset_words,
)
from kakou.utc import utc_now

MOST_DAYS = 90

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def sunset(
    now: Annotated[bool, typer.Option("--now", help="End it now: stop everything, destroy, write the report.")] = False,
    renew: Annotated[
        int | None, typer.Option("--renew", min=1, max=MOST_DAYS, metavar="DAYS", help="Put it off to DAYS from today.")
    ] = None,
    authorise: Annotated[bool, typer.Option("--authorise", help="Allow a new start after the destruction.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be destroyed; change nothing.")] = False,
    by: Annotated[str, typer.Option(help="Who decides it; the user of this machine when left out.")] = "",
    reason: Annotated[str, typer.Option(help="Why; needed with --renew and --authorise.")] = "",
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say on which day matching stops and everything is destroyed; put it off, end it now, or allow a new start.

    Keys go first, then the list, records, outbox, pictures, spool and cases; a report stays in `destruction/` of the
    state folder. Exit code 1 when the time is over or fewer than 14 days are left.

    Examples:

    - `kakou sunset`
    - `kakou sunset --renew 30 --by 张三 --reason 市指挥部2026-17号`
    - `kakou sunset --now --dry-run`
    - `kakou sunset --now --by 张三 --reason 解除管控`
    """
    settings, who = load_settings(config), by.strip() or this_user()
    if sum((now, renew is not None, authorise)) > 1:
        raise typer.BadParameter("--now、--renew、--authorise 只能选一个")
    if (renew is not None or authorise) and len(reason.strip()) < 2:
        raise typer.BadParameter("延期和重新授权必须写明理由：--reason")
    if dry_run:
        _show_plan(settings, as_json)
    elif now:
        _end_now(settings, who, reason.strip() or "人工终止")
    elif renew is not None:
        _renew(settings, renew, who, reason.strip())
    elif authorise:
        _authorise(settings, who, reason.strip())
    else:
        _show(settings, as_json)


def _show(settings: Settings, as_json: bool) -> None:
    state, now = load_state(settings.state_dir), utc_now()
    if as_json:
        put_json({
            "ends_at": state.ends_at.isoformat() if state else None,
            "days_left": state.days_left(now) if state else None,
            "destroyed_at": state.destroyed_at.isoformat() if state and state.destroyed_at else None,
        })  # fmt: skip
    else:
        typer.echo(sunset_words(state, utc_now()) if state else f"尚未启动；首次启动后 {settings.sunset_days} 天到期")
    if state and state.days_left(now) < WARN_DAYS:
        raise typer.Exit(ExitCode.FINDINGS)


def _show_plan(settings: Settings, as_json: bool) -> None:
    found = plan(settings)
    if as_json:
        put_json({"would_destroy": [each.model_dump(mode="json") for each in found]})
        return
    typer.echo("将按以下次序销毁（本次不改动任何文件）：")
    for line in plan_lines(found):
        typer.echo(f"  {line}")


def _end_now(settings: Settings, by: str, reason: str) -> None:
    if sys.stdin.isatty():
        typer.confirm("将停止比对并销毁全部数据，不能恢复。继续吗？", abort=True)
    at = utc_now()
    try:
        state = begin_if_new(settings.state_dir, settings.sunset_days, at)
    except SunsetError:  # a damaged file keeps nobody from ending it
        state = first_state(settings.sunset_days, at)
    if not state.destroyed_at:
        note_in_audit(settings, by, "sunset.end", reason, at)
        mark_begun(settings.state_dir, state.decided("end", by, reason, at, at), at)
        typer.echo("正在等待各进程结束……", err=True)
        finish(settings)
    elif left_over(settings):
        carry_out(settings, state, utc_now)
    typer.echo(_last_report(settings).read_text(encoding="utf-8"))
    typer.echo(f"报告：{_last_report(settings).with_suffix('.html')}", err=True)
    if left_over(settings):
        raise typer.Exit(ExitCode.FINDINGS)


def _renew(settings: Settings, days: int, by: str, reason: str) -> None:
    at = utc_now()
    state = begin_if_new(settings.state_dir, settings.sunset_days, at)
    if state.begun_at:
        raise SunsetError("数据已经或正在销毁，不能延期；重新启用须 kakou sunset --authorise")
    until = at + timedelta(days=days)
    save_state(settings.state_dir, state.decided("renew", by, reason, until, at))
    _conclude(settings, by, "sunset.renew", reason)


def _authorise(settings: Settings, by: str, reason: str) -> None:
    at = utc_now()
    try:
        state = load_state(settings.state_dir) or first_state(settings.sunset_days, at)
    except SunsetError:  # what it said is lost; the new decision stands
        state = first_state(0, at)
    if state.begun_at and not state.destroyed_at:
        raise SunsetError("销毁尚未完成：先执行 kakou sunset --now")
    if not state.is_over(at):
        raise SunsetError("授权期没有到，不需要重新授权；延期用 --renew")
    until = at + timedelta(days=settings.sunset_days)
    save_state(settings.state_dir, state.decided("authorise", by, reason, until, at))
    _conclude(settings, by, "sunset.authorise", reason)


def _conclude(settings: Settings, by: str, action: str, reason: str) -> None:
    state = load_state(settings.state_dir)
    assert state is not None
    is_noted = note_in_audit(settings, by, action, reason, utc_now())
    typer.echo(sunset_words(state, utc_now()) + ("；已记入审计日志" if is_noted else "；已记入 sunset.json"))


def _last_report(settings: Settings) -> Path:
    return max((settings.state_dir / REPORTS_FOLDER).glob("*.txt"))
