"""Accounts, sessions, links, tokens, and the audit log."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from console.store.tables import Base


class AccountRow(Base):
    __tablename__ = "accounts"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    display_name: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    scope: Mapped[str] = mapped_column(String(16), default="")
    password_hash: Mapped[str | None]
    """None until the invitation was used."""
    totp_sealed: Mapped[str | None] = mapped_column(Text)
    """The TOTP secret, encrypted with the console's key."""
    totp_counter: Mapped[int] = mapped_column(default=0)
    """The last time step that was used; a code works once."""
    recovery_digests: Mapped[str | None] = mapped_column(Text)
    """Keyed digests of the codes that stand in for a lost phone, each once; apart by spaces."""
    message_kind: Mapped[str | None] = mapped_column(String(16))
    """The messenger in which dispatches are told: wecom, dingtalk or feishu."""
    message_user: Mapped[str | None] = mapped_column(String(64))
    """The person's user id there."""
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class SessionRow(Base):
    __tablename__ = "sessions"

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class InvitationRow(Base):
    """A one-time link: sets the password of an account, or makes the first administrator."""

    __tablename__ = "invitations"

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    totp_sealed: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class TokenRow(Base):
    """An API token; only its digest is kept."""

    __tablename__ = "api_tokens"

    token_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


KNOWN = "known "
"""Before the digest: not a failure, but that a person got in from there, and when the last time."""


class LoginFailureRow(Base):
    """Tries to log in, counted as failed until they are known to be right."""

    __tablename__ = "login_failures"
    __table_args__ = (Index("ix_login_failures_whom", "whom", "at"),)

    failure_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    whom: Mapped[str] = mapped_column(String(96))
    """Keyed digest of an account at an address, of an address, or of an account at any address that is not known."""
    at: Mapped[datetime]


class ShiftNoteRow(Base):
    """What one shift leaves to the next; forgotten after a month."""

    __tablename__ = "shift_notes"

    note_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(index=True)
    author: Mapped[str]
    scope: Mapped[str] = mapped_column(String(16))
    """Whose area it is about: those of the same area read it."""
    text: Mapped[str] = mapped_column(Text)


class AuditRow(Base):
    __tablename__ = "audit_log"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    role: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str]
    """What it was done to, such as "case:12"; never plate text."""
    reason: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class AuditHeadRow(Base):
    """One row: the end of the audit log, sealed, so that a cut tail shows."""

    __tablename__ = "audit_head"

    head_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str] = mapped_column(String(64))
