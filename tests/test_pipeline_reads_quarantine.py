"""Messages that nobody understands lie on disk for a day: each once, so many at most; a flood is no dearer a piece."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.reads import quarantine
from pipeline.reads.cipher import Seal
from pipeline.reads.quarantine import Quarantine

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def opened(folder: Path, max_bytes: int = 1 << 20) -> Quarantine:
    return Quarantine(folder, Seal(bytes(32)), 24 * HOUR, max_bytes)


def bodies(kept: Quarantine) -> list[bytes]:
    return [body for _, body in kept.messages()]


def test_a_message_that_is_sent_again_lies_there_once_also_after_a_restart(tmp_path: Path):
    first = opened(tmp_path)
    assert [first.keep("K", b"a", "x", NOON), first.keep("K", b"a", "x", NOON), first.keep("L", b"a", "x", NOON)] == [
        True, False, True]  # fmt: skip
    assert opened(tmp_path).keep("K", b"a", "x", NOON + HOUR) is False


def test_what_another_process_deleted_is_kept_anew(tmp_path: Path):
    writer = opened(tmp_path)
    writer.keep("K", b"a", "x", NOON)
    assert opened(tmp_path).purge(NOON + 25 * HOUR) == 1
    assert writer.keep("K", b"a", "x", NOON + 26 * HOUR) is True
    assert bodies(writer) == [b"a"]


def test_the_oldest_go_where_there_is_no_room_by_size_or_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    small = opened(tmp_path / "small", max_bytes=1000)
    for number in range(9):
        small.keep("K", b"%d" % number * 200, "x", NOON + number * HOUR)
    assert bodies(small)[-1] == b"8" * 200
    assert sum(path.stat().st_size for path in (tmp_path / "small").iterdir()) <= 1000
    monkeypatch.setattr(quarantine, "MOST_MESSAGES", 3)
    few = opened(tmp_path / "few")
    for number in range(5):
        few.keep("K", b"%d" % number, "x", NOON + number * HOUR)
    assert bodies(few) == [b"2", b"3", b"4"]


def test_a_flood_does_not_look_at_the_whole_folder_with_every_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = opened(tmp_path)
    monkeypatch.delattr(Path, "glob")
    monkeypatch.delattr(Path, "iterdir")
    assert [kept.keep("K", b"%d" % number, "x", NOON) for number in range(20)] == [True] * 20
