"""Tells grid workers of a dispatch, in the messenger that their account names; kept until it arrived."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from console.cases.steps import CROSSING
from console.people.audit import AuditLog
from console.people.messengers import MessageError, Messenger
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.people_tables import AccountRow
from console.store.tables import CaseRow, MessageRow
from console.types import SYSTEM

_BATCH = 50
_MAX_TRIES = 8
"""With pauses of 5 s, doubled each time: ten minutes; by then the next level has been asked."""
_FIRST_PAUSE_S = 5.0

_log = logging.getLogger(__name__)


class Dispatch:
    def __init__(
        self, database: Database, audit: AuditLog, messengers: Mapping[str, Messenger], settings: ConsoleSettings
    ) -> None:
        self._database = database
        self._audit = audit
        self._messengers = messengers
        self._settings = settings

    def step(self, now: datetime) -> int:
        """Try what is due; returns how many messages arrived."""
        query = (
            select(
                MessageRow.message_id, CaseRow.case_id, CaseRow.level, AccountRow.message_kind, AccountRow.message_user
            )
            .join(CaseRow, CaseRow.case_id == MessageRow.case_id)
            .join(AccountRow, AccountRow.account_id == MessageRow.account_id)
            .where(MessageRow.next_try_at <= now)
            .order_by(MessageRow.next_try_at)
            .limit(_BATCH)
        )
        with self._database.reading() as session:
            due = session.execute(query).all()
        return sum(
            self._send(message_id, case_id, self.words(case_id, level), (kind or "", user or ""), now)
            for message_id, case_id, level, kind, user in due
        )

    def words(self, case_id: int, level: str = "") -> str:
        minutes = max(1, round(self._settings.accept_timeout_s / 60))
        link = f"{self._settings.public_url.rstrip('/')}/m?case={case_id}" if self._settings.public_url else ""
        task = "隔离门有人出入" if level == CROSSING else "您有一个新的核实任务"
        return f"【卡口】{task}，请在 {minutes} 分钟内接单。{link}"

    def close(self) -> None:
        for messenger in self._messengers.values():
            messenger.close()

    def _send(self, message_id: int, case_id: int, words: str, to: tuple[str, str], now: datetime) -> bool:
        """`to`: the messenger's kind, and the person's id there."""
        # Outside any transaction of ours: a messenger that is slow must not keep events waiting. Twice does no harm.
        problem = ""
        try:
            messenger = self._messengers.get(to[0])
            if messenger is None:
                raise MessageError("这个账号的消息平台没有在 [[console.messenger]] 中设置")
            messenger.send(to[1], words)
        except MessageError as error:
            problem = str(error)
            _log.warning("console: message %d of case %d: %s", message_id, case_id, problem)
        with self._database.writing() as session:
            row = session.get_one(MessageRow, message_id)
            row.attempts += 1
            row.last_error = problem
            if problem:
                pause = timedelta(seconds=_FIRST_PAUSE_S * 2 ** (row.attempts - 1))
                row.next_try_at = now + pause if row.attempts < _MAX_TRIES else None
            else:
                row.sent_at, row.next_try_at = now, None
                self._audit.append(session, SYSTEM, "message.sent", f"case:{case_id}", now, f"account:{row.account_id}")
        return not problem
