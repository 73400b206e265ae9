"""A damaged outbox never stops a checkpoint: what can be read is carried over, and the alarm says what is lost."""

import contextlib
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.outbox import Outbox
from alerts.set_aside import forget_aside, losses
from riskdb.own_file import MARK
from tests.alerts_kit import NOON, event

PAGE = 4096
RESERVE = 2**20
COUNT = 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return an outbox of COUNT events, half of them sent."""
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, reserve_bytes=RESERVE, now=lambda: NOON) as outbox:
        for number in range(COUNT):
            outbox.append(event(number))
        outbox.mark_sent(COUNT // 2)
        outbox.move_place("lane:barrier", COUNT // 2)
    return path


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def turn_into_text(path: Path) -> None:
    path.write_text("not a database\n" * 400)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def delete(path: Path) -> None:
    path.unlink()


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def lose_the_first_page(path: Path) -> None:
    overwrite(path, 0, bytes(PAGE))


def lose_the_schema(path: Path) -> None:
    overwrite(path, 200, b"\xff" * (PAGE - 200))


def claim_a_future_format(path: Path) -> None:
    overwrite(path, 18, b"\x09")


def claim_other_pages(path: Path) -> None:
    overwrite(path, 16, b"\x02\x00")


def lose_inner_pages(path: Path) -> None:
    content = path.read_bytes()
    for start in range(PAGE, len(content), PAGE):
        if content[start] in (0x05, 0x02):
            overwrite(path, start, b"\xff" * PAGE)


WHOLE = [lose_the_first_page, lose_the_schema, claim_a_future_format, claim_other_pages, lose_inner_pages]
"""Damages after which every event is still there to be read."""


@pytest.mark.parametrize("damage", WHOLE)
def test_events_are_carried_over_where_only_the_way_to_them_is_damaged(path: Path, damage: Callable[[Path], None]):
    with Outbox(path) as outbox:
        known_as = outbox.outbox_id
    damage(path)
    with Outbox(path, reserve_bytes=RESERVE) as outbox:
        assert [row.event_id for row in outbox.after(0, 100)] == [event(number).event_id for number in range(COUNT)]
        assert outbox.pending_count() == COUNT // 2
        assert (outbox.outbox_id, outbox.place("lane:barrier")) == (known_as, COUNT // 2)
        assert outbox.append(event(COUNT))
        assert outbox.last_seq() == COUNT + 1
        assert outbox.is_reserve_held()
    assert [f"救回 {COUNT} 条" in loss for loss in losses(path.parent)] == [True]
    assert "没有丢失" in losses(path.parent)[0]
    kept = [*path.parent.glob(f"outbox.sqlite{MARK}*")]
    assert kept
    assert all(each.stat().st_mode & 0o077 == 0 for each in kept)


@pytest.mark.parametrize("damage", [turn_into_text, cut_in_half, empty, delete, become_a_folder])
def test_events_go_on_and_the_alarm_is_raised_where_rows_are_lost(path: Path, damage: Callable[[Path], None]):
    damage(path)
    for number in range(2):
        with Outbox(path, reserve_bytes=RESERVE) as outbox:
            assert outbox.append(event(COUNT + number))
    assert len(losses(path.parent)) == 1
    assert "已丢失" in losses(path.parent)[0] or "不明" in losses(path.parent)[0]


def test_the_alarm_counts_the_events_that_nobody_will_hear_of(path: Path):
    pages = path.read_bytes()
    last = event(COUNT - 1).event_id.encode()
    start = max(at for at in range(0, len(pages), PAGE) if last in pages[at : at + PAGE] and pages[at] == 0x0D)
    lost = sum(event(number).event_id.encode() in pages[start : start + PAGE] for number in range(COUNT))
    overwrite(path, start, b"\xff" * PAGE)
    with Outbox(path) as outbox:
        assert outbox.pending_count() == COUNT // 2 - lost
        outbox.append(event(COUNT))
        assert outbox.last_seq() == COUNT + 1  # no number is given again
    assert f"另有 {lost} 条" in losses(path.parent)[0]


def test_damage_under_a_running_box_is_mended_by_one_process_and_noticed_by_the_others(path: Path):
    with Outbox(path, reserve_bytes=RESERVE) as first, Outbox(path, reserve_bytes=RESERVE) as second:
        first.append(event(COUNT))
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        lose_inner_pages(path)
        lose_the_first_page(path)
        with Outbox(path) as third:
            assert second.append(event(COUNT + 1))
            assert first.append(event(COUNT + 2))
            ids = [event(number).event_id for number in range(COUNT + 3)]
            for outbox in (first, second, third):
                assert [row.event_id for row in outbox.after(0, 100)] == ids
    assert len(losses(path.parent)) == 1


def test_events_that_were_written_to_a_file_that_is_gone_are_written_again(path: Path):
    with Outbox(path) as outbox:
        outbox.append(event(COUNT))
        path.rename(path.with_name("moved"))
        ids = {event(number).event_id for number in range(COUNT // 2, COUNT + 1)}
        assert {row.event_id for row in outbox.pending()} == ids
        assert outbox.append(event(COUNT + 1))


def test_a_log_that_lost_its_database_is_not_thrown_away(path: Path):
    code = f"""
import os, sys
from pathlib import Path
from alerts.log_tail import say_lost_tail
from alerts.outbox import Outbox
from bench.fault_events import event
outbox = Outbox(Path({str(path)!r}), reserve_bytes={RESERVE})
outbox.append(event({COUNT}))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    path.unlink()
    with Outbox(path) as outbox:
        assert event(COUNT).event_id in {row.event_id for row in outbox.after(0, 100)}


def test_a_mending_that_was_cut_short_goes_on_at_the_next_start(path: Path):
    lose_the_first_page(path)
    with Outbox(path):
        pass
    path.rename(path.with_suffix(".salvaged"))  # as it lies there between the two renames
    with Outbox(path) as outbox:
        assert len(outbox.after(0, 100)) == COUNT
    assert not path.with_suffix(".salvaged").exists()


def flipped(path: Path, seed: int) -> Iterator[str]:
    """Flip some bits anywhere among what is used, the log and the reserve too."""
    dice = random.Random(seed)
    for one in sorted(path.parent.glob("outbox.*")):
        content = bytearray(one.read_bytes())
        for _ in range(dice.choice([1, 8, 200]) if content else 0):
            at = dice.randrange(min(len(content), 20 * PAGE))
            content[at] ^= 1 << dice.randrange(8)
        one.write_bytes(content)
        yield one.name


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(8, 300))])
def test_an_outbox_with_bits_flipped_anywhere_takes_events(path: Path, seed: int):
    assert [*flipped(path, seed)]
    with Outbox(path, reserve_bytes=RESERVE) as outbox:
        assert outbox.append(event(COUNT + 7))
        outbox.mark_sent(outbox.last_seq())
        assert outbox.pending() == []
    with Outbox(path) as outbox:
        assert event(COUNT + 7).event_id in {row.event_id for row in outbox.after(0, 100)}


def test_nothing_of_a_forgotten_event_can_be_read_in_any_file(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, reserve_bytes=RESERVE, now=lambda: NOON) as outbox:
        for number in range(300):
            outbox.append(event(number))
        outbox.mark_sent(300)
        outbox.append(event(300))
        size = (tmp_path / "outbox.sqlite-wal").stat().st_size
        assert outbox.forget_sent(NOON + timedelta(days=1)) == 300
        assert readable(tmp_path, event(5).event_id) == []
        assert readable(tmp_path, event(300).event_id) != []
        assert outbox.is_reserve_held()
        assert (tmp_path / "outbox.sqlite-wal").stat().st_size <= size + 64 * PAGE
    assert readable(tmp_path, event(5).event_id) == []


def readable(folder: Path, word: str) -> list[str]:
    return [path.name for path in folder.iterdir() if word.encode() in path.read_bytes()]


def test_what_was_set_aside_is_deleted_with_its_time(path: Path):
    turn_into_text(path)
    with Outbox(path):
        pass
    assert list(path.parent.glob(f"*{MARK}*"))
    forget_aside(path, NOON + timedelta(days=3650))
    assert not list(path.parent.glob(f"*{MARK}*"))
