"""API tokens: what a program may do in the name of the account that made it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select

from console.people.audit import AuditLog
from console.people.keys import new_token, token_digest
from console.reasons import says_nothing
from console.store.database import Database
from console.store.people_tables import AccountRow, TokenRow
from console.types import Actor, ConsoleError, NotFoundError, Role

_PREFIX = "kk_"
_MAX_DAYS = 365


class Scope(StrEnum):
    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"
    STATISTICS_READ = "statistics:read"
    LIST_WRITE = "list:write"


SCOPE_ROLES = {
    Scope.CASES_READ: frozenset({Role.ADMIN, Role.OFFICER}),
    Scope.CASES_WRITE: frozenset({Role.ADMIN, Role.OFFICER}),
    Scope.STATISTICS_READ: frozenset(Role),
    Scope.LIST_WRITE: frozenset({Role.STEWARD}),
}
"""A token can do no more than the person who made it."""


@dataclass(frozen=True, slots=True)
class Token:
    token_id: int
    name: str
    owner: str
    scopes: tuple[Scope, ...]
    expires_at: datetime
    is_revoked: bool


class Tokens:
    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    def create(self, name: str, scopes: list[Scope], days: int, actor: Actor, now: datetime) -> str:
        """Return the token; it is shown once and only its digest is kept. Raises ConsoleError."""
        if says_nothing(name) or not scopes or not 1 <= days <= _MAX_DAYS:
            raise ConsoleError(f"请填写名称、至少一项权限和 1 到 {_MAX_DAYS} 天的有效期。")
        if any(actor.role not in SCOPE_ROLES[scope] for scope in scopes):
            raise ConsoleError("令牌的权限不能超过您自己的角色。")
        token = _PREFIX + new_token()
        with self._database.writing() as session:
            row = TokenRow(
                token_digest=token_digest(token), name=name.strip()[:64], scopes=" ".join(scopes),
                account_id=actor.account_id, created_at=now, expires_at=now + timedelta(days=days),
            )  # fmt: skip
            session.add(row)
            session.flush()
            self._audit.append(session, actor, "token.create", f"token:{row.token_id}", now, row.scopes)
        return token

    def revoke(self, token_id: int, actor: Actor, now: datetime) -> None:
        with self._database.writing() as session:
            row = session.get(TokenRow, token_id)
            if row is None or (row.account_id != actor.account_id and actor.role is not Role.ADMIN):
                raise NotFoundError("没有这个令牌。")
            row.revoked_at = row.revoked_at or now
            self._audit.append(session, actor, "token.revoke", f"token:{token_id}", now)

    def find(self, token: str, now: datetime) -> tuple[Actor, frozenset[Scope]] | None:
        """Return on whose behalf the token acts and what it may do, or None when it is not valid now."""
        with self._database.reading() as session:
            found = session.execute(
                select(TokenRow, AccountRow)
                .join(AccountRow, TokenRow.account_id == AccountRow.account_id)
                .where(TokenRow.token_digest == token_digest(token))
            ).first()
        if found is None:
            return None
        row, account = found
        if row.revoked_at is not None or row.expires_at <= now or not account.is_active:
            return None
        role = Role(account.role)
        scopes = frozenset(scope for scope in map(Scope, row.scopes.split()) if role in SCOPE_ROLES[scope])
        return Actor(account.account_id, f"{account.display_name}（令牌 {row.name}）", role, account.scope), scopes

    def visible_to(self, actor: Actor) -> list[Token]:
        query = select(TokenRow, AccountRow).join(AccountRow, TokenRow.account_id == AccountRow.account_id)
        if actor.role is not Role.ADMIN:
            query = query.where(TokenRow.account_id == actor.account_id)
        with self._database.reading() as session:
            return [_token(row, account) for row, account in session.execute(query.order_by(TokenRow.token_id))]


def _token(row: TokenRow, account: AccountRow) -> Token:
    scopes = tuple(map(Scope, row.scopes.split()))
    return Token(row.token_id, row.name, account.display_name, scopes, row.expires_at, row.revoked_at is not None)
