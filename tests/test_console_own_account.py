"""One's own account: the password, the first log-in, and what happens when it is switched off."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
import redis
from fastapi.testclient import TestClient
from sqlalchemy import select

from console.parts import Console
from console.store.people_tables import AuditRow
from console.types import SYSTEM, ConsoleError, Role
from console.web.access import COOKIE
from tests.console_app import app_of
from tests.console_kit import PASSWORD, Clock, client_of, make_account, open_console, served, session_token

NEW = "another long sentence"


@pytest.fixture
def console(tmp_path: Path, redis_server: str) -> Iterator[Console]:
    console = open_console(tmp_path, redis.Redis.from_url(redis_server), Clock())
    yield console
    console.database.close()


def can_log_in(console: Console, password: str, code: str = "") -> bool:
    console.now.forward(3)  # type: ignore[attr-defined]  # a test's clock; a wrong try is answered slowly
    try:
        return bool(console.sessions.log_in("officer", password, code, "test", console.now()))
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
    app = app_of(console)
    here, elsewhere = client_of(app, console, "officer"), client_of(app, console, "officer")
    form = {"old": "not the password", "password": NEW, "again": NEW}
    assert here.post("/account/password", data=form).status_code == 400
    assert here.post("/account/password", data=form | {"old": PASSWORD, "again": "x"}).status_code == 400
    assert can_log_in(console, PASSWORD)
    assert here.post("/account/password", data=form | {"old": PASSWORD}).status_code == 200
    assert (can_log_in(console, NEW), can_log_in(console, PASSWORD)) == (True, False)
    assert (here.get("/account").status_code, elsewhere.get("/account").status_code) == (200, 401)


def offered(client: TestClient) -> tuple[str, str]:
    """Ask for a second factor; return what the page's form holds, and the secret that it shows."""
    page = client.post("/account/totp", data={"password": PASSWORD}).text
    return found(r'name="offer" value="([^"]+)"', page)[0], found(r'id="totp-secret">(\w+)<', page)[0]


def found(pattern: str, page: str) -> list[str]:
    return re.findall(pattern, page)


def test_anybody_switches_on_a_second_factor_once_the_phone_has_proved_it(console: Console):
    make_account(console, "officer", Role.OFFICER)
    app = app_of(console)
    here, elsewhere = client_of(app, console, "officer"), client_of(app, console, "officer")
    assert here.post("/account/totp", data={"password": "not the password"}).status_code == 400
    offer, secret = offered(here)
    assert can_log_in(console, PASSWORD), "nothing has changed yet"
    assert here.post("/account/totp/on", data={"offer": offer, "code": "000000"}).status_code == 400
    code = pyotp.TOTP(secret).at(console.now())
    codes = found(
        r"<code>(\d{5}-\d{5})</code>", here.post("/account/totp/on", data={"offer": offer, "code": code}).text
    )
    assert len(codes) == 8
    assert codes[0] not in here.get("/account").text, "they are shown once"
    assert (here.get("/account").status_code, elsewhere.get("/account").status_code) == (200, 401)
    assert not can_log_in(console, PASSWORD)
    assert not can_log_in(console, PASSWORD, code), "the code that switched it on was used"
    tries = [can_log_in(console, PASSWORD, one) for one in (codes[0], codes[0], codes[1].replace("-", ""))]
    assert tries == [True, False, True], "each recovery code opens one log-in"
    console.now.forward(60)  # type: ignore[attr-defined]  # a test's clock
    assert can_log_in(console, PASSWORD, pyotp.TOTP(secret).at(console.now()))


def test_new_recovery_codes_end_the_earlier_ones_and_an_offer_is_its_persons_for_a_while(console: Console):
    for name in ("officer", "second"):
        make_account(console, name, Role.OFFICER)
    app = app_of(console)
    officer, second = client_of(app, console, "officer"), client_of(app, console, "second")
    offer, secret = offered(officer)
    code = {"code": pyotp.TOTP(secret).at(console.now())}
    assert second.post("/account/totp/on", data={"offer": offer, **code}).status_code == 400
    console.now.forward(16 * 60)  # type: ignore[attr-defined]  # a test's clock
    late = {"offer": offer, "code": pyotp.TOTP(secret).at(console.now())}
    assert officer.post("/account/totp/on", data=late).status_code == 400
    offer, secret = offered(officer)
    code = {"code": pyotp.TOTP(secret).at(console.now())}
    before = found(r"<code>([\d-]+)</code>", officer.post("/account/totp/on", data={"offer": offer, **code}).text)
    console.now.forward(30)  # type: ignore[attr-defined]  # a test's clock
    assert officer.post("/account/totp/codes", data=code).status_code == 400
    code = {"code": pyotp.TOTP(secret).at(console.now())}
    after = found(r"<code>([\d-]+)</code>", officer.post("/account/totp/codes", data=code).text)
    assert [can_log_in(console, PASSWORD, one) for one in (before[0], after[0])] == [False, True]


def test_an_administrator_takes_a_lost_phone_off_and_it_is_written_down(console: Console):
    account = make_account(console, "officer", Role.OFFICER)
    admin_account = make_account(console, "admin", Role.ADMIN)
    app = app_of(console)
    officer, admin = client_of(app, console, "officer"), client_of(app, console, "admin")
    offer, secret = offered(officer)
    officer.post("/account/totp/on", data={"offer": offer, "code": pyotp.TOTP(secret).at(console.now())})
    path = f"/accounts/{account.account_id}/totp-off"
    assert path in admin.get("/accounts").text
    assert officer.post(path).status_code == 403
    assert not can_log_in(console, PASSWORD)
    assert admin.post(path).status_code == 303
    assert can_log_in(console, PASSWORD)
    assert path not in admin.get("/accounts").text
    assert admin.post(f"/accounts/{admin_account.account_id}/totp-off").status_code == 400, "theirs is demanded"
    with console.database.reading() as session:
        noted = [(row.action, row.subject) for row in session.scalars(select(AuditRow)) if "totp" in row.action]
    subject = f"account:{account.account_id}"
    assert noted == [("account.totp_on", subject), ("account.totp_off", subject)]


def test_the_stream_of_an_account_that_is_switched_off_ends_within_two_seconds(console: Console):
    officer = make_account(console, "officer", Role.OFFICER)
    make_account(console, "admin", Role.ADMIN)
    token = session_token(console, "officer")
    admin = client_of(app_of(console), console, "admin")
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
