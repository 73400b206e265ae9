"""Trends, the shift's hand-over, the month's report for the public, and sheets for Excel."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from console.cases.kinds import LEVEL_NAMES
from console.cases.views import CaseView
from console.reports.month import month_of, month_report
from console.reports.sheets import XLSX, Cell, Sheet, workbook
from console.reports.shift import Shifts
from console.reports.trends import Sums, Trends, bars, trends
from console.situation.statistics import local_day
from console.types import ConsoleError, Role
from console.web.access import Person, Session, TheConsole, allow
from console.web.rendering import page
from console.web.screen import ListQuery

router = APIRouter(tags=["pages"])
_DESK = (Role.OFFICER, Role.ADMIN)
_COUNTS = (*_DESK, Role.ANALYST, Role.AUDITOR)
_CHARTS = (
    ("已排查", "passages"), ("预警", "cases"), ("人工确认", "confirmed"), ("核实用时中位（秒）", "verify_seconds"),
    ("办结用时中位（分钟）", "close_minutes"),
)  # fmt: skip
_MOST_ROWS = 20_000
_WEEKS = {"1": 7, "2": 14, "4": 28}
_SUM_HEAD = (
    "已排查",
    "未核对",
    "命中",
    "疑似",
    "人工确认",
    "误读",
    "卡口办结",
    "核实用时中位（秒）",
    "办结用时中位（秒）",
)
_CASE_HEAD = (
    "单号", "状态", "结果", "级别", "号牌或门", "卡口", "网格", "经过时间", "到达时间", "次数", "到过", "当前处置",
    "网格员", "办理时间", "结果送达时间",
)  # fmt: skip


@router.get("/trends", **allow(*_COUNTS))
def trends_page(
    request: Request, session: Session, console: TheConsole, weeks: Annotated[str, Query(pattern="^[124]$")] = "2"
) -> Response:
    """Show each day, hour and checkpoint beside the same span before it."""
    days = timedelta(days=_WEEKS[weeks])
    until = local_day(console.now()) + timedelta(days=1)
    now, before = (trends(console.database, end - days, end, session.actor.scope) for end in (until, until - days))
    charts = [
        (f"{words}{title}", labels, [(getattr(one, name), getattr(then, name)) for one, then in pairs])
        for words, labels, pairs in _axes(now, before)
        for title, name in _CHARTS
    ]
    context = {
        "charts": [(title, bars(labels, values)) for title, labels, values in charts if any(map(any, values))],
        "whole": now.whole, "before": before.whole, "weeks": weeks, "days": days.days,
    }  # fmt: skip
    return page(request, "trends.html", context, session)


def _axes(now: Trends, before: Trends) -> Iterator[tuple[str, list[str], list[tuple[Sums, Sums]]]]:
    """Yield title, labels and pairs of bars of each way to look at two spans."""
    yield "每天", [f"{day:%m-%d}" for day in now.days], list(zip(now.days.values(), before.days.values(), strict=True))
    yield "一天中每小时", list(map(str, now.hours)), list(zip(now.hours.values(), before.hours.values(), strict=True))
    places = sorted({*now.checkpoints, *before.checkpoints})
    pairs = [(now.checkpoints.get(place, Sums()), before.checkpoints.get(place, Sums())) for place in places]
    yield "各卡口", places, pairs


@router.get("/trends.xlsx", **allow(*_COUNTS))
def trends_sheet(
    session: Session, console: TheConsole, weeks: Annotated[str, Query(pattern="^[124]$")] = "4"
) -> Response:
    until = local_day(console.now()) + timedelta(days=1)
    found = trends(console.database, until - timedelta(days=_WEEKS[weeks]), until, session.actor.scope)
    sheets = (
        Sheet("每天", ("日期", *_SUM_HEAD), [(f"{day:%Y-%m-%d}", *_cells(sums)) for day, sums in found.days.items()]),
        Sheet("每小时", ("小时", *_SUM_HEAD), [(hour, *_cells(sums)) for hour, sums in found.hours.items()]),
        Sheet("各卡口", ("卡口", *_SUM_HEAD), [(name, *_cells(sums)) for name, sums in found.checkpoints.items()]),
    )
    _note(console, session.actor, "statistics.export", "statistics")
    return _file(workbook(sheets), "statistics.xlsx")


@router.get("/cases.xlsx", **allow(*_DESK))
def cases_sheet(actor: Person, console: TheConsole, query: Annotated[ListQuery, Query()]) -> Response:
    """Return what the list's filter lets through, as a sheet; that it was taken is a row of the audit log."""
    views = console.cases.found(actor, query.as_filter(), _MOST_ROWS)
    _note(console, actor, "cases.export", "cases")
    return _file(workbook([Sheet("事件单", _CASE_HEAD, [_row(view) for view in views])]), "cases.xlsx")


@router.get("/shift", **allow(*_DESK))
def shift_page(request: Request, session: Session, console: TheConsole) -> Response:
    shift = _shifts(console).now(session.actor, console.now())
    console.readings.note(session.actor, "shift.view", ["shift"], console.now())
    return page(request, "shift.html", {"shift": shift}, session)


@router.post("/shift/note", **allow(*_DESK))
def leave_note(actor: Person, console: TheConsole, text: Annotated[str, Form(max_length=2000)] = "") -> Response:
    _shifts(console).leave_note(text, actor, console.now())
    return RedirectResponse("/shift", 303)


@router.get("/transparency", **allow(*_COUNTS))
def month_page(
    request: Request, session: Session, console: TheConsole,
    month: Annotated[str, Query(pattern=r"^(\d{4}-\d{2})?$")] = "",
) -> Response:  # fmt: skip
    try:
        since, until = month_of(month, console.now())
    except ValueError as error:
        raise ConsoleError("没有这个月份，请写成 2026-11 的样子。") from error
    report = month_report(console.database, since, until)
    return page(
        request,
        "transparency.html",
        {"report": report, "month": f"{since:%Y-%m}", "evidence_days": console.settings.evidence_days},
        session,
    )


def _shifts(console: TheConsole) -> Shifts:
    return Shifts(console.database, console.audit, console.cases)


def _cells(sums: Sums) -> tuple[Cell, ...]:
    return (
        sums.passages, sums.unchecked, sums.hits, sums.possibles, sums.confirmed, sums.misread, sums.booth_closed,
        sums.median_verify_s, sums.median_close_s,
    )  # fmt: skip


def _row(view: CaseView) -> tuple[Cell, ...]:
    return (
        view.case_id, view.state_name, view.result, LEVEL_NAMES[view.level], view.plate_text or view.door,
        view.checkpoint, view.grid_name, view.passed_at, view.opened_at, view.passages, "、".join(view.areas),
        view.owner_name, view.assignee, view.done_at, view.finished_at,
    )  # fmt: skip


def _note(console: TheConsole, actor: Person, action: str, subject: str) -> None:
    with console.database.writing() as database:
        console.audit.append(database, actor, action, subject, console.now())


def _file(content: bytes, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=XLSX, headers=headers)
