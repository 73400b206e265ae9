"""What a camera said lies apart from its pictures: who decides reads those where they are needed, and only there."""

import contextlib
import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from ocr.types import BoundingBox
from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import SentRead
from pipeline.reads.cipher import Seal
from pipeline.reads.journal import Journal
from tests.arrivals_kit import LISTED, OTHER, Lane, read_of
from tests.pipeline_kit import NOON, ListedPlates
from tests.plates import make_read

SURE = {"char_scores": (0.99,) * 7}
PICTURE_BYTES = 200_000
OLD_ROWS = """CREATE TABLE read (seq INTEGER PRIMARY KEY AUTOINCREMENT, device_id TEXT NOT NULL, key BLOB NOT NULL,
arrived_ms INTEGER NOT NULL, segment INTEGER NOT NULL, place INTEGER NOT NULL, length INTEGER NOT NULL,
is_done INTEGER NOT NULL DEFAULT 0, UNIQUE (device_id, key)) STRICT;
CREATE TABLE segment (number INTEGER PRIMARY KEY, is_open INTEGER NOT NULL) STRICT;
INSERT INTO segment VALUES (1, 0);"""


def test_while_many_wait_nobody_reads_the_pictures_of_vehicles_that_need_none_and_the_list_is_asked_twice_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    taken, pread = [0], os.pread

    def counted(file: int, length: int, place: int) -> bytes:
        taken[0] += length
        return pread(file, length, place)

    monkeypatch.setattr(os, "pread", counted)
    listed = ListedPlates(LISTED)
    lane = Lane(tmp_path, listed, own=[make_read(LISTED, BoundingBox(300, 250, 380, 276))], picture_backlog=0)
    for index in range(32):
        at = NOON + timedelta(minutes=index)
        lane.send(read_of(f"鲁B{70000 + index}", captured_at=at, **SURE), scene=bytes(PICTURE_BYTES))
    lane.send(read_of(LISTED, captured_at=NOON + timedelta(hours=2), **SURE), scene=bytes(PICTURE_BYTES))
    passages = lane.decided() + lane.decided(after_s=10)
    assert sorted(passage.outcome for passage in passages) == ["clear"] * 32 + ["flagged"]
    assert taken[0] < 2 * PICTURE_BYTES, "but for that of the listed one"
    assert listed.asked <= 2 * 33, "when it came and when it had gone"
    assert lane.reader.asked == 1


def test_pictures_that_cannot_be_read_back_cost_the_pictures_and_not_the_vehicle(tmp_path: Path):
    lane = Lane(tmp_path, ListedPlates(LISTED))
    lane.send(read_of(), scene=bytes(5000))
    [segment] = (tmp_path / "reads").glob("*.reads")
    content = bytearray(segment.read_bytes())
    content[-100] ^= 1
    segment.write_bytes(content)
    assert [passage.outcome for passage in lane.decided() + lane.decided(after_s=10)] == ["flagged"]
    assert (lane.counts.unread, lane.journal.waiting_count(), lane.journal.lost_since(NOON)) == (0, 0, {})


def test_the_pictures_of_one_read_do_not_open_beside_what_was_said_of_another(tmp_path: Path):
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        for text, minutes in ((LISTED, 0), (OTHER, 1)):
            at = NOON + timedelta(minutes=minutes)
            arrival = Arrival("K01", at, at, False, SentRead(read_of(text, captured_at=at), b"", bytes(1000)))
            journal.keep(journal.sealed([arrival]), 0.0)
        [segment] = (tmp_path / "reads").glob("*.reads")
        first, second = journal.said(0, 9)
        content = segment.read_bytes()
        at_first, at_second = (content[each.place.begin :][: each.place.length] for each in (first, second))
        mixed = at_first[: first.place.head] + at_second[second.place.head :]
        segment.write_bytes(mixed + content[first.place.length :])
        assert [journal.whole(each) is None for each in (first, second)] == [True, False]


def test_reads_that_wait_from_before_an_upgrade_are_decided(tmp_path: Path):
    (tmp_path / "reads").mkdir(mode=0o700)
    at = NOON
    said, pictures = Arrival("front", at, at, False, SentRead(read_of(captured_at=at), b"", bytes(1000))).to_parts()
    sealed = b"".join(Seal(bytes(32)).close(said + pictures, b"front"))
    (tmp_path / "reads" / "1.reads").write_bytes(sealed)
    with contextlib.closing(sqlite3.connect(tmp_path / "reads" / "reads.sqlite")) as rows:
        rows.executescript(OLD_ROWS)
        row = ("front", b"key", 0, 1, 0, len(sealed))
        rows.execute(
            "INSERT INTO read (device_id, key, arrived_ms, segment, place, length) VALUES (?, ?, ?, ?, ?, ?)", row
        )
        rows.commit()
    lane = Lane(tmp_path, ListedPlates(LISTED))
    lane.send(read_of(OTHER, captured_at=at + timedelta(minutes=5)), scene=bytes(1000))
    passages = lane.decided() + lane.decided(after_s=10)
    assert sorted(passage.outcome for passage in passages) == ["clear", "flagged"]
    assert lane.journal.waiting_count() == 0
