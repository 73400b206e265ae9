"""Words that every part of the console shares."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class ConsoleError(Exception):
    """Something the user must be told; the message is a Chinese sentence that says what to do."""


class StepRefusedError(ConsoleError):
    """The case is not in a state, or the person not in a role, that allows this step."""


class CaseChangedError(ConsoleError):
    """Somebody else acted on the case first."""


class LateRemarkError(CaseChangedError):
    """The case had left the worker's hands; what he sent is in its record and changed nothing."""


class NotFoundError(ConsoleError):
    """There is no such thing, or it lies outside the person's area: both read the same."""


class Role(StrEnum):
    ADMIN = "admin"
    STEWARD = "steward"
    APPROVER = "approver"
    OFFICER = "officer"
    WORKER = "worker"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    WALL = "wall"
    """A screen on a wall: shows, and does nothing."""
    BOOTH = "booth"
    """At a checkpoint's barrier; has no account: the box knows its devices, and sends their words."""


ROLE_NAMES = {
    Role.ADMIN: "管理员",
    Role.STEWARD: "名单管理员",
    Role.APPROVER: "审批员",
    Role.OFFICER: "值班员",
    Role.WORKER: "网格员",
    Role.ANALYST: "分析员",
    Role.AUDITOR: "审计员",
    Role.WALL: "大屏",
    Role.BOOTH: "岗位",
}


ACCOUNT_ROLES: tuple[Role, ...] = tuple(role for role in Role if role is not Role.BOOTH)
"""Roles that an account may have."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: an account, an API token, or the console's own clock."""

    account_id: int | None
    """None for the console itself."""
    name: str
    role: Role | None
    """None for the console itself."""
    scope: str
    """Grid code whose area this person may see; "" is everything."""


SYSTEM = Actor(account_id=None, name="系统", role=None, scope="")


def utc_now() -> datetime:
    return datetime.now(UTC)
