"""Who may call an endpoint. Every endpoint declares it with `allow`, `allow_token` or `allow_anyone`.

The declaration does the check and stands in the OpenAPI document, where a test reads it back.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, TypedDict

from anyio.to_thread import run_sync
from fastapi import Depends, Request
from fastapi.params import Depends as DependsParam
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from console.parts import Console
from console.people.sessions import OpenSession
from console.people.tokens import Scope
from console.types import ACCOUNT_ROLES, Actor, ConsoleError, Role
from console.web.origin import origin_fault

COOKIE = "__Host-kakou"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class LoginNeededError(ConsoleError):
    """Nobody is logged in, or not any more."""


class ForbiddenError(ConsoleError):
    """This role may not do this, or the request did not come from our own page."""


class Declared(TypedDict):
    """What an endpoint's decorator gets."""

    dependencies: list[DependsParam]
    openapi_extra: dict[str, list[str]]


def console_of(request: Request) -> Console:
    console = request.app.state.console
    assert isinstance(console, Console)
    return console


TheConsole = Annotated[Console, Depends(console_of)]


async def current_session(request: Request, console: TheConsole) -> OpenSession:
    """Return who is logged in. Raises LoginNeededError, ForbiddenError."""
    session = await _find_session(request, console)
    if session is None:
        raise LoginNeededError("登录已过期，请重新登录。您填写的内容会保留。")
    if request.method not in _SAFE:
        await check_origin(request)
        given = request.headers.get(CSRF_HEADER) or str((await request.form()).get("csrf", ""))
        if not hmac.compare_digest(given.encode(), session.csrf_token.encode()):
            raise ForbiddenError("页面已过期，请刷新后重试。您的操作没有生效。")
    return session


Session = Annotated[OpenSession, Depends(current_session)]


def current_actor(session: Session) -> Actor:
    return session.actor


Person = Annotated[Actor, Depends(current_actor)]


async def check_origin(request: Request) -> None:
    """Refuse a write that another site's page sent. Raises ForbiddenError."""
    if fault := origin_fault(request.headers):
        raise ForbiddenError(fault)


def allow(*roles: Role) -> Declared:
    """People who are logged in with one of these roles."""

    def check(person: Person) -> None:
        if person.role not in roles:
            raise ForbiddenError("您的角色不能使用这个功能。")

    return {"dependencies": [Depends(check)], "openapi_extra": {"x-roles": [role.value for role in roles]}}


def allow_everybody() -> Declared:
    """People who are logged in, whatever their role."""
    return allow(*ACCOUNT_ROLES)


def allow_anyone() -> Declared:
    """No log-in; a write must still come from our own page."""
    return {"dependencies": [Depends(_own_page)], "openapi_extra": {"x-roles": ["anyone"]}}


def allow_signed() -> Declared:
    """Machines that sign what they send; the endpoint itself looks at the signature."""
    return {"dependencies": [], "openapi_extra": {"x-scopes": ["signed"]}}


_bearer = HTTPBearer(auto_error=False, description="API 令牌")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def token_actor(scope: Scope) -> Callable[..., Awaitable[Actor]]:
    """Return the dependency that gives the person a token acts for, when it has this scope."""

    async def check(request: Request, bearer: Bearer, console: TheConsole) -> Actor:
        found = await run_sync(console.tokens.find, bearer.credentials, console.now()) if bearer else None
        if found is None:
            raise LoginNeededError("令牌无效或已过期。")
        actor, scopes = found
        if scope not in scopes:
            raise ForbiddenError(f"令牌没有 {scope} 权限。")
        request.state.actor = actor
        return actor

    return check


def allow_token(scope: Scope) -> Declared:
    """Programs with a token of this scope; the endpoint finds them as `TokenPerson`."""
    return {"dependencies": [Depends(token_actor(scope))], "openapi_extra": {"x-scopes": [scope.value]}}


def _token_person(request: Request) -> Actor:
    actor = request.state.actor
    assert isinstance(actor, Actor)
    return actor


TokenPerson = Annotated[Actor, Depends(_token_person)]


async def _own_page(request: Request) -> None:
    if request.method not in _SAFE:
        await check_origin(request)


async def _find_session(request: Request, console: Console) -> OpenSession | None:
    token = request.cookies.get(COOKIE)
    return await run_sync(console.sessions.find, token, console.now()) if token else None
