"""Pictures that a camera puts into a folder are reads, with or without a file that says what is on them."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kakou.wiring.reads import build_intake, open_journal, open_quarantine
from pipeline.reads.arrival import Arrival
from pipeline.reads.folder import FolderWatch
from pipeline.reads.synthetic import JPEG
from tests.alerts_kit import wait_until
from tests.reads_kit import reads_settings


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[FolderWatch]:
    (tmp_path / "in").mkdir()
    device = {"device_id": "F01", "maker": "folder", "folder": tmp_path / "in", "mapping": {"text": "plate.no"}}
    intake = build_intake(reads_settings(tmp_path, device))
    intake.keeping.start()
    [watch] = intake.watches
    assert isinstance(watch, FolderWatch)
    yield watch
    intake.keeping.close()


def put(folder: Path, name: str, content: bytes, age_s: float = 10.0) -> None:
    (folder / "in" / name).write_bytes(content)
    written = datetime.now(UTC).timestamp() - age_s
    os.utime(folder / "in" / name, (written, written))


def kept(folder: Path) -> list[Arrival]:
    with contextlib.closing(open_journal(reads_settings(folder))) as journal:
        return [each.arrival for each in journal.waiting(0, 100) if each.arrival]


def test_a_picture_and_what_is_said_of_it_are_one_read_and_are_gone(tmp_path: Path, watch: FolderWatch):
    put(tmp_path, "a.jpg", JPEG)
    put(tmp_path, "a.json", json.dumps({"plate": {"no": "蓝鲁B12345"}}).encode())
    put(tmp_path, "b.JPG", JPEG + b"b", age_s=9)
    assert watch.step() == 2
    first, second = kept(tmp_path)
    assert (first.sent.read.text, first.sent.read.style, first.sent.scene_picture) == ("鲁B12345", "blue", JPEG)
    assert (second.sent.read.text, second.sent.scene_picture) == ("", JPEG + b"b")
    assert timedelta(seconds=8) < first.arrived_at - first.passed_at < timedelta(seconds=60)
    assert list((tmp_path / "in").iterdir()) == []


def test_a_picture_that_is_still_written_or_waits_for_its_sidecar_stays(tmp_path: Path, watch: FolderWatch):
    put(tmp_path, "a.jpg", JPEG, age_s=0.0)
    put(tmp_path, "b.jpg", JPEG, age_s=2.0)
    put(tmp_path, "notes.txt", b"not ours")
    assert watch.step() == 0
    assert len(list((tmp_path / "in").iterdir())) == 3


def test_what_nobody_understands_goes_to_quarantine_and_stops_nothing(tmp_path: Path, watch: FolderWatch):
    put(tmp_path, "a.jpg", JPEG)
    put(tmp_path, "a.json", b"no json")
    put(tmp_path, "b.jpg", b"x" * (4 * 2**20 + 1))
    put(tmp_path, "c.jpg", JPEG)
    assert watch.step() == 1
    assert open_quarantine(reads_settings(tmp_path)).count() == 2


def test_a_folder_that_is_away_is_waited_for(tmp_path: Path, watch: FolderWatch):
    (tmp_path / "in").rmdir()
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    (tmp_path / "in").mkdir()
    put(tmp_path, "a.jpg", JPEG)
    wait_until(lambda: bool(kept(tmp_path)), timeout_s=5)
    stop.set()
    thread.join()
