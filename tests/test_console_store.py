"""The database: migrations, and what happens when it cannot be written."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import StatementError

from console.people.keys import load_keys
from console.store.database import Database
from console.store.people_tables import LoginFailureRow
from console.store.tables import Base
from console.types import ConsoleError


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def test_the_migrations_make_exactly_the_tables_of_the_code(database: Database):
    with database.reading() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def test_migrating_twice_changes_nothing(database: Database):
    database.migrate()


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
