"""The audit log: read, narrowed down, taken away as a file, and checked."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import Select, or_, select
from starlette.responses import Response, StreamingResponse

from console.people.audit_words import KINDS, action_words, detail_words, subject_words
from console.store.people_tables import AuditRow
from console.types import ROLE_NAMES, Role
from console.web.access import Session, TheConsole, allow
from console.web.fields import RowNumber
from console.web.rendering import page
from riskdb.types import BEIJING

router = APIRouter(tags=["pages"])
_AUDIT_PAGE = 100
_EXPORTED = 100_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run what begins so."""


class AuditQuery(BaseModel):
    """What part of the log somebody wants; "" and None let everything through."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(default="", max_length=16)
    who: str = Field(default="", max_length=64)
    since: date | None = None
    """Beijing time, inclusive, as `until`."""
    until: date | None = None
    before: RowNumber | None = None

    @field_validator("since", "until", "before", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    def rows(self, limit: int) -> Select[AuditRow]:
        query = select(AuditRow).order_by(AuditRow.seq.desc()).limit(limit)
        if self.kind in KINDS:
            query = query.where(or_(AuditRow.action.startswith(self.kind), AuditRow.action == f"api.{self.kind}s"))
        if self.who.strip():
            query = query.where(AuditRow.actor.icontains(self.who.strip(), autoescape=True))
        if self.since:
            query = query.where(AuditRow.at >= _midnight(self.since))
        if self.until:
            query = query.where(AuditRow.at < _midnight(self.until) + timedelta(days=1))
        return query.where(AuditRow.seq < self.before) if self.before else query

    def address(self, **more: object) -> dict[str, object]:
        """Return the query as it stands in an address."""
        given: dict[str, object] = {"kind": self.kind, "who": self.who, "since": self.since, "until": self.until}
        return {name: value for name, value in (given | more).items() if value}


@router.get("/audit", **allow(Role.AUDITOR, Role.ADMIN))
def audit_page(
    request: Request, session: Session, console: TheConsole, query: Annotated[AuditQuery, Query()]
) -> Response:
    with console.database.reading() as database:
        rows = database.scalars(query.rows(_AUDIT_PAGE)).all()
    _note(console, session, "audit.view")
    context = {
        "rows": rows, "faults": None, "query": query, "kinds": KINDS,
        "older": rows[-1].seq if len(rows) == _AUDIT_PAGE else None,
    }  # fmt: skip
    return page(request, "audit.html", context, session)


@router.get("/audit/export.csv", **allow(Role.AUDITOR, Role.ADMIN))
def export_audit(session: Session, console: TheConsole, query: Annotated[AuditQuery, Query()]) -> Response:
    """Return the rows as CSV in words, newest first; the export is itself a row of the log."""
    with console.database.reading() as database:
        rows = database.scalars(query.rows(_EXPORTED)).all()
    _note(console, session, "audit.export")
    headers = {"content-disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(_csv_lines(rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/audit/verify", **allow(Role.AUDITOR, Role.ADMIN))
def verify_audit(request: Request, session: Session, console: TheConsole) -> Response:
    with console.database.reading() as database:
        faults = console.audit.verify(database, console.anchors)
        rows = database.scalars(AuditQuery().rows(_AUDIT_PAGE)).all()
    context = {"rows": rows, "faults": faults, "query": AuditQuery(), "kinds": KINDS, "older": None}
    return page(request, "audit.html", context, session)


def _csv_lines(rows: Sequence[AuditRow]) -> Iterator[str]:
    yield "\ufeff"  # Excel takes a file without it for the local code page
    yield _csv_line(("序号", "时间", "谁", "角色", "做了什么", "对象", "说明", "链"))
    for row in rows:
        role = ROLE_NAMES.get(Role(row.role), row.role) if row.role in set(Role) else "系统"
        moment = row.at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
        words = (action_words(row.action), subject_words(row.subject), detail_words(row.reason))
        yield _csv_line((str(row.seq), moment, row.actor, role, *words, row.digest))


def _csv_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell for cell in cells])
    return line.getvalue()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BEIJING)


def _note(console: TheConsole, session: Session, action: str) -> None:
    with console.database.writing() as database:
        console.audit.append(database, session.actor, action, "audit", console.now())
