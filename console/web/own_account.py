"""One's own account: the password, and the second factor."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from console.parts import Console
from console.people.passwords import MIN_LENGTH, totp_uri
from console.people.sessions import OpenSession
from console.types import ConsoleError
from console.web.access import Session, TheConsole, allow_everybody
from console.web.caller import qr_svg
from console.web.rendering import page

router = APIRouter(prefix="/account", tags=["pages"])
Password = Annotated[str, Form(max_length=200)]
Code = Annotated[str, Form(max_length=16)]
Offer = Annotated[str, Form(max_length=1000)]


class Standing(BaseModel):
    """Who is logged in in this browser now, for a page that was opened earlier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: int | None
    name: str
    csrf: str


_PASSWORD_SET = "密码已更改，其他设备上的登录已退出。"
_FACTOR_ON = "动态验证码已开启，其他设备上的登录已退出。下次登录起需要它。"
_NEW_CODES = "已生成新的恢复码，以前的不再有效。"


@router.get("", **allow_everybody())
def own_account_page(request: Request, session: Session, console: TheConsole) -> Response:
    return _account(request, session, console)


@router.get("/session", **allow_everybody())
def standing(session: Session) -> Standing:
    """Say whose session this is and what its writes carry: a page may be older than its session."""
    return Standing(person=session.actor.account_id, name=session.actor.name, csrf=session.csrf_token)


@router.post("/password", **allow_everybody())
def change_password(
    request: Request, session: Session, console: TheConsole, old: Password, password: Password, again: Password
) -> Response:
    try:
        if password != again:
            raise ConsoleError("两次输入的新密码不一样。")
        ended = console.accounts.change_password(session.actor, old, password, session.token_digest, console.now())
    except ConsoleError as error:
        return _account(request, session, console, problem=str(error))
    _end(console, ended)
    return _account(request, session, console, done=_PASSWORD_SET)


@router.post("/totp", **allow_everybody())
def offer_totp(request: Request, session: Session, console: TheConsole, password: Password) -> Response:
    """Show a new secret; nothing changes until a code has proved that the phone has it."""
    try:
        offer = console.second_factor.offer(session.actor, password, console.now())
    except ConsoleError as error:
        return _account(request, session, console, problem=str(error))
    return _account(request, session, console, offer=offer)


@router.post("/totp/on", **allow_everybody())
def switch_totp_on(request: Request, session: Session, console: TheConsole, offer: Offer, code: Code) -> Response:
    kept = session.token_digest
    try:
        codes, ended = console.second_factor.switch_on(session.actor, offer, code, kept, console.now())
    except ConsoleError as error:
        return _account(request, session, console, problem=str(error), offer=offer)
    _end(console, ended)
    return _account(request, session, console, done=_FACTOR_ON, codes=codes)


@router.post("/totp/codes", **allow_everybody())
def renew_codes(request: Request, session: Session, console: TheConsole, code: Code) -> Response:
    try:
        codes = console.second_factor.renew_codes(session.actor, code, console.now())
    except ConsoleError as error:
        return _account(request, session, console, problem=str(error))
    return _account(request, session, console, done=_NEW_CODES, codes=codes)


def _end(console: Console, digests: list[str]) -> None:
    for digest in digests:
        console.hub.end_session(digest)


def _account(
    request: Request, session: OpenSession, console: Console, *, problem: str = "", done: str = "", offer: str = "",
    codes: tuple[str, ...] = (),
) -> Response:  # fmt: skip
    secret = _secret_of(console, session, offer)
    context = {
        "problem": problem, "done": done, "min_length": MIN_LENGTH, "codes": codes, "offer": offer if secret else "",
        "secret": secret, "qr": qr_svg(totp_uri(secret, session.actor.name)) if secret else "",
        "has_totp": console.second_factor.is_on(session.actor),
    }  # fmt: skip
    return page(request, "account.html", context, session, status_code=400 if problem else 200)


def _secret_of(console: Console, session: OpenSession, offer: str) -> str:
    """Return the secret to be shown; "" where there is none, or it is too old: then it begins anew."""
    try:
        return console.second_factor.secret_of(offer, session.actor, console.now()) if offer else ""
    except ConsoleError:
        return ""
