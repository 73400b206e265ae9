"""Several consoles on one PostgreSQL: people are logged in at each, each shows everything, nothing is done twice."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis
from sqlalchemy import func, select

from alerts.envelope import to_cloudevent
from alerts.redis_link import connect
from alerts.stream import STREAM_KEY
from console.background import Background
from console.parts import Console
from console.store.database import Database
from console.store.precedence import Precedence
from console.store.tables import CaseRow, StepRow
from console.types import Role
from console.web.access import COOKIE
from tests.console_kit import PASSWORD, Clock, event_of, make_account, open_console, settings_with
from tests.postgresql_server import run_sql, url_of

WITHIN_S = 20.0


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def url(postgresql: str, request: pytest.FixtureRequest) -> str:
    name = f"several_{abs(hash(request.node.name)) % 10**8}"
    run_sql(postgresql, f"CREATE DATABASE {name} TEMPLATE template")
    return url_of(postgresql, name)


@pytest.fixture
def precedences(url: str) -> Iterator[list[Precedence]]:
    databases = [Database(url) for _ in range(2)]
    made = [Precedence(database) for database in databases]
    yield made
    for each, database in zip(made, databases, strict=True):
        each.close()
        database.close()


def test_one_of_two_is_the_first_and_the_other_follows_it(precedences: list[Precedence]):
    first, second = precedences
    assert (first.look(), second.look()) == (True, False)
    assert (first.look(), second.look()) == (False, False), "it has been the first before"
    assert (first.is_first, second.is_first) == (True, False)
    first.close()
    assert second.look()
    first.look()
    assert (first.is_first, second.is_first) == (False, True)


def test_who_lost_its_connection_asks_again_and_may_find_another_one_there(
    precedences: list[Precedence], postgresql: str
):
    first, second = precedences
    first.look()
    run_sql(postgresql, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    until(second.look)
    first.look()  # finds its connection gone
    first.look()
    assert (first.is_first, second.is_first) == (False, True)


def test_a_console_on_sqlite_is_always_the_first(console: Console):
    assert console.precedence.is_first
    console.precedence.close()
    assert console.precedence.is_first


@pytest.fixture
def pair(tmp_path: Path, url: str, redis_client: redis.Redis) -> Iterator[tuple[Console, Console]]:
    """Two consoles at work in this process, but for their web servers; the first is the first."""
    settings = settings_with(database_url=url, confirm_timeout_s=60)
    clock = Clock(datetime.now(UTC))
    consoles = [open_console(tmp_path, redis_client, clock, settings=settings) for _ in range(2)]
    works = [Background(console) for console in consoles]
    for work in works:
        work.start()
    yield consoles[0], consoles[1]
    for work, console in zip(works, consoles, strict=True):
        work.stop()
        console.database.close()


def test_what_one_changed_the_other_hears_of(pair: tuple[Console, Console]):
    heard: list[tuple[tuple[int, ...], bool]] = []
    for each in pair:
        each.hub.hear = lambda ids, *, may_have_left: heard.extend([(tuple(ids), may_have_left)] if ids else [])  # type: ignore[assignment,method-assign]  # listens
    until(lambda: all(each.neighbours._connection is not None for each in pair))
    pair[1].hub.touch([7, 8], may_have_left=True)
    until(lambda: len(heard) == 2)
    time.sleep(0.3)
    assert heard == [((7, 8), True)] * 2, "once where it was changed, once at the other, and no echo"


def test_what_is_done_once_is_done_by_the_first_and_then_by_the_other(tmp_path: Path, url: str):
    settings = settings_with(database_url=url)
    nowhere = connect("unix:///nowhere")
    consoles = [open_console(tmp_path, nowhere, Clock(datetime.now(UTC)), settings=settings) for _ in range(2)]
    works = [Background(console) for console in consoles]
    sent: list[int] = []
    for number, console in enumerate(consoles):
        console.dispatch.step = lambda _now, number=number: sent.append(number) or 0  # type: ignore[method-assign,misc,func-returns-value]  # notes who sends
    for work in works:
        work.start()
    until(lambda: len(sent) >= 3)
    assert set(sent) == {0}
    assert consoles[1].feed.trouble, "who takes no events says all the same that none can come"
    works[0].stop()
    sent.clear()
    until(lambda: len(sent) >= 3)
    assert set(sent) == {1}
    works[1].stop()
    for console in consoles:
        console.database.close()


@dataclass
class Watcher:
    """Reads the live stream of a screen."""

    address: str
    cookie: str
    kinds: list[str] = field(default_factory=list)
    cases: list[dict[str, object]] = field(default_factory=list)

    def start(self) -> "Watcher":
        threading.Thread(target=self._read, daemon=True).start()
        until(lambda: self.kinds)
        return self

    def shows(self, plate: str, state: str = "new") -> bool:
        return any(case["plate_text"] == plate and case["state"] == state for case in self.cases)

    def _read(self) -> None:
        headers = {"cookie": f"{COOKIE}={self.cookie}"}
        try:
            with httpx.stream(
                "GET", f"{self.address}/screen/stream", headers=headers, timeout=None, verify=False
            ) as answer:
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        self.kinds.append(line[7:])
                    elif line.startswith("data: ") and self.kinds[-1] == "cases":
                        self.cases += json.loads(line[6:])
        except httpx.HTTPError:
            self.kinds.append("lost")


@dataclass
class Served:
    """A `kakou console` process."""

    process: "subprocess.Popen[str]"
    address: str
    watcher: Watcher


def served(folder: Path, cookie: str, redis_url: str, database_url: str, port: int) -> Served:
    config = folder / f"{port}.toml"
    config.write_text(
        f'state_dir = "{folder}"\nredis_url = "{redis_url}"\n[console]\nport = {port}\n'
        f'database_url = "{database_url}"\ncounty_code = "999901"\nconfirm_timeout_s = 3\n'
        '[[console.checkpoint]]\nname = "一号卡口"\ngrid_code = "9999010010010101"\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "kakou.main", "console", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().split()[-1]
    with httpx.Client(transport=httpx.HTTPTransport(verify=False, retries=20)) as http:
        http.get(f"{address}/healthz").raise_for_status()
    return Served(process, address, Watcher(address, cookie).start())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.long
def test_two_processes_show_the_same_and_one_goes_on_for_the_other(
    tmp_path: Path, url: str, redis_client: redis.Redis, redis_url: str
):
    settings = settings_with(database_url=url)
    with closing(connect(redis_url)) as client:
        console = open_console(tmp_path, client, lambda: datetime.now(UTC), settings=settings)
        make_account(console, "officer", Role.OFFICER)
        cookie = console.sessions.log_in("officer", PASSWORD, "", "test", datetime.now(UTC))
        session = console.sessions.find(cookie, datetime.now(UTC))
        assert session is not None
        first = served(tmp_path, cookie, redis_url, url, free_port())
        second = served(tmp_path, cookie, redis_url, url, free_port())
        try:
            flag(redis_client, "测A10001")
            until(lambda: first.watcher.shows("测A10001"))
            until(lambda: second.watcher.shows("测A10001"))

            headers = {"cookie": f"{COOKIE}={cookie}", "x-csrf-token": session.csrf_token}
            step = f"{second.address}/screen/cases/1/step"
            assert httpx.post(step, headers=headers, json={"action": "confirm"}, verify=False).status_code == 200
            until(lambda: first.watcher.shows("测A10001", "confirmed"))

            flag(redis_client, "测A10002")
            until(lambda: second.watcher.shows("测A10002", "escalated"))
            until(lambda: first.watcher.shows("测A10002", "escalated"))
            assert steps_of(console, 2) == ["open", "escalate"], "the clock acted once"

            first.process.kill()
            first.process.wait()
            killed_at = time.monotonic()
            flag(redis_client, "测A10003")
            until(lambda: second.watcher.shows("测A10003"))
            assert time.monotonic() - killed_at < 10.0
            until(lambda: second.watcher.shows("测A10003", "escalated"))
            assert steps_of(console, 3) == ["open", "escalate"]
            assert httpx.get(f"{second.address}/screen", headers=headers, verify=False).status_code == 200
            with console.database.reading() as reading:
                assert reading.scalar(select(func.count()).select_from(CaseRow)) == 3
                assert console.audit.verify(reading, console.anchors) == []
        finally:
            for each in (first, second):
                each.process.kill()
                each.process.communicate()
            console.database.close()


def flag(client: redis.Redis, plate: str) -> None:
    event = event_of(plate, checkpoint="一号卡口")
    client.xadd(STREAM_KEY, {"event_id": event.event_id, "event": to_cloudevent(event)})


def steps_of(console: Console, case_id: int) -> list[str]:
    with console.database.reading() as session:
        return list(session.scalars(select(StepRow.action).where(StepRow.case_id == case_id).order_by(StepRow.step_id)))
