"""Pages from templates; everything a template shows is escaped."""

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from fastapi import Request
from jinja2 import Environment
from starlette.responses import HTMLResponse

from console.cases.kinds import LEVEL_NAMES
from console.cases.steps import (
    ACTION_NAMES,
    CASE_OUTCOMES,
    DOOR_OUTCOMES,
    DOOR_REJECTIONS,
    STATE_NAMES,
    VEHICLE_REJECTIONS,
)
from console.people.audit_words import SCOPE_NAMES, action_words, detail_words, subject_words
from console.people.sessions import OpenSession
from console.types import ROLE_NAMES, Role
from console.web.modules import modules_of
from console.web.plain import plain_environment
from riskdb.types import BEIJING

_FOLDER = Path(__file__).parents[1]
STATIC_FOLDER = _FOLDER / "static"

MENU: tuple[tuple[str, str, frozenset[Role]], ...] = (
    ("/screen", "指挥屏", frozenset({Role.OFFICER, Role.ADMIN, Role.WALL})),
    ("/m", "我的任务", frozenset({Role.WORKER})),
    ("/notices", "异常提醒", frozenset({Role.OFFICER, Role.ADMIN, Role.STEWARD})),
    ("/statistics", "统计", frozenset({Role.OFFICER, Role.ADMIN, Role.ANALYST, Role.AUDITOR})),
    ("/trends", "趋势", frozenset({Role.OFFICER, Role.ADMIN, Role.ANALYST, Role.AUDITOR})),
    ("/shift", "交接班", frozenset({Role.OFFICER, Role.ADMIN})),
    ("/list", "名单导入", frozenset({Role.STEWARD, Role.APPROVER})),
    ("/proposals", "布控建议", frozenset({Role.STEWARD, Role.APPROVER})),
    ("/areas", "风险区", frozenset({Role.STEWARD, Role.APPROVER})),
    ("/vehicle", "单车查询", frozenset({Role.STEWARD})),
    ("/corrections", "名单更正", frozenset({Role.STEWARD, Role.APPROVER, Role.ADMIN})),
    ("/accounts", "账号", frozenset({Role.ADMIN})),
    ("/tokens", "接口令牌", frozenset({Role.ADMIN, Role.OFFICER, Role.STEWARD, Role.ANALYST})),
    ("/audit", "审计", frozenset({Role.AUDITOR, Role.ADMIN})),
)


def home_of(role: Role | None) -> str:
    """Return the page that a role starts on."""
    return next(path for path, _, roles in MENU if role in roles)


def page(
    request: Request,
    template: str,
    context: Mapping[str, object] | None = None,
    session: OpenSession | None = None,
    status_code: int = 200,
) -> HTMLResponse:
    """Render a whole page; `session` None is a page before the log-in."""
    role = session.actor.role if session else None
    frame: dict[str, object] = {
        "actor": session.actor if session else None,
        "csrf": session.csrf_token if session else "",
        "menu": [(path, words, request.url.path.startswith(path)) for path, words, roles in MENU if role in roles],
        "is_demo": request.app.state.console.settings.demo,
        "days_left": request.app.state.console.days_left() if session else None,
        "role_name": ROLE_NAMES[role] if role else "",
    }
    environment = request.app.state.templates
    assert isinstance(environment, Environment)
    return HTMLResponse(environment.get_template(template).render({**frame, **(context or {})}), status_code)


def build_environment() -> Environment:
    environment = plain_environment(_FOLDER / "templates")
    environment.filters |= {"local": _local, "local_day": _local_day, "percent": _percent, "duration": _duration}
    environment.filters |= {
        "action_words": action_words,
        "subject_words": subject_words,
        "detail_words": detail_words,
    }
    environment.globals |= {
        "state_names": STATE_NAMES,
        "action_names": ACTION_NAMES,
        "level_names": LEVEL_NAMES,
        "outcome_names": CASE_OUTCOMES,
        "rejection_names": VEHICLE_REJECTIONS,
        "door_outcome_names": DOOR_OUTCOMES,
        "door_rejection_names": DOOR_REJECTIONS,
        "role_names": ROLE_NAMES,
        "scope_names": SCOPE_NAMES,
        "modules_of": functools.partial(modules_of, STATIC_FOLDER),
    }
    return environment


def _local(moment: datetime | None) -> str:
    return moment.astimezone(BEIJING).strftime("%m-%d %H:%M:%S") if moment else "—"


def _local_day(moment: datetime | None) -> str:
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M") if moment else "—"


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share * 100:.1f} %"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    if seconds >= 7200:
        return f"{seconds / 3600:.0f} 小时"
    return f"{seconds:.0f} 秒" if seconds < 120 else f"{seconds / 60:.0f} 分钟"
