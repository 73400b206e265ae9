"""When a case is closed, its micro-grid's group may be told that all is well: after a person pressed 发送, and once.

The words are the county's own (`group_text`), and nothing of the case is in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from alerts.channels.base import DeliveryError
from alerts.channels.egress import EgressError
from console.cases.rights import may_see
from console.cases.steps import State
from console.people.audit import AuditLog
from console.people.grids import GridMap, is_within
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.tables import CaseRow, GroupMessageRow
from console.types import Actor, ConsoleError, NotFoundError

TITLE = "卡口核实"
_LONGEST = timedelta(seconds=90)
"""A robot answers within 60 s or is given up: what has no outcome after this was cut short."""


class GroupVoice(Protocol):
    """A robot in a group chat."""

    @property
    def name(self) -> str: ...

    def say(self, title: str, text: str) -> None:
        """Raises DeliveryError, EgressError."""
        ...


@dataclass(frozen=True, slots=True)
class GroupOffer:
    """What can be told to a group, or what was."""

    group: str
    text: str
    may_send: bool
    said: str
    """What became of it, in words; "" where nobody has pressed 发送."""


class GroupNews:
    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        voices: Mapping[str, GroupVoice],
        grids: GridMap,
        settings: ConsoleSettings,
    ) -> None:
        """`voices`: by the grid code of the group."""
        self._database = database
        self._audit = audit
        self._voices = voices
        self._grids = grids
        self._settings = settings

    def offer(self, case_id: int, now: datetime) -> GroupOffer | None:
        """Return what the desk can tell the group of a closed case; None where there is no group, or it is not closed.

        Whoever asks may see the case.
        """
        with self._database.reading() as session:
            case = session.get_one(CaseRow, case_id)
            code = self._code_of(case.grid_code)
            if code is None or case.state != State.CLOSED:
                return None
            row = session.get(GroupMessageRow, case_id)
            text = row.text if row and row.sent_at else self._text(code)
            may_send = row is None or bool(row.last_error and row.sent_at is None)
            return GroupOffer(self._grids.name_of(code), text, may_send, _said(row, now))

    def send(self, case_id: int, actor: Actor, now: datetime) -> None:
        """Tell the group. Raises ConsoleError: not closed, told before, or it did not arrive; then it says so."""
        voice, text = self._claim(case_id, actor, now)
        problem = ""
        try:  # outside any transaction of ours: a robot that is slow must not keep events waiting
            voice.say(TITLE, text)
        except (DeliveryError, EgressError) as error:
            problem = str(error)[:500]
        with self._database.writing() as session:
            row = session.get_one(GroupMessageRow, case_id)
            row.last_error, row.sent_at = problem, None if problem else now
            self._audit.append(session, actor, "group.failed" if problem else "group.sent", f"case:{case_id}", now)
        if problem:
            raise ConsoleError(f"没有发到群里：{problem}。请核对群机器人后重发；群里已经看到的，请不要重发。")

    def _claim(self, case_id: int, actor: Actor, now: datetime) -> tuple[GroupVoice, str]:
        """Note that this person sends it: of two who press at once, one does."""
        with self._database.writing() as session:
            case = session.get(CaseRow, case_id, with_for_update=True)
            if case is None or not may_see(case, actor):
                raise NotFoundError("没有这个事件单，或不在您的辖区。")
            code = self._code_of(case.grid_code)
            if code is None:
                raise ConsoleError("这个网格没有配置群机器人（[[console.group]]）。")
            if case.state != State.CLOSED:
                raise ConsoleError("办结之后才能向群里发送。")
            _require_unsent(session, case_id, now)
            text = self._text(code)
            session.merge(GroupMessageRow(case_id=case_id, text=text, asked_by=actor.name, asked_at=now, last_error=""))
            return self._voices[code], text

    def _code_of(self, grid_code: str) -> str | None:
        """Return the code of the smallest area with a group that the case lies in."""
        return max((code for code in self._voices if is_within(grid_code, code)), key=len, default=None)

    def _text(self, code: str) -> str:
        return self._settings.group_text.replace("{grid}", self._grids.name_of(code))


def _require_unsent(session: Session, case_id: int, now: datetime) -> None:
    row = session.get(GroupMessageRow, case_id)
    if row is not None and (row.sent_at is not None or not row.last_error):
        raise ConsoleError(f"没有重复发送：{_said(row, now)}。")


def _said(row: GroupMessageRow | None, now: datetime) -> str:
    if row is None:
        return ""
    if row.sent_at is not None:
        return f"{row.asked_by} 已发送"
    if row.last_error:
        return f"{row.asked_by} 发送失败：{row.last_error}"
    return "正在发送" if now - row.asked_at < _LONGEST else f"{row.asked_by} 发送时中断，是否送达不明，请到群里核对"
