"""The way in and out: log-in, one-time links, log-out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from console.people.accounts import Invitation
from console.people.passwords import MIN_LENGTH, totp_uri
from console.types import ConsoleError
from console.web.access import COOKIE, Session, TheConsole, allow_anyone, allow_everybody
from console.web.answers import wants_page
from console.web.caller import address_of, qr_svg
from console.web.rendering import STATIC_FOLDER, home_of, page

router = APIRouter(tags=["pages"])
Field = Annotated[str, Form(max_length=200)]


@router.get("/", **allow_everybody())
def home(session: Session) -> Response:
    return RedirectResponse(home_of(session.actor.role), 303)


@router.get("/login", **allow_anyone())
def login_page(request: Request, next: str = "/") -> Response:
    return page(request, "login.html", {"next": _own_path(next), "problem": "", "username": ""})


@router.post("/login", **allow_anyone())
def log_in(
    request: Request,
    console: TheConsole,
    username: Field,
    password: Field,
    code: Field = "",
    next: Field = "/",
) -> Response:
    try:
        token = console.sessions.log_in(username, password, code, address_of(request, console), console.now())
    except ConsoleError as error:
        context = {"next": _own_path(next), "problem": str(error), "username": username}
        return page(request, "login.html", context, status_code=401)
    response = RedirectResponse(_own_path(next), 303)
    opened = console.sessions.find(token, console.now())
    seconds = int(console.sessions.lasts(opened.actor.role if opened else None).total_seconds())
    response.set_cookie(COOKIE, token, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")
    return response


@router.post("/logout", **allow_everybody())
def log_out(session: Session, console: TheConsole) -> Response:
    console.sessions.log_out(session, console.now())
    console.hub.end_session(session.token_digest)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    # The browser forgets what the phone page kept, also when its script did not run.
    response.headers["clear-site-data"] = '"storage"'
    return response


@router.get("/setup/{token}", **allow_anyone())
def setup_page(request: Request, token: str, console: TheConsole) -> Response:
    return _setup(request, console.accounts.invitation(token, console.now()), "", "")


@router.post("/setup/{token}", **allow_anyone())
def set_up(
    request: Request,
    token: str,
    console: TheConsole,
    password: Field,
    again: Field,
    username: Field = "",
    code: Field = "",
) -> Response:
    now = console.now()
    invitation = console.accounts.invitation(token, now)
    try:
        if password != again:
            raise ConsoleError("两次输入的密码不一样。")
        console.accounts.redeem(token, username, password, code, now)
    except ConsoleError as error:
        return _setup(request, invitation, str(error), username)
    return page(request, "message.html", {"message": "账号已启用，请登录。", "status": 200})


@router.get("/sw.js", **allow_anyone())
def service_worker() -> Response:
    """Served from the root, so that it may look after the phone page."""
    return FileResponse(STATIC_FOLDER / "sw.js", media_type="text/javascript", headers={"cache-control": "no-cache"})


@router.get("/healthz", **allow_anyone())
def health(console: TheConsole) -> dict[str, bool | int]:
    """Tell a supervisor whether events come in, and how many wait in the dead letters; says nothing else."""
    return {"events_come_in": not console.feed.trouble, "dead_letters": console.feed.dead_letters}


def _setup(request: Request, invitation: Invitation, problem: str, username: str) -> Response:
    secret = invitation.totp_secret
    context = {
        "invitation": invitation,
        "problem": problem,
        "username": username,
        "min_length": MIN_LENGTH,
        "qr": qr_svg(totp_uri(secret, invitation.username or "admin")) if secret else "",
    }
    return page(request, "setup.html", context, status_code=400 if problem and wants_page(request) else 200)


def _own_path(path: str) -> str:
    """Return a path on this site, whatever was asked for: no open redirect."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_own else "/"
