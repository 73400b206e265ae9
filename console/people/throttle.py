"""Slows down guessing: so many failed log-ins per time, for an account and for an address."""

import re
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from console.store.people_tables import LoginFailureRow
from console.types import ConsoleError

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class TooManyTriesError(ConsoleError):
    """Too many failed log-ins; the message says how long to wait."""


class Throttle:
    """`limits` such as "1/second;5/minute;20/hour" (Frigate's notation)."""

    def __init__(self, limits: str) -> None:
        self._limits = [_parse(part) for part in limits.split(";")]

    def check(self, session: Session, whom: list[str], now: datetime) -> None:
        """Raises TooManyTriesError when any of `whom` has failed too often."""
        for count, window in self._limits:
            for name in whom:
                since = now - window
                query = select(func.count()).where(LoginFailureRow.whom == name, LoginFailureRow.at > since)
                if session.scalar(query) >= count:  # type: ignore[operator]  # count() is never None
                    raise TooManyTriesError(f"登录失败次数过多，请 {_spoken(window)}后再试。")

    def record_failure(self, session: Session, whom: list[str], now: datetime) -> None:
        session.add_all(LoginFailureRow(whom=name, at=now) for name in whom)
        longest = max(window for _, window in self._limits)
        session.execute(delete(LoginFailureRow).where(LoginFailureRow.at < now - longest))


def _parse(limit: str) -> tuple[int, timedelta]:
    match = re.fullmatch(r"\s*(\d+)/(second|minute|hour|day)\s*", limit)
    if match is None:
        raise ConsoleError(f"[console] login_tries 中的 {limit!r} 不是“次数/second|minute|hour|day”。")
    return int(match[1]), timedelta(seconds=_UNITS[match[2]])


def _spoken(window: timedelta) -> str:
    seconds = int(window.total_seconds())
    return f"{seconds} 秒" if seconds < 60 else f"{seconds // 60} 分钟" if seconds < 3600 else f"{seconds // 3600} 小时"
