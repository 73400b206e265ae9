"""Accounts, log-in, sessions, tokens."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from console.parts import Console
from console.people.keys import load_keys
from console.people.throttle import Throttle, TooManyTriesError
from console.people.tokens import Scope
from console.store.people_tables import AccountRow, InvitationRow, SessionRow, TokenRow
from console.types import SYSTEM, Actor, ConsoleError, NotFoundError, Role
from tests.console_kit import GRID_A, PASSWORD, Clock, code_for, make_account

pytestmark = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)


@pytest.fixture
def console(each_console: Console) -> Console:
    return each_console


def log_in(console: Console, username: str, password: str = PASSWORD, code: str = "", address: str = "10.0.0.1") -> str:
    return console.sessions.log_in(username, password, code, address, console.now())


def test_the_first_link_makes_the_first_administrator_once(console: Console, clock: Clock):
    token = console.accounts.first_link(clock())
    assert token is not None
    secret = console.accounts.invitation(token, clock()).totp_secret
    console.accounts.redeem(token, "chief", PASSWORD, code_for(secret, clock()), clock())
    assert console.accounts.first_link(clock()) is None
    with pytest.raises(NotFoundError):
        console.accounts.redeem(token, "second", PASSWORD, code_for(secret, clock()), clock())
    assert [account.role for account in console.accounts.all()] == [Role.ADMIN]


def test_a_restart_before_the_set_up_makes_the_older_link_useless(console: Console, clock: Clock):
    first, second = console.accounts.first_link(clock()), console.accounts.first_link(clock())
    assert first is not None
    assert second is not None
    with pytest.raises(NotFoundError):
        console.accounts.invitation(first, clock())
    assert console.accounts.invitation(second, clock()).username is None


def test_a_new_link_or_switching_off_makes_the_older_link_useless(console: Console, clock: Clock):
    make_account(console, "boss", Role.ADMIN)
    account_id = console.accounts.all()[0].account_id
    older = console.accounts.renew_link(account_id, SYSTEM, clock())
    newer = console.accounts.renew_link(account_id, SYSTEM, clock())
    with pytest.raises(NotFoundError):
        console.accounts.redeem(older, "", PASSWORD, "", clock())
    assert console.accounts.invitation(newer, clock()).username == "boss"
    console.accounts.set_active(account_id, False, SYSTEM, clock())
    with pytest.raises(NotFoundError):
        console.accounts.invitation(newer, clock())


def test_a_link_ends_after_its_hours(console: Console, clock: Clock):
    token = console.accounts.create("worker", "王", Role.WORKER, GRID_A, SYSTEM, clock())
    clock.forward(73 * 3600)
    with pytest.raises(NotFoundError):
        console.accounts.redeem(token, "", PASSWORD, "", clock())


def test_an_administrator_needs_a_code_and_each_code_works_once(console: Console, clock: Clock):
    token = console.accounts.create("chief", "主任", Role.ADMIN, "", SYSTEM, clock())
    secret = console.accounts.invitation(token, clock()).totp_secret
    console.accounts.redeem(token, "", PASSWORD, code_for(secret, clock()), clock())
    assert log_in(console, "chief", code=code_for(secret, clock()))  # that of the set-up opens the first log-in
    for code in ("", "000000", code_for(secret, clock())):  # the last one was used
        with pytest.raises(ConsoleError):
            log_in(console, "chief", code=code)
        clock.forward(2)
    clock.forward(60)
    assert log_in(console, "chief", code=code_for(secret, clock()))


def test_every_failed_log_in_reads_the_same(console: Console, clock: Clock):
    make_account(console, "officer", Role.OFFICER)
    make_account(console, "gone", Role.OFFICER)
    gone = next(account for account in console.accounts.all() if account.username == "gone")
    console.accounts.set_active(gone.account_id, False, SYSTEM, clock())
    words = set()
    for username, password in (("officer", "wrong password"), ("nobody", PASSWORD), ("gone", PASSWORD)):
        with pytest.raises(ConsoleError) as refused:
            log_in(console, username, password, address=username)
        words.add(str(refused.value))
        clock.forward(2)
    assert len(words) == 1


def guess(console: Console, username: str, address: str) -> bool:
    """Return whether the guess was looked at, and not refused unseen."""
    try:
        log_in(console, username, "guess guess guess", address=address)
    except TooManyTriesError:
        return False
    except ConsoleError:
        return True
    raise AssertionError("a guess got in")


def test_guessing_is_slowed_for_one_account_from_many_addresses(console: Console, clock: Clock):
    make_account(console, "officer", Role.OFFICER)
    looked_at = 0
    for number in range(110):
        clock.forward(1)
        looked_at += guess(console, "officer", f"10.0.{number}.1")
    assert looked_at == 100
    with pytest.raises(TooManyTriesError):
        log_in(console, "officer", address="10.9.9.9")
    clock.forward(3601)
    assert log_in(console, "officer", address="10.9.9.9")


@pytest.mark.parametrize("attackers", [1, 65, pytest.param(200, marks=pytest.mark.long)])
def test_wrong_tries_from_elsewhere_do_not_lock_a_person_out(console: Console, clock: Clock, attackers: int):
    make_account(console, "officer", Role.OFFICER)
    assert log_in(console, "officer", address="10.0.0.1")
    clock.forward(29 * 86400)
    for number in range(max(attackers, 110)):  # strangers together have 100 an hour
        clock.forward(1)
        guess(console, "officer", f"172.16.{number % attackers}.1")
    assert log_in(console, "officer", address="10.0.0.1")
    if attackers == 1:
        assert log_in(console, "officer", address="10.7.7.7"), "nor one who has moved"


def test_wrong_tries_of_a_colleague_do_not_lock_an_office_out(console: Console, clock: Clock):
    make_account(console, "officer", Role.OFFICER)
    assert log_in(console, "officer", address="10.0.0.1")
    for number in range(60):
        clock.forward(1)
        guess(console, f"name{number}", "10.0.0.1")
    assert log_in(console, "officer", address="10.0.0.1")


def test_a_known_address_is_no_way_around_the_limit(console: Console, clock: Clock):
    make_account(console, "officer", Role.OFFICER)
    assert log_in(console, "officer", address="10.0.0.1")
    looked_at = 0
    for _ in range(120):
        clock.forward(20)
        looked_at += guess(console, "officer", "10.0.0.1")
    assert looked_at == 20


def test_the_addresses_of_one_ipv6_network_are_one_guesser(console: Console, clock: Clock):
    looked_at = 0
    for number in range(60):
        clock.forward(1)
        looked_at += guess(console, f"name{number}", f"2001:db8:1:2::{number:x}")
    assert looked_at <= 20
    assert guess(console, "somebody", "2001:db8:1:3::1")
    assert guess(console, "somebody", "::ffff:10.1.1.1")
    assert not guess(console, "somebody", "10.1.1.1"), "one machine in two notations"


def test_guesses_at_the_same_moment_do_not_pass_the_limit_together(console: Console):
    make_account(console, "officer", Role.OFFICER)
    with ThreadPoolExecutor(12) as pool:
        looked_at = list(pool.map(lambda _: guess(console, "officer", "10.0.0.1"), range(12)))
    assert sum(looked_at) == 1


def test_a_try_counts_before_its_password_is_looked_at(console: Console, clock: Clock):
    """Another process of the same console, on the same database, sees it."""
    throttle = Throttle(load_keys(console.anchors.parent / "console.key"), console.settings)
    with console.database.writing() as session:
        login_try = throttle.begin(session, "officer", "10.0.0.1", clock())
    with console.database.writing() as session, pytest.raises(TooManyTriesError):
        throttle.begin(session, "officer", "10.0.0.1", clock())
    with console.database.writing() as session:
        throttle.succeed(session, login_try, clock())
        throttle.begin(session, "officer", "10.0.0.1", clock())


def test_people_who_log_in_at_the_same_moment_all_get_in(console: Console):
    names = [f"officer{number}" for number in range(6)]
    for name in names:
        make_account(console, name, Role.OFFICER)
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(lambda name: log_in(console, name), names))


def test_guessing_is_slowed_for_one_address_over_many_accounts(console: Console, clock: Clock):
    tries = 0
    for number in range(120):
        clock.forward(1)
        try:
            log_in(console, f"name{number}", "guess guess guess")
        except TooManyTriesError:
            continue
        except ConsoleError:
            tries += 1
    assert tries <= 20


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "worker worker worker", "x" * 200])
def test_weak_passwords_are_refused_with_advice(console: Console, clock: Clock, password: str):
    token = console.accounts.create("worker", "王", Role.WORKER, GRID_A, SYSTEM, clock())
    with pytest.raises(ConsoleError, match="密码"):
        console.accounts.redeem(token, "", password, "", clock())


def test_a_session_ends_when_idle_when_the_shift_is_over_and_at_log_out(console: Console, clock: Clock):
    make_account(console, "officer", Role.OFFICER)
    token = log_in(console, "officer")
    for _ in range(25):  # 12.5 hours, never idle for longer than 29 minutes
        clock.forward(29 * 60)
        console.sessions.find(token, clock())
    assert console.sessions.find(token, clock()) is None
    token = log_in(console, "officer")
    clock.forward(31 * 60)
    assert console.sessions.find(token, clock()) is None
    token = log_in(console, "officer")
    session = console.sessions.find(token, clock())
    assert session is not None
    console.sessions.log_out(session, clock())
    assert console.sessions.find(token, clock()) is None


def test_a_phone_may_sleep_through_a_shift(console: Console, clock: Clock):
    make_account(console, "worker", Role.WORKER, GRID_A)
    token = log_in(console, "worker")
    clock.forward(8 * 3600)
    assert console.sessions.find(token, clock()) is not None


def test_switching_an_account_off_ends_its_sessions_and_tokens_at_once(console: Console, clock: Clock):
    actor = make_account(console, "officer", Role.OFFICER)
    cookie, token = log_in(console, "officer"), console.tokens.create("x", [Scope.CASES_READ], 9, actor, clock())
    assert actor.account_id is not None
    console.accounts.set_active(actor.account_id, False, SYSTEM, clock())
    assert console.sessions.find(cookie, clock()) is None
    assert console.tokens.find(token, clock()) is None


def test_a_token_can_do_no_more_than_its_maker_and_ends(console: Console, clock: Clock):
    analyst = make_account(console, "analyst", Role.ANALYST)
    with pytest.raises(ConsoleError, match="角色"):
        console.tokens.create("x", [Scope.CASES_READ], 9, analyst, clock())
    token = console.tokens.create("报表", [Scope.STATISTICS_READ], 9, analyst, clock())
    found = console.tokens.find(token, clock())
    assert found is not None
    assert found[1] == {Scope.STATISTICS_READ}
    clock.forward(9 * 86400)
    assert console.tokens.find(token, clock()) is None


def test_somebody_elses_token_cannot_be_revoked(console: Console, clock: Clock):
    officer = make_account(console, "officer", Role.OFFICER)
    console.tokens.create("x", [Scope.CASES_READ], 9, officer, clock())
    with pytest.raises(NotFoundError):
        console.tokens.revoke(1, Actor(999, "他人", Role.OFFICER, ""), clock())


def test_no_secret_is_in_the_database(console: Console, clock: Clock, tmp_path):
    token = console.accounts.create("chief", "主任", Role.ADMIN, "", SYSTEM, clock())
    secret = console.accounts.invitation(token, clock()).totp_secret
    console.accounts.redeem(token, "", PASSWORD, code_for(secret, clock()), clock())
    clock.forward(60)
    cookie = log_in(console, "chief", code=code_for(secret, clock()))
    chief = Actor(1, "主任", Role.ADMIN, "")
    api = console.tokens.create("x", [Scope.CASES_READ], 9, chief, clock())
    with console.database.reading() as session:
        tables = (AccountRow, InvitationRow, SessionRow, TokenRow)
        stored = repr([vars(row) for table in tables for row in session.scalars(select(table))])
    assert not any(found in stored for found in (token, str(secret), cookie, api, PASSWORD))
    assert (tmp_path / "console.key").stat().st_mode & 0o777 == 0o600
