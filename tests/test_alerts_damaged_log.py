"""An outbox's log that is damaged, cut short, or not what was written."""

# ruff: noqa: F811  fixtures of another file are used by their names

import subprocess
import sys
from pathlib import Path

import pytest

from alerts.log_tail import say_lost_tail
from alerts.outbox import Outbox
from alerts.set_aside import losses
from tests.alerts_kit import event
from tests.test_alerts_damage import (
    COUNT,
    PAGE,
    path,  # noqa: F401  a fixture is used by its name
)


def write_and_die(path: Path, statements: str) -> None:
    """Leave the log as a power cut would: a process that ends in order takes it away."""
    start = f"import os, sqlite3\nfrom pathlib import Path\npath = Path({str(path)!r})\n"
    code = f"{start}{statements}\nos.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[1])


def damage_frame(path: Path, number: int) -> None:
    """Flip a bit in the page of a frame of the log."""
    log = path.with_name(path.name + "-wal")
    at = 32 + number * (24 + PAGE) + 24 + 200
    content = bytearray(log.read_bytes())
    content[at] ^= 1
    log.write_bytes(content)


def test_a_damaged_log_is_noticed_and_its_events_are_carried_over(path: Path):
    events = f"""
from alerts.log_tail import say_lost_tail
from alerts.outbox import Outbox
from tests.alerts_kit import event
outbox = Outbox(path)
for number in range({COUNT}, {COUNT + 5}):
    outbox.append(event(number))"""
    write_and_die(path, events)
    damage_frame(path, 1)
    with Outbox(path) as outbox:
        found = {row.event_id for row in outbox.after(0, 100)}
    assert len({event(number).event_id for number in range(COUNT, COUNT + 5)} & found) >= 4
    assert len(losses(path.parent)) == 1


def test_a_log_that_ends_in_the_middle_of_a_write_is_no_damage(path: Path):
    write_and_die(
        path, "from alerts.outbox import Outbox\nfrom tests.alerts_kit import event\nOutbox(path).append(event(90))"
    )
    log = path.with_name(path.name + "-wal")
    log.write_bytes(log.read_bytes() + log.read_bytes()[32 : 32 + 2000])
    with Outbox(path) as outbox, Outbox(path) as other:
        assert event(90).event_id in {row.event_id for row in outbox.after(0, 100)}
        assert outbox.last_seq() == other.last_seq()
    assert losses(path.parent) == ()


@pytest.mark.parametrize("frame", [0, 2])
def test_lost_writes_of_any_database_raise_the_alarm(tmp_path: Path, frame: int):
    path = tmp_path / "risk.sqlite"
    table = """
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE a (b)")
for number in range(5):
    connection.execute("INSERT INTO a VALUES (1)")"""
    write_and_die(path, table)
    say_lost_tail(path, "请核对")
    assert losses(tmp_path) == ()
    write_and_die(path, table.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    damage_frame(path, frame)
    say_lost_tail(path, "请核对")
    assert len(losses(tmp_path)) == 1
    assert "请核对" in losses(tmp_path)[0]
