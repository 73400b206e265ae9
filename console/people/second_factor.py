"""The second factor of whoever wants one: switched on by the person, off by an administrator; and a lost phone.

Recovery codes stand in for the phone, each once; the database holds their keyed digests only.
"""

import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from console.people.accounts import NEEDS_TOTP, end_sessions
from console.people.audit import AuditLog
from console.people.keys import ConsoleKeys
from console.people.passwords import Passwords, new_totp_secret, totp_counter
from console.store.database import Database
from console.store.people_tables import AccountRow
from console.types import Actor, ConsoleError, NotFoundError, Role

CODES = 8
_CODE_LENGTH = 10
"""Digits, so that a phone's number keys type them; who guesses needs the password too, and is slowed."""
_OFFER_LASTS = timedelta(minutes=15)
_WRONG_CODE = "动态验证码不对，没有更改。请确认手机时间准确，再输入当前的 6 位数字。"


class SecondFactor:
    def __init__(self, database: Database, keys: ConsoleKeys, passwords: Passwords, audit: AuditLog) -> None:
        self._database = database
        self._keys = keys
        self._passwords = passwords
        self._audit = audit

    def is_on(self, actor: Actor) -> bool:
        with self._database.reading() as session:
            return _row(session, actor).totp_sealed is not None

    def offer(self, actor: Actor, password: str, now: datetime) -> str:
        """Return a sealed new secret, to be proved by a code; nothing is changed. Raises ConsoleError."""
        with self._database.reading() as session:
            row = _row(session, actor)
        if not self._passwords.is_right(row.password_hash, password):
            raise ConsoleError("现在的密码不对，没有更改。")
        if row.totp_sealed is not None:
            raise ConsoleError("动态验证码已经开启。换手机时请管理员先关闭，再重新开启。")
        until = int((now + _OFFER_LASTS).timestamp())
        return self._keys.seal(f"{row.account_id} {until} {new_totp_secret()}")

    def secret_of(self, offer: str, actor: Actor, now: datetime) -> str:
        """Return the secret of an offer. Raises ConsoleError where it is somebody else's or too old."""
        account_id, until, secret = self._keys.open(offer).split()
        if int(account_id) != actor.account_id or now > datetime.fromtimestamp(int(until), UTC):
            raise ConsoleError("二维码已过期，请重新开始。")
        return secret

    def switch_on(
        self, actor: Actor, offer: str, code: str, kept: str, now: datetime
    ) -> tuple[tuple[str, ...], list[str]]:
        """Return the recovery codes, shown this once, and what sessions ended: all but `kept`. Raises ConsoleError."""
        secret = self.secret_of(offer, actor, now)
        counter = totp_counter(secret, code, now, 0)
        if counter is None:
            raise ConsoleError(_WRONG_CODE)
        with self._database.writing() as session:
            row = _row(session, actor)
            if row.totp_sealed is not None:
                raise ConsoleError("动态验证码已经开启。")
            row.totp_sealed, row.totp_counter = self._keys.seal(secret), counter
            codes = self._new_codes(row)
            ended = end_sessions(session, row.account_id, kept)
            self._audit.append(session, actor, "account.totp_on", f"account:{row.account_id}", now)
        return codes, ended

    def renew_codes(self, actor: Actor, code: str, now: datetime) -> tuple[str, ...]:
        """Return new recovery codes; the earlier ones end. Raises ConsoleError."""
        with self._database.writing() as session:
            row = _row(session, actor)
            if row.totp_sealed is None:
                raise ConsoleError("动态验证码没有开启。")
            counter = totp_counter(self._keys.open(row.totp_sealed), code, now, row.totp_counter)
            if counter is None:
                raise ConsoleError(_WRONG_CODE)
            row.totp_counter = counter
            self._audit.append(session, actor, "account.recovery_codes", f"account:{row.account_id}", now)
            return self._new_codes(row)

    def switch_off(self, account_id: int, actor: Actor, now: datetime) -> None:
        """Take another person's second factor off, such as after a lost phone. Raises ConsoleError."""
        with self._database.writing() as session:
            row = session.get(AccountRow, account_id)
            if row is None:
                raise NotFoundError("没有这个账号。")
            if Role(row.role) in NEEDS_TOTP:
                raise ConsoleError("管理员必须使用动态验证码：手机丢失时发新链接，重新绑定。")
            row.totp_sealed, row.recovery_digests = None, None
            self._audit.append(session, actor, "account.totp_off", f"account:{account_id}", now)

    def _new_codes(self, row: AccountRow) -> tuple[str, ...]:
        codes = tuple(f"{secrets.randbelow(10**_CODE_LENGTH):0{_CODE_LENGTH}}" for _ in range(CODES))
        row.recovery_digests = " ".join(_digest(self._keys, row, code) for code in codes)
        return tuple(f"{code[:5]}-{code[5:]}" for code in codes)


def spend_recovery_code(keys: ConsoleKeys, row: AccountRow, code: str) -> bool:
    """Return whether `code` is one of the account's, which is then used up."""
    typed = "".join(char for char in code if char.isalnum())
    left = (row.recovery_digests or "").split()
    digest = _digest(keys, row, typed)
    if digest not in left:
        return False
    row.recovery_digests = " ".join(one for one in left if one != digest)
    return True


def _digest(keys: ConsoleKeys, row: AccountRow, code: str) -> str:
    return keys.digest("recovery", f"{row.account_id} {code}")


def _row(session: Session, actor: Actor) -> AccountRow:
    row = session.get(AccountRow, actor.account_id or 0)
    if row is None:
        raise NotFoundError("没有这个账号。")
    return row
