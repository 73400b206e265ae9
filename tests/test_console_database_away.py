"""A PostgreSQL that goes away or freezes under open pages: they say so, and go on by themselves."""

import asyncio
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import redis
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import make_url
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from bench.tcp_line import Line
from console.cases.steps import Action
from console.parts import Console
from console.store.database import Database
from console.store.pulse import Pulse
from console.types import Role
from console.web.patience import DatabasePatience
from tests.alerts_kit import wait_until
from tests.console_browser import LAPTOP, PHONE, open_context, use_cookie
from tests.console_kit import (
    GRID_A,
    act,
    event_of,
    make_account,
    officer,
    open_console,
    served,
    session_token,
    settings_with,
)
from tests.postgresql_server import run_sql, url_of


@pytest.fixture
def url(postgresql: str, request: pytest.FixtureRequest) -> str:
    name = f"away_{abs(hash(request.node.name)) % 10**8}"
    run_sql(postgresql, f"CREATE DATABASE {name} TEMPLATE template")
    return url_of(postgresql, name)


@contextmanager
def frozen(folder: str, url: str) -> Iterator[None]:
    """Stop the server and who serves this database, as a paused virtual machine does: nothing is refused."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(host=folder, user="kakou", dbname="postgres") as asking:
        pids = [row[0] for row in asking.execute(query, [make_url(url).database])]
    pids.append(int(Path(folder, "data", "postmaster.pid").read_text(encoding="utf-8").split()[0]))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_database_that_is_frozen_or_gone_is_silent_until_it_answers(postgresql: str, url: str):
    with closing(Database(url)) as database, closing(Pulse(database, patience_s=0.5)) as pulse:
        pulse.ask()
        assert not pulse.is_silent
        with frozen(postgresql, url):
            asking = threading.Thread(target=pulse.ask)
            asking.start()
            time.sleep(0.6)
            assert pulse.is_silent
        asking.join(timeout=10)
        assert not pulse.is_silent
        run_sql(postgresql, f"ALTER DATABASE {make_url(url).database} ALLOW_CONNECTIONS false")
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname"
        run_sql(postgresql, f"{ended} = '{make_url(url).database}'")
        pulse.ask()
        time.sleep(0.6)
        pulse.ask()
        assert pulse.is_silent
        run_sql(postgresql, f"ALTER DATABASE {make_url(url).database} ALLOW_CONNECTIONS true")
        pulse.ask()
        assert not pulse.is_silent


def test_a_database_that_stays_away_is_one_line_of_the_log(postgresql: str, url: str, caplog: pytest.LogCaptureFixture):
    name = make_url(url).database
    caplog.set_level("INFO", "console.store.pulse")
    with closing(Database(url)) as database, closing(Pulse(database)) as pulse:
        run_sql(postgresql, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        for _ in range(3):
            pulse.ask()
        run_sql(postgresql, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        for _ in range(2):
            pulse.ask()
    assert [line.levelname for line in caplog.records if "database" in line.message] == ["WARNING", "INFO"]


def test_a_line_to_the_database_that_is_cut_without_a_word_is_given_up_within_seconds(postgresql: str, url: str):
    """As a cable that is pulled on the way: by itself Linux asks after two hours, and sends again for a quarter."""
    with closing(Line(Path(postgresql, ".s.PGSQL.5432"))) as cable:
        address = f"postgresql+psycopg://kakou@127.0.0.1:{cable.port}/{make_url(url).database}"
        with closing(Database(address)) as database:
            connection = database.lasting_connection()
            driver = connection.connection.driver_connection
            assert driver is not None
            with socket.socket(fileno=os.dup(driver.fileno())) as line:
                asks = [socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT]
                idle_s, every_s, count, unanswered_ms = (line.getsockopt(socket.IPPROTO_TCP, each) for each in asks)
                assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            connection.close()
    assert idle_s + every_s * count <= 12
    assert 0 < unanswered_ms <= 12_000


def test_what_fails_after_it_was_given_up_is_in_the_log(url: str, caplog: pytest.LogCaptureFixture):
    async def fails_later(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await given_up.wait()
        raise ValueError("too late")

    async def answered(message: Message) -> None:
        said.append(message)

    async def ask() -> None:
        with closing(Database(url)) as database:
            patience = DatabasePatience(
                fails_later, Pulse(database, patience_s=0.0), lambda _: Response(status_code=503)
            )
            await patience(
                {"type": "http", "method": "GET", "path": "/", "headers": []}, receive=nothing, send=answered
            )
        given_up.set()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})

    given_up, said = asyncio.Event(), list[Message]()
    # In a thread of its own: a browser's loop may run in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ask()).result()
    assert said[0]["status"] == 503
    assert [str(line.exc_info[1]) for line in caplog.records if line.exc_info] == ["too late"]


async def nothing() -> Message:
    raise AssertionError("nobody reads the request")


@contextmanager
def opened(console: Console, browser: Browser, size: tuple[int, int], name: str) -> Iterator[tuple[str, Page]]:
    """Serve the console; yield its address and a page on which this person is logged in."""
    with served(console) as address, closing(open_context(browser, size)) as context:
        use_cookie(context, address, session_token(console, name))
        yield address, context.new_page()


@pytest.mark.long
def test_a_screen_over_a_frozen_database_says_so_within_seconds_and_recovers(
    postgresql: str, url: str, tmp_path: Path, redis_client: redis.Redis, browser: Browser
):
    console = open_console(tmp_path, redis_client, lambda: datetime.now(UTC), settings=settings_with(database_url=url))
    make_account(console, "officer", Role.OFFICER)
    with opened(console, browser, LAPTOP, "officer") as (address, page):
        page.goto(f"{address}/screen")
        expect(page.locator("#nothing")).to_be_visible()
        with frozen(postgresql, url):
            expect(page.locator("#banner")).to_contain_text("数据库没有应答：画面可能不是最新的", timeout=8000)
            expect(page.locator("#banner")).to_contain_text("（自 ")
            expect(page.locator("body")).to_have_class(re.compile("stale"))
        expect(page.locator("#banner")).to_be_hidden(timeout=8000)
        expect(page.locator("body")).not_to_have_class(re.compile("stale"))


def test_pages_of_a_console_over_a_frozen_database_say_so_within_seconds_and_nothing_typed_is_lost(
    postgresql: str, url: str, tmp_path: Path, redis_client: redis.Redis, browser: Browser
):
    console = open_console(tmp_path, redis_client, lambda: datetime.now(UTC), settings=settings_with(database_url=url))
    make_account(console, "officer", Role.OFFICER)
    with opened(console, browser, LAPTOP, "officer") as (address, page):
        page.goto(f"{address}/shift")
        page.fill("#text", "东门道闸坏了")
        with frozen(postgresql, url):
            asked = time.monotonic()
            page.click("text=留下")
            expect(page.locator("[data-unsent]")).to_contain_text("没有提交：数据库没有回应", timeout=8000)
            assert page.input_value("#text") == "东门道闸坏了"
            for path in ("/statistics", "/screen"):
                other = page.context.new_page()
                other.goto(f"{address}{path}")
                expect(other.locator("body")).to_contain_text("数据库没有回应")
            assert time.monotonic() - asked < 14
            expect(other.locator("a.primary")).to_have_attribute("href", "/screen")
        wait_until(lambda: page.request.get(f"{address}/shift").ok)
        page.click("text=留下")
        expect(page.locator(".said")).to_have_text("东门道闸坏了")


def test_a_phone_over_a_frozen_database_says_that_it_is_not_the_line_and_the_step_goes_later(
    postgresql: str, url: str, tmp_path: Path, redis_client: redis.Redis, browser: Browser
):
    console = open_console(tmp_path, redis_client, lambda: datetime.now(UTC), settings=settings_with(database_url=url))
    make_account(console, "worker", Role.WORKER, GRID_A)
    console.intake.take([event_of("测P00041", console.now())], console.now())
    for action in (Action.CONFIRM, Action.ASSIGN):
        act(console, officer(), action)
    with opened(console, browser, PHONE, "worker") as (address, page):
        page.goto(f"{address}/m")
        expect(page.locator(".accept")).to_be_visible()
        with frozen(postgresql, url):
            page.click(".accept")
            expect(page.locator("#toast")).to_contain_text("数据库没有回应", timeout=8000)
            expect(page.locator("#toast")).to_have_text("数据库没有回应，已存在手机里，恢复后自动上传。")
            page.evaluate("dispatchEvent(new Event('online'))")  # looks again now, and not in ten seconds
            expect(page.locator("#line")).to_contain_text("数据库没有回应", timeout=8000)
            expect(page.locator(".sent")).to_contain_text("连上系统后自动上传")
        wait_until(lambda: page.request.get(f"{address}/m/tasks").ok)
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator(".options")).to_be_visible()
        assert [step.action for step in console.cases.detail(officer(), 1).steps].count("接单") == 1
