"""The tables of an earlier build, with rows in them, brought up to date: every row is still there, as it was."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, event, select
from sqlalchemy.types import Boolean, DateTime, Float, Integer, LargeBinary

from console.store import database
from console.store.database import Database

MIGRATIONS = Path(database.__file__).parent / "migrations"
Rows = dict[str, dict[str, Any]]


def test_rows_of_every_earlier_build_are_there_after_the_upgrade(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'console.sqlite'}"
    *earlier, head = reversed([one.revision for one in ScriptDirectory(MIGRATIONS).walk_revisions()])
    engine = create_engine(url)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    kept: Rows = {}
    for revision in (earlier[0], earlier[len(earlier) // 2], earlier[-1]):
        with engine.begin() as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(MIGRATIONS))
            command.upgrade(config, revision)
            fill_empty_tables(connection, kept)
    Database(url).migrate()
    with engine.connect() as connection:
        assert rows_of(connection, "alembic_version") == [{"version_num": head}]
        for table, row in kept.items():
            [found] = rows_of(connection, table)
            assert {name: found[name] for name in row} == row, table
    assert len(kept) >= 15
    engine.dispose()


def fill_empty_tables(connection: Connection, kept: Rows) -> None:
    """Put one row into each table that has none, every column of it filled; the rows refer to each other."""
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        if table.name not in kept and table.name != "alembic_version":
            connection.execute(table.insert().values({column.name: value_of(column.type) for column in table.columns}))
            [kept[table.name]] = rows_of(connection, table.name)


def value_of(kind: object) -> object:
    """Return a value of a column: 1 where it can be, so that every reference finds its row."""
    if isinstance(kind, DateTime):
        return datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    if isinstance(kind, LargeBinary):
        return b"1"
    return 1 if isinstance(kind, Boolean | Integer | Float) else "1"


def rows_of(connection: Connection, name: str) -> list[dict[str, Any]]:
    tables = MetaData()
    tables.reflect(connection, only=[name])
    return [dict(row) for row in connection.execute(select(tables.tables[name])).mappings()]
