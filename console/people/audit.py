"""The audit log: every row carries a keyed digest of itself and of the row before it.

A changed, removed, added or moved row breaks the chain at its place. The end of the chain is sealed in
`audit_head` and copied to an anchor file outside the database, so that a cut tail shows as well.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from console.people.keys import ConsoleKeys
from console.store.people_tables import AuditHeadRow, AuditRow
from console.types import SYSTEM, Actor
from riskdb.own_file import make_way

_START = "0" * 64
_HEAD_ID = 1
_HEAD = "audit head"
_BATCH = 1000
_ANCHORS_LOST = "audit.anchors_lost"


@dataclass(frozen=True, slots=True)
class AuditFault:
    """One place where the log is not what was written."""

    seq: int
    problem: str


class AuditLog:
    """Appends inside the caller's transaction: what happened and its row are kept or lost together."""

    def __init__(self, keys: ConsoleKeys) -> None:
        self._keys = keys

    def append(
        self, session: Session, actor: Actor, action: str, subject: str, now: datetime, reason: str = ""
    ) -> None:
        """Add one row. `subject` and `reason` must not hold plate text."""
        head = _locked_head(session)
        role = actor.role.value if actor.role else "system"
        row = AuditRow(
            seq=head.seq + 1, at=now, actor=actor.name, role=role, action=action, subject=subject, reason=reason,
            previous=head.digest, digest="",
        )  # fmt: skip
        row.digest = self._digest(row)
        session.add(row)
        head.seq, head.digest = row.seq, row.digest
        head.seal = self._seal(head.seq, head.digest)

    def verify(self, session: Session, anchors: Path | None = None) -> list[AuditFault]:
        """Return every fault found, by row number; an intact log gives []."""
        faults: list[AuditFault] = []
        digests: dict[int, str] = {}
        losses: list[int] = []
        previous, expected = _START, 1
        for row in _rows(session):
            faults += self._faults_of(row, previous, expected)
            digests[row.seq] = row.digest
            losses += [row.seq] if row.action == _ANCHORS_LOST else []
            previous, expected = row.digest, row.seq + 1
        faults += self._faults_at_end(session.get(AuditHeadRow, _HEAD_ID), expected - 1, previous)
        if anchors is not None:
            faults += self._faults_against(_anchor_lines(anchors), digests, losses)
        return faults

    def length(self, session: Session) -> int:
        """Return how many rows the log says that it has."""
        head = session.get(AuditHeadRow, _HEAD_ID)
        return head.seq if head else 0

    @staticmethod
    def is_begun(session: Session) -> bool:
        return session.get(AuditHeadRow, _HEAD_ID) is not None

    def fits(self, session: Session) -> bool:
        """Return whether the log was sealed with this key."""
        head = session.get(AuditHeadRow, _HEAD_ID)
        return head is None or hmac.compare_digest(head.seal, self._seal(head.seq, head.digest))

    @staticmethod
    def is_anchored(path: Path) -> bool:
        """Return whether the anchor file speaks of any row."""
        return any(line.split()[1:2] not in ([], ["0"]) for line in _anchor_lines(path))

    def begin_anchors(self, session: Session, path: Path, now: datetime) -> None:
        """Write the first anchor of a log that is still empty: from then on a file that is not there was taken away."""
        if not self.is_begun(session) and not path.exists():
            self.anchor(session, path, now)

    def anchor(self, session: Session, path: Path, now: datetime) -> None:
        """Append the sealed end of the log to a file outside the database; it should be copied off this machine.

        That the file was taken away is itself a row: a new one must not make it look as if nothing had happened.
        """
        head = session.get(AuditHeadRow, _HEAD_ID)
        if head and not _anchor_lines(path):
            self.append(session, SYSTEM, _ANCHORS_LOST, "audit", now)
            session.flush()
        seq, digest = (head.seq, head.digest) if head else (0, _START)
        make_way(path)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{now.astimezone(UTC).isoformat()} {seq} {digest} {self._seal(seq, digest)}\n")

    def _faults_of(self, row: AuditRow, previous: str, expected: int) -> Iterator[AuditFault]:
        if row.seq != expected:
            yield AuditFault(expected, f"第 {expected} 至 {row.seq - 1} 行被删除")
        elif row.previous != previous:
            yield AuditFault(row.seq, f"第 {row.seq} 行与前一行不衔接")
        if not hmac.compare_digest(row.digest, self._digest(row)):
            yield AuditFault(row.seq, f"第 {row.seq} 行被改动")

    def _faults_at_end(self, head: AuditHeadRow | None, seq: int, digest: str) -> Iterator[AuditFault]:
        if head is None:
            if seq:
                yield AuditFault(seq, "日志末尾的封签不见了")
            return
        if head.seal != self._seal(head.seq, head.digest):
            yield AuditFault(head.seq, "日志末尾的封签被改动")
        if head.seq > seq:
            yield AuditFault(seq + 1, f"第 {seq + 1} 至 {head.seq} 行被删除")
        elif (head.seq, head.digest) != (seq, digest):
            yield AuditFault(head.seq + 1, f"第 {head.seq + 1} 行起不是本系统写入的")

    def _faults_against(self, lines: list[str], digests: dict[int, str], losses: list[int]) -> Iterator[AuditFault]:
        if not lines:
            yield AuditFault(
                0,
                "锚点文件不见了或是空的：数据库是否被退回到较早的备份，无法核对。"
                "请用另一台机器上的副本核对：kakou audit verify --anchors",
            )
        oldest = len(digests) + 1
        for number, line in enumerate(lines, start=1):
            _, seq, digest, seal = (*line.split(), "", "", "", "")[:4]
            if not seq.isdigit() or not hmac.compare_digest(seal, self._seal(int(seq), digest)):
                yield AuditFault(0, f"锚点文件第 {number} 行被改动")
                continue
            oldest = min(oldest, int(seq))
            if int(seq) and digests.get(int(seq)) != digest:
                yield AuditFault(int(seq), f"第 {seq} 行与锚点文件第 {number} 行不一致")
        for lost_at in losses:
            if oldest >= lost_at:  # an older copy of the file speaks for the rows before
                yield AuditFault(lost_at, f"第 {lost_at} 行记着锚点文件丢失：之前的日志要用另一台机器上的副本核对")

    def _digest(self, row: AuditRow) -> str:
        fields = (
            row.previous, str(row.seq), row.at.astimezone(UTC).isoformat(), row.actor, row.role, row.action,
            row.subject, row.reason,
        )  # fmt: skip
        return self._keys.digest("audit row", "\x1f".join(f"{len(field)}:{field}" for field in fields))

    def _seal(self, seq: int, digest: str) -> str:
        return self._keys.digest("audit head", f"{seq} {digest}")


def _locked_head(session: Session) -> AuditHeadRow:
    """Return the end of the log, locked for this transaction; asked once per transaction."""
    head = session.info.get(_HEAD)
    if not isinstance(head, AuditHeadRow):
        head = session.get(AuditHeadRow, _HEAD_ID, with_for_update=True)
        if head is None:
            head = AuditHeadRow(head_id=_HEAD_ID, seq=0, digest=_START, seal="")
            session.add(head)
        session.info[_HEAD] = head
    return head


def _rows(session: Session) -> Iterator[AuditRow]:
    rows = session.scalars(select(AuditRow).order_by(AuditRow.seq).execution_options(yield_per=_BATCH))
    for row in rows:
        yield row
        session.expunge(row)


def _anchor_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
