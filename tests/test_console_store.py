"""The database: migrations, and what happens when it cannot be written."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import StatementError

from alerts.redis_link import connect
from console.cases.filtering import CaseFilter, Group
from console.parts import Console
from console.people.keys import load_keys
from console.store.database import Database
from console.store.people_tables import LoginFailureRow
from console.store.tables import Base
from console.store.turns import Turns, TurnTimeoutError
from console.types import ConsoleError
from tests.console_kit import Clock, event_of, migrated_copy, officer, open_console


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    console = open_console(tmp_path, connect("unix:///nowhere"), Clock())
    yield console
    console.database.close()


def test_the_migrations_make_exactly_the_tables_of_the_code(database: Database):
    with database.reading() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def test_migrating_twice_changes_nothing(database: Database):
    database.migrate()


def test_a_database_of_a_newer_build_is_refused_with_what_to_do_and_left_as_it_is(tmp_path: Path):
    console = Database(migrated_copy(tmp_path))
    with console.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConsoleError, match="由更新的版本写成，本版本只认到 00"):
        console.migrate()
    with console.reading() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    console.close()


def test_times_come_back_in_utc_whatever_zone_they_had(database: Database):
    local = datetime(2026, 11, 24, 12, 0, tzinfo=timezone(timedelta(hours=8)))
    with database.writing() as session:
        session.add(LoginFailureRow(whom="x", at=local))
    with database.reading() as session:
        row = session.get_one(LoginFailureRow, 1)
    assert (row.at, row.at.tzinfo) == (local, UTC)


def test_a_time_without_a_zone_is_refused(database: Database):
    with pytest.raises(StatementError, match="without a zone"), database.writing() as session:
        session.add(LoginFailureRow(whom="x", at=datetime(2026, 11, 24)))


def test_a_failed_transaction_leaves_nothing(database: Database):
    with contextlib.suppress(ZeroDivisionError), database.writing() as session:
        session.add(LoginFailureRow(whom="x", at=datetime(2026, 11, 24, tzinfo=UTC)))
        session.flush()
        raise ZeroDivisionError
    with database.reading() as session:
        assert session.get(LoginFailureRow, 1) is None


def test_a_person_who_writes_beside_a_feed_that_never_pauses_waits_for_one_turn_of_it(database: Database):
    taken, stop = [0], threading.Event()

    def write(whom: str, lasts_s: float = 0.0) -> None:
        with database.writing() as session:
            session.add(LoginFailureRow(whom=whom, at=datetime(2026, 11, 24, tzinfo=UTC)))
            session.flush()
            stop.wait(lasts_s)

    def feed() -> None:
        while not stop.is_set():
            write("feed", lasts_s=0.003)
            taken[0] += 1

    with ThreadPoolExecutor(1) as pool:
        fed = pool.submit(feed)
        waits = []
        for _ in range(5):
            stop.wait(0.002)
            before = taken[0]
            write("person")
            waits.append(taken[0] - before)
        stop.set()
        fed.result()
    assert max(waits) <= 2


def test_a_turn_that_does_not_come_is_told_and_the_next_one_comes_all_the_same():
    turns = Turns()
    with turns.turn(1.0), pytest.raises(TurnTimeoutError), turns.turn(0.01):
        pass
    with turns.turn(0.01):
        pass


@contextlib.contextmanager
def noting_questions() -> Iterator[list[tuple[str, Sequence[object]]]]:
    """Gather what databases are asked meanwhile, with its parameters."""
    asked: list[tuple[str, Sequence[object]]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Sequence[object], *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("group", [group for group in Group if group is not Group.BOOTH])
def test_a_page_of_a_list_is_read_in_its_order_and_not_sorted_out_of_all_cases(console: Console, group: Group):
    with noting_questions() as asked:
        console.cases.found(officer(), CaseFilter(group, after=(console.now(), 7)), 100)
    statement, parameters = next(each for each in asked if "FROM cases" in each[0])
    with contextlib.closing(sqlite3.connect(console.database.url.removeprefix("sqlite:///"))) as file:
        plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert not any("ORDER BY" in line for line in plan), plan


def test_fifty_events_ask_the_database_no_more_questions_than_one(console: Console):
    def asked_for(*texts: str) -> int:
        with noting_questions() as asked:
            console.intake.take([event_of(text) for text in texts], console.now())
        return sum(statement.startswith("SELECT") for statement, _ in asked)

    assert asked_for("测A00001") == asked_for(*(f"测B{number:05}" for number in range(50)))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+psycopg://desk@/absent?host=/nowhere", "database_url"),
        ("postgresql+unknown://desk@localhost/kakou", "database_url"),
        ("postgresql", "database_url"),
        ("mysql+pymysql://desk@localhost/kakou", "psycopg"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(url: str, words: str):
    with pytest.raises(ConsoleError, match=words) as refused:
        Database(url.replace("desk@", "desk:s3cret@")).migrate()
    assert "s3cret" not in str(refused.value)


def test_a_database_that_cannot_be_opened_says_which_setting_to_mend(tmp_path):
    with pytest.raises(ConsoleError, match="database_url"):
        Database(f"sqlite:///{tmp_path / 'absent' / 'console.sqlite'}").migrate()


def test_a_damaged_key_file_is_told_and_never_replaced(tmp_path):
    (tmp_path / "console.key").write_bytes(b"short")
    with pytest.raises(ConsoleError, match="备份"):
        load_keys(tmp_path / "console.key")
    assert (tmp_path / "console.key").read_bytes() == b"short"


def test_a_step_never_pays_for_bringing_the_log_into_the_file(tmp_path: Path):
    console = open_console(tmp_path, connect("unix:///nowhere"), Clock())
    file = tmp_path / "console.sqlite"
    console.database.write_back()
    before = file.read_bytes()
    for _ in range(200):
        with console.database.writing() as session:
            session.add_all(LoginFailureRow(whom="x" * 2000, at=console.now()) for _ in range(10))
    assert file.read_bytes() == before  # 1,000 pages and more: what SQLite itself would have written back in a commit
    console.database.write_back()
    console.database.close()
    (tmp_path / "copy.sqlite").write_bytes(file.read_bytes())
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        assert copy.execute("SELECT count(*) FROM login_failures").fetchone() == (2000,)
