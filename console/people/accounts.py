"""Who may work here: accounts, and the one-time links that give them their passwords.

There is no default password: the first start makes a link for the first administrator, and an administrator
makes one for everybody else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from console.people.audit import AuditLog
from console.people.keys import ConsoleKeys, new_token, token_digest
from console.people.passwords import Passwords, new_totp_secret, totp_counter
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.people_tables import AccountRow, InvitationRow, SessionRow
from console.types import ACCOUNT_ROLES, ROLE_NAMES, SYSTEM, Actor, ConsoleError, NotFoundError, Role

NEEDS_TOTP = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Account:
    account_id: int
    username: str
    display_name: str
    role: Role
    scope: str
    is_active: bool
    has_password: bool
    has_totp: bool
    message_kind: str = ""
    message_user: str = ""
    """Where dispatches are told; "" for nowhere but the phone page."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An unused link that is still valid."""

    username: str | None
    """None: the first administrator chooses a name."""
    role: Role
    totp_secret: str | None
    """Set where the role needs a second factor."""


class Accounts:
    def __init__(
        self, database: Database, keys: ConsoleKeys, passwords: Passwords, audit: AuditLog, settings: ConsoleSettings
    ) -> None:
        self._database = database
        self._keys = keys
        self._passwords = passwords
        self._audit = audit
        self._valid_for = timedelta(hours=settings.invitation_hours)

    def first_link(self, now: datetime) -> str | None:
        """Return a new token for the first administrator, or None once an administrator can log in."""
        with self._database.writing() as session:
            if session.scalar(_count_of_admins()):
                return None
            return self._invite(session, None, needs_totp=True, now=now)

    def create(self, username: str, display_name: str, role: Role, scope: str, actor: Actor, now: datetime) -> str:
        """Add an account without a password; returns the token of its one-time link. Raises ConsoleError."""
        username = username.strip().lower()
        if not (3 <= len(username) <= 32 and username.replace("_", "").replace(".", "").isalnum()):
            raise ConsoleError("用户名需要 3 到 32 个字母、数字、点或下划线。")
        if role not in ACCOUNT_ROLES:
            raise ConsoleError(f"{ROLE_NAMES[role]}没有账号：请在卡口盒子上配对设备（kakou booth pair）。")
        if role is Role.WORKER and len(scope) < 9:
            raise ConsoleError("网格员必须填写所属的网格编码（至少到镇街）。")
        with self._database.writing() as session:
            if session.scalar(select(AccountRow).where(AccountRow.username == username)):
                raise ConsoleError(f"用户名 {username} 已经有人使用。")
            row = AccountRow(
                username=username, display_name=display_name.strip() or username, role=role.value, scope=scope,
                created_at=now,
            )  # fmt: skip
            session.add(row)
            session.flush()
            subject = f"account:{row.account_id}"
            self._audit.append(session, actor, "account.create", subject, now, f"{ROLE_NAMES[role]} {scope or '全域'}")
            return self._invite(session, row.account_id, role in NEEDS_TOTP, now)

    def renew_link(self, account_id: int, actor: Actor, now: datetime) -> str:
        """Return a new one-time link for an account whose password was lost; an earlier link stops working.

        The password that there is works until the link is used: a link that was asked for by mistake does no harm.
        """
        with self._database.writing() as session:
            row = self._row(session, account_id)
            self._audit.append(session, actor, "account.new_link", f"account:{account_id}", now)
            return self._invite(session, account_id, Role(row.role) in NEEDS_TOTP, now)

    def set_active(self, account_id: int, is_active: bool, actor: Actor, now: datetime) -> list[str]:
        """Switching an account off ends its sessions at once; returns them, for the screens that they have open.

        Raises ConsoleError for one's own account.
        """
        if account_id == actor.account_id:
            raise ConsoleError("不能停用自己的账号。")
        with self._database.writing() as session:
            self._row(session, account_id).is_active = is_active
            ended = []
            if not is_active:
                ended = end_sessions(session, account_id)
                _void_links(session, account_id, now)
            action = "account.enable" if is_active else "account.disable"
            self._audit.append(session, actor, action, f"account:{account_id}", now)
        return ended

    def change_password(self, actor: Actor, old: str, new: str, kept: str, now: datetime) -> list[str]:
        """Set one's own password; ends one's other sessions and returns them. Raises ConsoleError.

        `kept` is the digest of the session that goes on.
        """
        with self._database.reading() as session:
            before = self._row(session, actor.account_id or 0)
        # Outside the transaction: argon2 takes tens of milliseconds on purpose.
        if not self._passwords.is_right(before.password_hash, old):
            raise ConsoleError("现在的密码不对，没有更改。")
        password_hash = self._passwords.hash(new, before.username)
        with self._database.writing() as session:
            self._row(session, before.account_id).password_hash = password_hash
            ended = end_sessions(session, before.account_id, kept)
            self._audit.append(session, actor, "account.password_set", f"account:{before.account_id}", now)
        return ended

    def set_message(self, account_id: int, kind: str, user: str, actor: Actor, now: datetime) -> None:
        """Set where dispatches are told to this person; an empty user id for nowhere."""
        user = user.strip()
        with self._database.writing() as session:
            row = self._row(session, account_id)
            row.message_kind, row.message_user = (kind, user) if user else (None, None)
            self._audit.append(session, actor, "account.message", f"account:{account_id}", now, kind if user else "")

    def invitation(self, token: str, now: datetime) -> Invitation:
        """Raises NotFoundError when the link was used, is too old or never existed: all read the same."""
        with self._database.reading() as session:
            row = _valid_invitation(session, token, now)
            account = session.get(AccountRow, row.account_id) if row.account_id else None
            secret = self._keys.open(row.totp_sealed) if row.totp_sealed else None
        role = Role(account.role) if account else Role.ADMIN
        return Invitation(account.username if account else None, role, secret)

    def redeem(self, token: str, username: str, password: str, code: str, now: datetime) -> None:
        """Use a one-time link: set the password and the second factor. Raises ConsoleError."""
        with self._database.writing() as session:
            invitation = _valid_invitation(session, token, now)
            account = self._invited_account(session, invitation, username, now)
            account.password_hash = self._passwords.hash(password, account.username)
            if invitation.totp_sealed:
                counter = totp_counter(self._keys.open(invitation.totp_sealed), code, now, 0)
                if counter is None:
                    raise ConsoleError("动态验证码不对。请确认手机时间准确，再输入当前的 6 位数字。")
                # The code that proved the set-up still opens the first log-in: people go on in the same half minute.
                account.totp_sealed, account.totp_counter = invitation.totp_sealed, counter - 1
                account.recovery_digests = None
            invitation.used_at = now
            end_sessions(session, account.account_id)
            actor = Actor(account.account_id, account.display_name, Role(account.role), account.scope)
            self._audit.append(session, actor, "account.password_set", f"account:{account.account_id}", now)

    def all(self) -> list[Account]:
        with self._database.reading() as session:
            return [_account(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.username))]

    def workers_for(self, grid_code: str) -> list[Account]:
        """Return the active grid workers whose area covers `grid_code`, the closest first."""
        workers = [
            account
            for account in self.all()
            if account.role is Role.WORKER and account.is_active and grid_code.startswith(account.scope)
        ]
        return sorted(workers, key=lambda account: (-len(account.scope), account.display_name))

    def _invited_account(self, session: Session, invitation: InvitationRow, username: str, now: datetime) -> AccountRow:
        if invitation.account_id:
            return self._row(session, invitation.account_id)
        name = username.strip().lower()
        if not 3 <= len(name) <= 32 or session.scalar(select(AccountRow).where(AccountRow.username == name)):
            raise ConsoleError("请填写 3 到 32 个字符、尚未使用的用户名。")
        account = AccountRow(username=name, display_name=name, role=Role.ADMIN.value, scope="", created_at=now)
        session.add(account)
        session.flush()
        self._audit.append(session, SYSTEM, "account.first", f"account:{account.account_id}", now)
        return account

    def _invite(self, session: Session, account_id: int | None, needs_totp: bool, now: datetime) -> str:
        _void_links(session, account_id, now)
        token = new_token()
        sealed = self._keys.seal(new_totp_secret()) if needs_totp else None
        session.add(
            InvitationRow(
                token_digest=token_digest(token), account_id=account_id, totp_sealed=sealed,
                expires_at=now + self._valid_for,
            )
        )  # fmt: skip
        return token

    def _row(self, session: Session, account_id: int) -> AccountRow:
        row = session.get(AccountRow, account_id)
        if row is None:
            raise NotFoundError("没有这个账号。")
        return row


def _count_of_admins() -> Select[int]:
    return select(func.count()).where(
        AccountRow.role == Role.ADMIN.value, AccountRow.is_active, AccountRow.password_hash.is_not(None)
    )


def _void_links(session: Session, account_id: int | None, now: datetime) -> None:
    """End what was sent before; None is the first administrator's, who has no account yet."""
    session.execute(
        update(InvitationRow)
        .where(InvitationRow.account_id == account_id, InvitationRow.used_at.is_(None))
        .values(used_at=now)
    )


def end_sessions(session: Session, account_id: int, kept: str = "") -> list[str]:
    """End an account's sessions but the one whose digest is `kept`; return the digests of those that ended."""
    query = select(SessionRow).where(SessionRow.account_id == account_id, SessionRow.token_digest != kept)
    rows = session.scalars(query).all()
    for row in rows:
        session.delete(row)
    return [row.token_digest for row in rows]


def _valid_invitation(session: Session, token: str, now: datetime) -> InvitationRow:
    row = session.get(InvitationRow, token_digest(token))
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise NotFoundError("这个链接已经用过或已失效。请向管理员要一个新的链接。")
    return row


def _account(row: AccountRow) -> Account:
    return Account(
        row.account_id, row.username, row.display_name, Role(row.role), row.scope, row.is_active,
        row.password_hash is not None, row.totp_sealed is not None, row.message_kind or "", row.message_user or "",
    )  # fmt: skip
