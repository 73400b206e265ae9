"""What the outbox does for the moment in which another process sets its file aside, and for what was set aside."""

from datetime import timedelta
from pathlib import Path

from alerts.outbox import Outbox
from alerts.set_aside import losses, set_aside
from riskdb.own_file import MARK, STAMP
from tests.alerts_kit import NOON, event


def test_an_event_that_is_written_just_as_the_file_is_set_aside_is_in_the_new_one_at_once(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        outbox.append(event(0))
        statements: list[str] = []

        def another_process(statement: str) -> None:
            if statement.startswith("INSERT INTO event") and not statements:
                statements.append(statement)
                set_aside(path, "a test")
                Outbox(path).close()

        outbox._file.connection.set_trace_callback(another_process)
        assert outbox.append(event(1))
        assert statements
        with Outbox(path) as new:
            assert event(1).event_id in {row.event_id for row in new.after(0, 10)}


def test_what_was_set_aside_goes_with_the_events_of_its_time(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, now=lambda: NOON) as outbox:
        for days in (1, 9):
            aside = tmp_path / f"{path.name}{MARK}{NOON - timedelta(days=days):{STAMP}}"
            aside.write_text("a damaged file")
            aside.with_name(aside.name + ".txt").write_text(f"{days} 天前损坏")
        outbox.forget_sent(NOON - timedelta(days=7), NOON)
    assert losses(tmp_path) == ("1 天前损坏",)
    assert len(list(tmp_path.glob(f"*{MARK}*"))) == 2
