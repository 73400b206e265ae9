"""Several people and processes at once, on a real SQLite and a real PostgreSQL: turns are taken, nothing is doubled."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psycopg
import pytest
import redis
from sqlalchemy import func, select

from alerts.envelope import to_cloudevent
from alerts.redis_link import connect
from alerts.stream import STREAM_KEY
from console.cases.desk import StepRequest
from console.cases.filtering import Group
from console.cases.steps import Action
from console.parts import Console
from console.store.tables import CaseRow, StepRow
from console.types import CaseChangedError, Role
from tests.console_app import app_of
from tests.console_kit import Clock, client_of, event_of, make_account, officer, open_console, settings_with
from tests.postgresql_server import run_sql, url_of

AT_ONCE = 6


@pytest.fixture
def consoles(tmp_path: Path, database_url: str) -> Iterator[list[Console]]:
    """Two processes' worth of console on one database."""
    settings = settings_with(database_url=database_url)
    nowhere = connect("unix:///nowhere")
    consoles = [open_console(tmp_path, nowhere, Clock(), settings=settings) for _ in range(2)]
    yield consoles
    for console in consoles:
        console.database.close()


def together(*acts: Callable[[], object]) -> list[object]:
    """Let every act begin at the same moment; return what each gave, or the error it met."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait()
        try:
            return act()
        except CaseChangedError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_the_same_event_taken_by_two_processes_at_once_is_one_case(consoles: list[Console]):
    for number in range(5):
        event = event_of(f"测A1000{number}")
        together(*(lambda each=each, event=event: each.intake.take([event], each.now()) for each in consoles))
    assert [view.passages for view in consoles[0].cases.newest(officer(), Group.OPEN, 99)] == [1] * 5


def test_of_many_officers_at_once_exactly_one_wins(consoles: list[Console]):
    console = consoles[0]
    console.intake.take([event_of()], console.now())
    acts = [
        lambda number=number: consoles[number % 2].desk.act(
            StepRequest(1, Action.CONFIRM, version=1), officer(account_id=number), console.now()
        )
        for number in range(AT_ONCE)
    ]
    told = [answer for answer in together(*acts) if isinstance(answer, CaseChangedError)]
    assert len(told) == AT_ONCE - 1
    assert all("先您一步" in str(error) for error in told)


def test_a_tap_that_arrives_many_times_at_once_is_one_step(consoles: list[Console]):
    console = consoles[0]
    console.intake.take([event_of()], console.now())
    step = StepRequest(1, Action.CONFIRM, idempotency_key="key-00001")
    answers = together(
        *(lambda each=each: each.desk.act(step, officer(), each.now()) for each in consoles * (AT_ONCE // 2))
    )
    assert answers == [None] * AT_ONCE
    with console.database.reading() as session:
        steps = session.scalar(select(func.count()).select_from(StepRow).where(StepRow.action == "confirm"))
        assert (steps, session.get_one(CaseRow, 1).version) == (1, 2)


def test_the_audit_log_is_whole_while_others_write_to_it(consoles: list[Console]):
    def write(console: Console) -> None:
        for number in range(30):
            with console.database.writing() as session:
                console.audit.append(session, officer(), "case.view", f"case:{number}", console.now())

    def verify(console: Console) -> list[object]:
        found: list[object] = []
        for _ in range(20):
            with console.database.reading() as session:
                found += console.audit.verify(session)
        return found

    first, second = consoles
    answers = together(lambda: write(first), lambda: write(second), lambda: verify(first), lambda: verify(second))
    assert answers == [None, None, [], []]
    assert verify(first) == []


def test_a_postgresql_that_is_away_keeps_events_in_the_stream_and_people_are_told(
    tmp_path: Path, postgresql: str, redis_client: redis.Redis
):
    run_sql(postgresql, "CREATE DATABASE away TEMPLATE template")
    settings = settings_with(database_url=url_of(postgresql, "away"))
    console = open_console(tmp_path, redis_client, Clock(), settings=settings)
    make_account(console, "officer", Role.OFFICER)
    client = client_of(app_of(console), console, "officer")
    console.feed.step()
    event = event_of()
    redis_client.xadd(STREAM_KEY, {"event_id": event.event_id, "event": to_cloudevent(event)})

    run_sql(postgresql, "ALTER DATABASE away ALLOW_CONNECTIONS false")
    run_sql(postgresql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away'")
    assert console.feed.step() == 0
    assert "恢复后会自动补齐" in console.feed.trouble
    answer = client.post("/screen/cases/1/step", json={"action": "confirm"})
    assert (answer.status_code, "没有生效" in answer.json()["message"]) == (503, True)

    run_sql(postgresql, "ALTER DATABASE away ALLOW_CONNECTIONS true")
    while console.feed.step():
        pass
    assert console.feed.trouble == ""
    assert client.post("/screen/cases/1/step", json={"action": "confirm"}).status_code == 200
    console.database.close()


def test_a_writer_that_never_ends_does_not_stop_the_others_for_ever(tmp_path: Path, postgresql: str):
    run_sql(postgresql, "CREATE DATABASE held TEMPLATE template")
    settings = settings_with(database_url=url_of(postgresql, "held") + "&options=-c lock_timeout=50ms")
    console = open_console(tmp_path, connect("unix:///nowhere"), Clock(), settings=settings)
    make_account(console, "officer", Role.OFFICER)
    client = client_of(app_of(console), console, "officer")
    with psycopg.connect(host=postgresql, user="kakou", dbname="held") as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (0x6B616B6F75,))
        answer = client.post("/screen/cases/1/step", json={"action": "confirm"})
        assert answer.status_code == 503
    assert client.post("/screen/cases/1/step", json={"action": "confirm"}).status_code == 404
    console.database.close()
