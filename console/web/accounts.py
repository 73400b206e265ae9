"""Accounts and API tokens."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from console.parts import Console
from console.people.accounts import NEEDS_TOTP
from console.people.messengers import MESSENGER_NAMES, MessengerKind
from console.people.sessions import OpenSession
from console.people.tokens import SCOPE_ROLES, Scope
from console.types import ACCOUNT_ROLES, ConsoleError, Role
from console.web.access import Person, Session, TheConsole, allow, console_of
from console.web.fields import RowNumber
from console.web.rendering import page

router = APIRouter(tags=["pages"])
_TOKEN_ROLES = (Role.ADMIN, Role.OFFICER, Role.STEWARD, Role.ANALYST)
Field = Annotated[str, Form(max_length=64)]


@router.get("/accounts", **allow(Role.ADMIN))
def accounts_page(request: Request, session: Session, console: TheConsole) -> Response:
    return _accounts(request, session, console)


@router.post("/accounts", **allow(Role.ADMIN))
def add_account(
    request: Request,
    session: Session,
    console: TheConsole,
    username: Field,
    display_name: Field,
    role: Annotated[Role, Form()],
    scope: Annotated[str, Form(pattern=r"^(\d{6}(\d{3}(\d{3}(\d{2}(\d{2})?)?)?)?)?$")] = "",
) -> Response:
    try:
        token = console.accounts.create(username, display_name, role, scope, session.actor, console.now())
    except ConsoleError as error:
        return _accounts(request, session, console, problem=str(error))
    return _accounts(request, session, console, link=_link(request, token), link_for=username)


@router.post("/accounts/{account_id}/link", **allow(Role.ADMIN))
def renew_link(account_id: RowNumber, request: Request, session: Session, console: TheConsole) -> Response:
    token = console.accounts.renew_link(account_id, session.actor, console.now())
    username = console.accounts.invitation(token, console.now()).username or ""
    return _accounts(request, session, console, link=_link(request, token), link_for=username)


@router.post("/accounts/{account_id}/active", **allow(Role.ADMIN))
def set_active(
    account_id: RowNumber, is_active: Annotated[bool, Form()], actor: Person, console: TheConsole
) -> Response:
    for digest in console.accounts.set_active(account_id, is_active, actor, console.now()):
        console.hub.end_session(digest)
    return RedirectResponse("/accounts", 303)


@router.post("/accounts/{account_id}/totp-off", **allow(Role.ADMIN))
def switch_totp_off(account_id: RowNumber, request: Request, session: Session, console: TheConsole) -> Response:
    try:
        console.second_factor.switch_off(account_id, session.actor, console.now())
    except ConsoleError as error:
        return _accounts(request, session, console, problem=str(error))
    return RedirectResponse("/accounts", 303)


@router.post("/accounts/{account_id}/message", **allow(Role.ADMIN))
def set_message(
    account_id: RowNumber,
    kind: Annotated[MessengerKind, Form()],
    actor: Person,
    console: TheConsole,
    user: Annotated[str, Form(max_length=64, pattern=r"^[A-Za-z0-9_.@-]*$")] = "",
) -> Response:
    console.accounts.set_message(account_id, kind, user, actor, console.now())
    return RedirectResponse("/accounts", 303)


@router.get("/tokens", **allow(*_TOKEN_ROLES))
def tokens_page(request: Request, session: Session, console: TheConsole) -> Response:
    return _tokens(request, session, console)


@router.post("/tokens", **allow(*_TOKEN_ROLES))
def add_token(
    request: Request,
    session: Session,
    console: TheConsole,
    name: Field,
    days: Annotated[int, Form()],
    scopes: Annotated[list[Scope] | None, Form()] = None,
) -> Response:
    try:
        token = console.tokens.create(name, scopes or [], days, session.actor, console.now())
    except ConsoleError as error:
        return _tokens(request, session, console, problem=str(error))
    return _tokens(request, session, console, token=token)


@router.post("/tokens/{token_id}/revoke", **allow(*_TOKEN_ROLES))
def revoke_token(token_id: RowNumber, actor: Person, console: TheConsole) -> Response:
    console.tokens.revoke(token_id, actor, console.now())
    return RedirectResponse("/tokens", 303)


def _link(request: Request, token: str) -> str:
    settings = console_of(request).settings
    scheme = "https" if settings.behind_tls_proxy else request.url.scheme
    return f"{scheme}://{request.url.netloc}/setup/{token}"


def _accounts(
    request: Request, session: OpenSession, console: Console, problem: str = "", link: str = "", link_for: str = ""
) -> Response:
    context = {
        "accounts": console.accounts.all(),
        "grids": console.grids.units_within(""),
        "name_of": console.grids.name_of,
        "roles": ACCOUNT_ROLES,
        "needs_totp": NEEDS_TOTP,
        "messengers": {one.kind: MESSENGER_NAMES[one.kind] for one in console.settings.messenger},
        "problem": problem,
        "link": link,
        "link_for": link_for,
    }
    return page(request, "accounts.html", context, session, status_code=400 if problem else 200)


def _tokens(request: Request, session: OpenSession, console: Console, problem: str = "", token: str = "") -> Response:
    context = {
        "tokens": console.tokens.visible_to(session.actor),
        "scopes": [scope for scope, roles in SCOPE_ROLES.items() if session.actor.role in roles],
        "problem": problem,
        "token": token,
    }
    return page(request, "tokens.html", context, session, status_code=400 if problem else 200)
