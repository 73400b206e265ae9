"""Logging in and staying logged in."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from console.people.accounts import NEEDS_TOTP
from console.people.audit import AuditLog
from console.people.keys import ConsoleKeys, new_token, token_digest
from console.people.passwords import Passwords, totp_counter
from console.people.second_factor import spend_recovery_code
from console.people.throttle import LoginTry, Throttle
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.people_tables import AccountRow, SessionRow
from console.types import SYSTEM, Actor, ConsoleError, Role

_TOUCH_EVERY = timedelta(seconds=60)
_WRONG = "用户名、密码或动态验证码不对。"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A person who is logged in."""

    actor: Actor
    csrf_token: str
    token_digest: str


class Sessions:
    def __init__(
        self,
        database: Database,
        keys: ConsoleKeys,
        passwords: Passwords,
        throttle: Throttle,
        audit: AuditLog,
        settings: ConsoleSettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._passwords = passwords
        self._throttle = throttle
        self._audit = audit
        self._settings = settings
        self._one_at_a_time = threading.Lock()

    def log_in(self, username: str, password: str, code: str, address: str, now: datetime) -> str:
        """Return the token for the cookie of a new session.

        Raises ConsoleError with the same words whatever was wrong, TooManyTriesError after too many failures.
        """
        name = username.strip().lower()[:64]
        with self._one_at_a_time:  # argon2 takes 64 MB and tens of milliseconds on purpose; and two at once do not race
            with self._database.writing() as session:
                login_try = self._throttle.begin(session, name, address, now)
                account = session.scalar(select(AccountRow).where(AccountRow.username == name))
            # Outside a transaction: the others need not wait for argon2.
            is_right = self._passwords.is_right(account.password_hash if account else None, password)
            token = self._finish(account if is_right else None, code, login_try, now)
        if token is None:
            raise ConsoleError(_WRONG)
        return token

    def _finish(self, account: AccountRow | None, code: str, login_try: LoginTry, now: datetime) -> str | None:
        """Start a session of the account that the password belongs to; None where the log-in is wrong all the same."""
        with self._database.writing() as session:
            counter = self._accept_code(session, account, code, now) if account else None
            if account and account.is_active and counter is not None:
                self._throttle.succeed(session, login_try, now)
                return self._start(session, account, now)
            self._audit.append(session, SYSTEM, "login.failed", f"address:{login_try.place[:16]}", now)
        return None

    def find(self, token: str, now: datetime) -> OpenSession | None:
        """Return who the cookie belongs to, or None when the session ended, expired or never was."""
        with self._database.reading() as session:
            found = session.execute(
                select(SessionRow, AccountRow)
                .join(AccountRow, SessionRow.account_id == AccountRow.account_id)
                .where(SessionRow.token_digest == token_digest(token))
            ).first()
        if found is None:
            return None
        row, account = found
        if not account.is_active or self._is_expired(row, Role(account.role), now):
            return None
        if now - row.last_seen_at > _TOUCH_EVERY:
            self.touch(row.token_digest, now)
        actor = Actor(account.account_id, account.display_name, Role(account.role), account.scope)
        return OpenSession(actor, row.csrf_token, row.token_digest)

    def ended(self, digests: Collection[str], now: datetime) -> set[str]:
        """Return those of the sessions that are over, whoever ended them: log-out, time, or an account switched off."""
        with self._database.reading() as session:
            query = select(SessionRow, AccountRow).join(AccountRow, SessionRow.account_id == AccountRow.account_id)
            found = session.execute(query.where(SessionRow.token_digest.in_(digests))).all()
        alive = {
            row.token_digest
            for row, account in found
            if account.is_active and not self._is_expired(row, Role(account.role), now)
        }
        return set(digests) - alive

    def touch(self, digest: str, now: datetime) -> None:
        """Note that the session is in use: a request, or a screen that is open."""
        with self._database.writing() as session:
            row = session.get(SessionRow, digest)
            if row is not None:
                row.last_seen_at = now

    def log_out(self, open_session: OpenSession, now: datetime) -> None:
        with self._database.writing() as session:
            session.execute(delete(SessionRow).where(SessionRow.token_digest == open_session.token_digest))
            self._audit.append(session, open_session.actor, "logout", "session", now)

    def forget_expired(self, now: datetime) -> None:
        walls = select(AccountRow.account_id).where(AccountRow.role == Role.WALL.value)
        is_wall = SessionRow.account_id.in_(walls)
        with self._database.writing() as session:
            for role, condition in ((Role.WALL, is_wall), (Role.OFFICER, ~is_wall)):
                is_old = SessionRow.created_at < now - self.lasts(role)
                session.execute(
                    delete(SessionRow).where(condition, is_old).execution_options(synchronize_session=False)
                )

    def lasts(self, role: Role | None) -> timedelta:
        """Return how long a session lives at most."""
        is_wall = role is Role.WALL
        return timedelta(days=self._settings.wall_days) if is_wall else timedelta(hours=self._settings.session_hours)

    def _start(self, session: Session, account: AccountRow, now: datetime) -> str:
        token = new_token()
        session.add(
            SessionRow(
                token_digest=token_digest(token), account_id=account.account_id, csrf_token=new_token(),
                created_at=now, last_seen_at=now,
            )
        )  # fmt: skip
        actor = Actor(account.account_id, account.display_name, Role(account.role), account.scope)
        self._audit.append(session, actor, "login", "session", now)
        return token

    def _accept_code(self, session: Session, account: AccountRow, code: str, now: datetime) -> int | None:
        """Return the time step of a right code, 0 where it needs none, None for a wrong or missing one."""
        if account.totp_sealed is None:
            return None if Role(account.role) in NEEDS_TOTP else 0
        row = session.get_one(AccountRow, account.account_id)
        counter = totp_counter(self._keys.open(account.totp_sealed), code, now, row.totp_counter)
        if counter is not None:
            row.totp_counter = counter
        elif spend_recovery_code(self._keys, row, code):
            subject, left = f"account:{row.account_id}", len((row.recovery_digests or "").split())
            self._audit.append(session, SYSTEM, "login.recovery", subject, now, f"剩余 {left}")
            return 0
        return counter

    def _is_expired(self, row: SessionRow, role: Role, now: datetime) -> bool:
        idle = self._settings.worker_idle_minutes if role is Role.WORKER else self._settings.idle_minutes
        is_idle = role is not Role.WALL and now - row.last_seen_at > timedelta(minutes=idle)
        return is_idle or now - row.created_at > self.lasts(role)
