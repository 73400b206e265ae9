"""Imports into the risk list: tried first, then applied by the steward, or by a second person above a size."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from io import StringIO
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from console.lists.office import FileReport, FormReport, ListOffice
from console.lists.two_persons import check_hand, require_second_person
from console.lists.words import file_words
from console.people.audit import AuditLog
from console.people.keys import new_token
from console.reasons import says_nothing
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.list_tables import ListChangeRow
from console.types import SYSTEM, Actor, ConsoleError, NotFoundError, StepRefusedError
from riskdb.types import RiskDBError

_DECIDED_WITHIN = timedelta(days=7)
_SUFFIXES = frozenset({".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xls", ".et", ".ods", ".html", ".htm", ".zip"})


ENTRY_NAME = "单条录入.csv"
ENTRY_HEADER = ("plate", "plate_class", "area", "from", "to", "source")


class ChangeState(StrEnum):
    WAITING = "waiting"
    APPLIED = "applied"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


CHANGE_STATE_NAMES = {
    ChangeState.WAITING: "待生效",
    ChangeState.APPLIED: "已生效",
    ChangeState.REFUSED: "已退回",
    ChangeState.TAKEN_BACK: "已撤回",
}


@dataclass(frozen=True, slots=True)
class ListChange:
    change_id: int
    state: ChangeState
    file_name: str
    report: FileReport
    needs_approval: bool
    created_by: int
    creator_name: str
    created_at: datetime
    decided_by: str
    decided_at: datetime | None
    reason: str


class ListChanges:
    def __init__(
        self, database: Database, audit: AuditLog, office: ListOffice, folder: Path, settings: ConsoleSettings
    ) -> None:
        self._database = database
        self._audit = audit
        self._office = office
        self._folder = folder
        self._approval_rows = settings.approval_rows
        self._under_way: set[int] = set()
        """Numbers of the files that are being brought in now."""

    def submit(self, file_name: str, content: bytes, actor: Actor, now: datetime, source: str = "") -> ListChange:
        """Keep the file and try it; nothing in the list changes. Raises ConsoleError."""
        suffix = Path(file_name).suffix.lower()
        if suffix not in _SUFFIXES:
            raise ConsoleError("请上传表格文件（XLSX、XLS、ET、ODS、CSV、TXT），或装着它们的 ZIP 文件。")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{new_token()}{suffix}"
        path.touch(mode=0o600)
        path.write_bytes(content)
        try:
            report = self._office.try_file(path, file_name, source)
        except RiskDBError as error:
            path.unlink()
            raise ConsoleError(f"文件没有通过检查，名单没有改变：{file_words(str(error))}。") from error
        with self._database.writing() as session:
            row = ListChangeRow(
                state=ChangeState.WAITING.value, file_name=file_name[:200], stored_name=path.name,
                file_digest=hashlib.sha256(content).hexdigest(), accepted_rows=report.new_rows,
                report=report.model_dump_json(), needs_approval=False,
                created_by=actor.account_id, creator_name=actor.name, created_at=now,
            )  # fmt: skip
            session.add(row)
            session.flush()
            require_second_person(session, row, self._approval_rows, self._under_way, now)
            subject = f"list_change:{row.change_id}"
            self._audit.append(session, actor, "list.try", subject, now, f"sha256:{row.file_digest[:16]}")
        return _change(row)

    def enter(self, entry: Sequence[str], actor: Actor, now: datetime) -> ListChange:
        """Try one record that was typed in: plate, class, area, arrival, departure, source. Raises ConsoleError."""
        sheet = StringIO()
        csv.writer(sheet).writerows([ENTRY_HEADER, [" ".join(cell.split()) for cell in entry]])
        change = self.submit(ENTRY_NAME, sheet.getvalue().encode(), actor, now)
        if not change.report.invalid_rows:
            return change
        # A mistake in a form is mended in the form: nothing waits for a decision.
        told = "；".join(row.detail for row in change.report.rows)
        self.refuse(change.change_id, "填写有误", actor, now)
        raise ConsoleError(f"没有录入：{told}。")

    def explain(
        self, change_id: int, forms: Sequence[FormReport], source: str, actor: Actor, now: datetime
    ) -> ListChange:
        """Remember what the columns of a waiting file's forms mean, and try it anew. Raises ConsoleError."""
        with self._database.reading() as session:
            row = self._waiting(session, change_id)
        try:
            self._office.confirm_forms(forms)
            report = self._office.try_file(self._folder / row.stored_name, row.file_name, source)
        except (RiskDBError, ValueError) as error:
            raise ConsoleError(f"这样读不懂这个文件：{file_words(str(error))}。") from error
        with self._database.writing() as session:
            row = self._waiting(session, change_id)
            row.report, row.accepted_rows = report.model_dump_json(), report.new_rows
            require_second_person(session, row, self._approval_rows, self._under_way, now)
            self._audit.append(session, actor, "list.columns", f"list_change:{change_id}", now)
        return _change(row)

    def apply(self, change_id: int, actor: Actor, now: datetime) -> ListChange:
        """Bring a tried file into the list.

        Raises StepRefusedError when a second person is needed, ConsoleError when the list could not be changed
        (the file stays and can be tried again).
        """
        row = self._taken_in_hand(change_id, actor, now)
        tried = _change(row).report
        path = self._folder / row.stored_name
        # Outside any transaction of ours: a long import must not keep events waiting. Twice does no harm.
        try:
            report = self._office.apply_file(path, row.file_name, actor.name, tried.source)
        except RiskDBError as error:
            raise ConsoleError(f"名单没有改变：{file_words(str(error))}。") from error
        finally:
            self._under_way.discard(change_id)
        if not report.is_applied and report.invalid_rows:
            raise StepRefusedError(f"文件中有 {report.invalid_rows} 行有误，名单没有改变。请改正后重新上传。")
        with self._database.writing() as session:
            row = self._waiting(session, change_id)
            self._decide(session, row, ChangeState.APPLIED, report, actor, now)
        path.unlink(missing_ok=True)
        return _change(row)

    def _taken_in_hand(self, change_id: int, actor: Actor, now: datetime) -> ListChangeRow:
        """Return a file that this person may bring in; from now on it counts as theirs. Raises StepRefusedError."""
        with self._database.writing() as session:
            row = self._waiting(session, change_id)
            require_second_person(session, row, self._approval_rows, self._under_way, now)
        check_hand(row, actor)
        if not _change(row).report.is_understood:
            raise StepRefusedError("第一次见到这种表，请名单管理员先确认每一列的含义，再生效。")
        self._under_way.add(change_id)
        return row

    def refuse(self, change_id: int, reason: str, actor: Actor, now: datetime) -> ListChange:
        """Send a file back. Raises ConsoleError without a reason."""
        if says_nothing(reason):
            raise ConsoleError("请写明退回的原因。")
        with self._database.writing() as session:
            row = self._waiting(session, change_id)
            if change_id in self._under_way:
                raise StepRefusedError("这次导入正在生效，不能退回。")
            row.reason = reason.strip()
            self._decide(session, row, ChangeState.REFUSED, _change(row).report, actor, now)
        (self._folder / row.stored_name).unlink(missing_ok=True)
        return _change(row)

    def take_back(self, change_id: int, reason: str, actor: Actor, now: datetime) -> ListChange:
        """Take an applied file back as a whole, by the same hand as it takes to apply it. Raises ConsoleError."""
        if says_nothing(reason):
            raise ConsoleError("请写明撤回的原因。")
        change = self.find(change_id)
        with self._database.reading() as session:
            row = session.get_one(ListChangeRow, change_id)
            check_hand(row, actor)
        number = change.report.import_number
        if change.state is not ChangeState.APPLIED or number is None:
            raise StepRefusedError("这次导入没有写入名单的内容，不能撤回。")
        try:
            self._office.take_back(number, actor.name, reason.strip())
        except RiskDBError as error:
            raise ConsoleError(f"没有撤回：{file_words(str(error))}。") from error
        with self._database.writing() as session:
            row = session.get_one(ListChangeRow, change_id)
            row.reason = reason.strip()
            self._decide(session, row, ChangeState.TAKEN_BACK, change.report, actor, now)
        return _change(row)

    def faulty_rows(self, change_id: int) -> bytes:
        """Return the faulty rows of a waiting file as a spreadsheet in their own layout. Raises ConsoleError."""
        with self._database.reading() as session:
            row = self._waiting(session, change_id)
        try:
            path, source = self._folder / row.stored_name, _change(row).report.source
            return self._office.faulty_rows(path, row.file_name, source)
        except RiskDBError as error:
            raise ConsoleError(f"有误的行取不出来：{file_words(str(error))}。") from error

    def forget_old(self, now: datetime) -> None:
        """Send back what nobody decided on for a week, and delete files that belong to no waiting import.

        They are the only place where plates of people who may be on no list lie in the clear.
        """
        waiting = select(ListChangeRow).where(ListChangeRow.state == ChangeState.WAITING.value)
        with self._database.reading() as session:
            rows = session.scalars(waiting).all()
        for row in rows:
            if row.created_at < now - _DECIDED_WITHIN and row.change_id not in self._under_way:
                self.refuse(row.change_id, "7 天内无人处理，文件已删除", SYSTEM, now)
        kept = {row.stored_name for row in rows}
        for path in self._folder.glob("*"):
            is_old = path.stat().st_mtime < (now - timedelta(days=1)).timestamp()
            if is_old and path.name not in kept:
                path.unlink(missing_ok=True)

    def recent(self, limit: int = 50) -> list[ListChange]:
        query = select(ListChangeRow).order_by(ListChangeRow.change_id.desc()).limit(limit)
        with self._database.reading() as session:
            return [_change(row) for row in session.scalars(query)]

    def find(self, change_id: int) -> ListChange:
        with self._database.reading() as session:
            row = session.get(ListChangeRow, change_id)
        if row is None:
            raise NotFoundError("没有这次导入。")
        return _change(row)

    def _waiting(self, session: Session, change_id: int) -> ListChangeRow:
        row = session.get(ListChangeRow, change_id, with_for_update=True)
        if row is None:
            raise NotFoundError("没有这次导入。")
        if row.state != ChangeState.WAITING:
            words = CHANGE_STATE_NAMES[ChangeState(row.state)]
            raise StepRefusedError(f"这次导入{words}（{row.decided_by}），不能再处理。")
        return row

    def _decide(
        self,
        session: Session,
        row: ListChangeRow,
        state: ChangeState,
        report: FileReport,
        actor: Actor,
        now: datetime,
    ) -> None:
        row.state, row.decided_by, row.decided_at = state.value, actor.name, now
        # Details of rows may quote plates; the counts are what has to be kept.
        row.report = report.model_copy(update={"rows": (), "sample": ()}).model_dump_json()
        subject = f"list_change:{row.change_id}"
        self._audit.append(session, actor, f"list.{state}", subject, now, f"sha256:{row.file_digest[:16]} {row.reason}")


def _change(row: ListChangeRow) -> ListChange:
    return ListChange(
        row.change_id, ChangeState(row.state), row.file_name, FileReport.model_validate_json(row.report),
        row.needs_approval, row.created_by, row.creator_name, row.created_at, row.decided_by or "", row.decided_at,
        row.reason,
    )  # fmt: skip
