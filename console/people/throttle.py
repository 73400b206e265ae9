"""Slows down guessing: so many failed log-ins per time, counted before the password is looked at.

Counted for the pair of account and address, for an address over all accounts, and for an account over all addresses
where its person never got in. A person at an address that is known is bound by the pair alone: whoever guesses from
elsewhere, or at other accounts from the same office, does not lock that person out.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from console.people.keys import ConsoleKeys
from console.settings import ConsoleSettings
from console.store.people_tables import KNOWN, LoginFailureRow
from console.types import ConsoleError

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_KNOWN_FOR = timedelta(days=30)
_NETWORK_BITS = 64
"""Of IPv6, whoever has one address has its whole network (RFC 6177)."""
_TRIES = select(func.count()).where(LoginFailureRow.whom == bindparam("whom"), LoginFailureRow.at > bindparam("since"))
"""Made once: a log-in asks it up to twelve times, and making it takes longer than answering."""


class TooManyTriesError(ConsoleError):
    """Too many failed log-ins; the message says how long to wait."""


@dataclass(frozen=True, slots=True)
class LoginTry:
    """One log-in that is being looked at; it counts as failed until it is known to be right."""

    place: str
    """Keyed digest of the address."""
    known: str
    failure_ids: tuple[int, ...]


class Throttle:
    """Limits are such as "1/second;5/minute;20/hour" (Frigate's notation)."""

    def __init__(self, keys: ConsoleKeys, settings: ConsoleSettings) -> None:
        self._keys = keys
        self._limits = [_parse(part) for part in settings.login_tries.split(";")]
        self._limits_of_strangers = [_parse(part) for part in settings.login_tries_of_strangers.split(";")]

    def begin(self, session: Session, account: str, address: str, now: datetime) -> LoginTry:
        """Count one try, inside a writing transaction: of two at once the second sees the first.

        Raises TooManyTriesError; then nothing is counted, or a guesser could keep everybody out for ever.
        """
        network = network_of(address)
        pair = self._keys.digest("login", f"pair {account}\n{network}")
        place = self._keys.digest("login", f"address {network}")
        limits = {pair: self._limits}
        if _count(session, KNOWN + pair, now - _KNOWN_FOR) == 0:
            limits |= {
                place: self._limits,
                self._keys.digest("login", f"strangers {account}"): self._limits_of_strangers,
            }
        for whom, bounds in limits.items():
            _check(session, whom, bounds, now)
        rows = [LoginFailureRow(whom=whom, at=now) for whom in limits]
        session.add_all(rows)
        session.flush()
        self._forget_old(session, now)
        return LoginTry(place, KNOWN + pair, tuple(row.failure_id for row in rows))

    def succeed(self, session: Session, login_try: LoginTry, now: datetime) -> None:
        """The try was right: it is no failure, and its account is known at its address from now on."""
        session.execute(delete(LoginFailureRow).where(LoginFailureRow.failure_id.in_(login_try.failure_ids)))
        session.execute(delete(LoginFailureRow).where(LoginFailureRow.whom == login_try.known))
        session.add(LoginFailureRow(whom=login_try.known, at=now))

    def _forget_old(self, session: Session, now: datetime) -> None:
        longest = max(window for _, window in (*self._limits, *self._limits_of_strangers))
        is_known = LoginFailureRow.whom.startswith(KNOWN)
        session.execute(delete(LoginFailureRow).where(LoginFailureRow.at < now - longest, ~is_known))
        session.execute(delete(LoginFailureRow).where(LoginFailureRow.at < now - _KNOWN_FOR, is_known))


def _check(session: Session, whom: str, limits: Iterable[tuple[int, timedelta]], now: datetime) -> None:
    for count, window in limits:
        if _count(session, whom, now - window) >= count:
            raise TooManyTriesError(f"登录失败次数过多，请 {_spoken(window)}后再试。")


def _count(session: Session, whom: str, since: datetime) -> int:
    return session.scalars(_TRIES, {"whom": whom, "since": since}).one()


def network_of(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a trusted proxy may name its callers as it likes
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), _NETWORK_BITS), strict=False))
    return str(parsed)


def _parse(limit: str) -> tuple[int, timedelta]:
    match = re.fullmatch(r"\s*(\d+)/(second|minute|hour|day)\s*", limit)
    if match is None:
        raise ConsoleError(f"[console] login_tries 中的 {limit!r} 不是“次数/second|minute|hour|day”。")
    return int(match[1]), timedelta(seconds=_UNITS[match[2]])


def _spoken(window: timedelta) -> str:
    seconds = int(window.total_seconds())
    return f"{seconds} 秒" if seconds < 60 else f"{seconds // 60} 分钟" if seconds < 3600 else f"{seconds // 3600} 小时"
