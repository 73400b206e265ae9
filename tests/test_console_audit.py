"""The audit log shows every change that was made behind its back."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from alerts.redis_link import connect
from console.parts import Console
from console.people.keys import ConsoleKeys
from console.store.people_tables import AuditHeadRow, AuditRow
from console.types import ConsoleError
from tests.console_kit import START, Clock, officer, open_console, settings_with

ROWS = 200


@pytest.fixture
def console(tmp_path: Path, database_url: str) -> Iterator[Console]:
    settings = settings_with(database_url=database_url)
    console = open_console(tmp_path, connect("unix:///nowhere"), Clock(), settings=settings)
    with console.database.writing() as session:
        for number in range(ROWS):
            console.audit.append(session, officer(), "case.view", f"case:{number}", START, "值班")
    yield console
    console.database.close()


def faults(console: Console, with_anchors: bool = False) -> list[int]:
    with console.database.reading() as session:
        return [fault.seq for fault in console.audit.verify(session, console.anchors if with_anchors else None)]


def test_an_untouched_log_is_whole(console: Console):
    assert faults(console) == []


def change(session: Session, seq: int) -> None:
    session.execute(update(AuditRow).where(AuditRow.seq == seq).values(actor="别人"))


def remove(session: Session, seq: int) -> None:
    session.execute(delete(AuditRow).where(AuditRow.seq == seq))


def swap(session: Session, seq: int) -> None:
    for source, target in ((seq, -1), (seq + 1, seq), (-1, seq + 1)):
        session.execute(update(AuditRow).where(AuditRow.seq == source).values(seq=target))


def put_in(session: Session, seq: int) -> None:
    session.execute(text("UPDATE audit_log SET seq = -seq WHERE seq >= :seq"), {"seq": seq})
    session.execute(text("UPDATE audit_log SET seq = -seq + 1 WHERE seq < 0"))
    row = session.get_one(AuditRow, seq - 1)
    copy = {column.key: getattr(row, column.key) for column in AuditRow.__table__.columns} | {"seq": seq}
    session.add(AuditRow(**copy))


@pytest.mark.parametrize("meddle", [change, remove, swap, put_in])
def test_a_changed_removed_moved_or_added_row_is_named(console: Console, meddle: Callable[[Session, int], None]):
    chosen = random.Random(meddle.__name__).randrange(2, ROWS - 1)
    with console.database.writing() as session:
        meddle(session, chosen)
    assert chosen in faults(console)


def test_a_cut_tail_is_named(console: Console):
    with console.database.writing() as session:
        session.execute(delete(AuditRow).where(AuditRow.seq > ROWS - 5))
    assert faults(console) == [ROWS - 4]


def test_a_cut_tail_with_an_older_seal_put_back_is_named_by_the_anchor_file(console: Console):
    with console.database.reading() as session:
        older = session.get_one(AuditHeadRow, 1)
        session.expunge(older)
    with console.database.writing() as session:
        console.audit.append(session, officer(), "export", "statistics", START)
    with console.database.reading() as session:
        console.audit.anchor(session, console.anchors, START)
    with console.database.writing() as session:
        session.execute(delete(AuditRow).where(AuditRow.seq > ROWS))
        session.merge(older)
    assert faults(console) == []
    assert faults(console, with_anchors=True) == [ROWS + 1]


@pytest.mark.parametrize("is_emptied", [False, True])
def test_a_log_put_back_to_an_older_state_without_its_anchors_is_not_called_whole(console: Console, is_emptied: bool):
    if is_emptied:
        console.anchors.write_text("")
    else:
        console.anchors.unlink()
    with console.database.reading() as session:
        [fault] = console.audit.verify(session, console.anchors)
    assert "锚点文件不见了" in fault.problem


def test_a_new_anchor_file_does_not_hide_that_the_old_one_was_lost(console: Console, tmp_path: Path):
    with console.database.writing() as session:
        console.audit.anchor(session, console.anchors, START)
    elsewhere = tmp_path / "copy"
    elsewhere.write_bytes(console.anchors.read_bytes())
    assert faults(console, with_anchors=True) == []
    console.anchors.unlink()
    for _ in range(2):
        with console.database.writing() as session:
            console.audit.anchor(session, console.anchors, START)
    assert faults(console, with_anchors=True) == [ROWS + 1]
    with console.database.reading() as session:
        assert console.audit.verify(session, elsewhere) == [], "the copy on another machine speaks for the rows before"


def test_a_new_log_has_an_anchor_from_its_first_moment(tmp_path: Path):
    console = open_console(tmp_path, connect("unix:///nowhere"), Clock())
    with console.database.reading() as session:
        assert console.audit.verify(session, console.anchors) == []
    console.database.close()


def test_a_database_whose_key_is_gone_stays_closed(console: Console, tmp_path: Path):
    key = console.anchors.parent / "console.key"
    key.unlink()
    settings = console.settings
    with pytest.raises(ConsoleError, match="密钥"):
        open_console(tmp_path, connect("unix:///nowhere"), Clock(), settings=settings)
    assert not key.exists(), "no new key makes it look like a new console"


@pytest.mark.parametrize("column", ["at", "actor", "role", "action", "subject", "reason"])
def test_no_part_of_a_row_can_be_changed(console: Console, column: str):
    with console.database.writing() as session:
        row = session.get_one(AuditRow, 50)
        value = START + timedelta(seconds=1) if column == "at" else f"{getattr(row, column)}x"
        session.execute(update(AuditRow).where(AuditRow.seq == 50).values({column: value}))
    assert faults(console) == [50]


def test_a_rewritten_chain_needs_the_key(console: Console):
    with console.database.writing() as session:
        session.execute(delete(AuditRow))
        session.execute(delete(AuditHeadRow))
        forger = type(console.audit)(ConsoleKeys(b"x" * 32))
        forger.append(session, officer(), "case.view", "case:1", START)
    assert 1 in faults(console)


def test_two_writers_at_once_still_make_one_chain(console: Console):
    import threading

    def write() -> None:
        for number in range(20):
            with console.database.writing() as session:
                console.audit.append(session, officer(), "case.view", f"case:{number}", START)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults(console) == []
    with console.database.reading() as session:
        assert session.get_one(AuditHeadRow, 1).seq == ROWS + 80


def test_a_row_of_another_log_with_the_same_key_does_not_fit_into_the_chain(console: Console):
    with console.database.writing() as session:
        row = session.get_one(AuditRow, 50)
        row.previous = "f" * 64
        row.digest = console.audit._digest(row)
    assert faults(console) == [50, 51]


def test_a_seal_that_is_another_ones_is_named(console: Console):
    with console.database.writing() as session:
        head = session.scalars(select(AuditHeadRow)).one()
        head.seal = "0" * len(head.seal)
    assert faults(console) == [ROWS]
