"""Events on their way into the console: a restart, a database that cannot be written, footage."""

# ruff: noqa: F811  fixtures of another file are used by their names

from sqlalchemy import text

from alerts.stream import STREAM_KEY
from console.cases.filtering import Group
from console.parts import Console
from tests.console_kit import (
    Clock,
    event_of,
    officer,
    open_console,
    settings_with,
)
from tests.test_console_live import (
    console,  # noqa: F401  a fixture is used by its name
    send,
)


def test_events_that_were_read_but_not_stored_are_stored_after_a_restart(console: Console, redis_client, tmp_path):
    send(redis_client, event_of("测A11111"))
    console.feed.step()  # makes the group
    reader = console.feed._reader
    send(redis_client, event_of("测A22222"), event_of("测A33333"))
    assert len(reader.read(count=10, block_ms=1)) in (2, 3)  # and then the process is killed
    again = open_console(tmp_path, redis_client, Clock())
    while again.feed.step():
        pass
    assert {view.plate_text for view in again.cases.newest(officer(), Group.OPEN, 9)} == {
        "测A11111",
        "测A22222",
        "测A33333",
    }
    again.database.close()


def test_a_database_that_cannot_be_written_keeps_events_in_the_stream_and_says_so(console: Console, redis_client):
    console.feed.step()
    send(redis_client, event_of())
    with console.database.writing() as session:
        session.execute(text("ALTER TABLE cases RENAME TO away"))
    assert console.feed.step() == 0
    assert "恢复后会自动补齐" in console.feed.trouble
    with console.database.writing() as session:
        session.execute(text("ALTER TABLE away RENAME TO cases"))
    while console.feed.step():
        pass
    assert console.feed.trouble == ""
    assert len(console.cases.newest(officer(), Group.OPEN, 9)) == 1
    assert redis_client.xpending(STREAM_KEY, "console")["pending"] == 0


def test_recorded_footage_opens_no_case_unless_asked_to(console: Console, redis_client, tmp_path):
    console.feed.step()
    send(redis_client, event_of(replayed=True))
    while console.feed.step():
        pass
    assert console.cases.newest(officer(), Group.OPEN, 9) == []
    drill = open_console(tmp_path, redis_client, Clock(), settings=settings_with(accept_replayed=True))
    send(redis_client, event_of("测A77777", replayed=True))
    while drill.feed.step():
        pass
    assert len(drill.cases.newest(officer(), Group.OPEN, 9)) == 1
    drill.database.close()
