"""One's own account: the password, the first log-in, and what happens when it is switched off."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
import redis

from console.parts import Console
from console.types import SYSTEM, ConsoleError, Role
from console.web.access import COOKIE
from console.web.app import create_app
from tests.console_kit import PASSWORD, Clock, client_of, make_account, open_console, served, session_token

NEW = "another long sentence"


@pytest.fixture
def console(tmp_path: Path, redis_server: str) -> Iterator[Console]:
    console = open_console(tmp_path, redis.Redis.from_url(redis_server), Clock())
    yield console
    console.database.close()


def can_log_in(console: Console, password: str) -> bool:
    try:
        return bool(console.sessions.log_in("officer", password, "", "test", console.now()))
    except ConsoleError:
        return False


def test_a_new_link_leaves_the_password_until_it_is_used(console: Console):
    account = make_account(console, "officer", Role.OFFICER)
    token = console.accounts.renew_link(account.account_id or 0, SYSTEM, console.now())
    assert can_log_in(console, PASSWORD)
    console.accounts.redeem(token, "", NEW, "", console.now())
    assert (can_log_in(console, NEW), can_log_in(console, PASSWORD)) == (True, False)


def test_the_code_that_proved_the_set_up_opens_the_first_log_in_once(console: Console):
    token = console.accounts.create("admin", "admin", Role.ADMIN, "", SYSTEM, console.now())
    code = pyotp.TOTP(console.accounts.invitation(token, console.now()).totp_secret or "").at(console.now())
    console.accounts.redeem(token, "", PASSWORD, code, console.now())
    assert console.sessions.log_in("admin", PASSWORD, code, "test", console.now())
    with pytest.raises(ConsoleError):
        console.sessions.log_in("admin", PASSWORD, code, "test", console.now())


def test_people_change_their_own_password_and_stay_logged_in_here_only(console: Console):
    make_account(console, "officer", Role.OFFICER)
    app = create_app(console)
    here, elsewhere = client_of(app, console, "officer"), client_of(app, console, "officer")
    form = {"old": "not the password", "password": NEW, "again": NEW}
    assert here.post("/account/password", data=form).status_code == 400
    assert here.post("/account/password", data=form | {"old": PASSWORD, "again": "x"}).status_code == 400
    assert can_log_in(console, PASSWORD)
    assert here.post("/account/password", data=form | {"old": PASSWORD}).status_code == 200
    assert (can_log_in(console, NEW), can_log_in(console, PASSWORD)) == (True, False)
    assert (here.get("/account").status_code, elsewhere.get("/account").status_code) == (200, 401)


def test_the_stream_of_an_account_that_is_switched_off_ends_within_two_seconds(console: Console):
    officer = make_account(console, "officer", Role.OFFICER)
    make_account(console, "admin", Role.ADMIN)
    token = session_token(console, "officer")
    admin = client_of(create_app(console), console, "admin")
    with (
        served(console) as address,
        httpx.stream("GET", f"{address}/screen/stream", cookies={COOKIE: token}, timeout=10) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        off = threading.Thread(
            target=lambda: admin.post(f"/accounts/{officer.account_id}/active", data={"is_active": "false"})
        )
        began = time.monotonic()
        off.start()
        assert "event: ended" in list(lines)
        assert time.monotonic() - began < 2
        off.join()
