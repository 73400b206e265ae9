"""Whatever is posted with a right secret, it is refused, or it is on disk; never a fault of ours, never more memory."""

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from kakou.wiring.reads import open_quarantine
from pipeline.reads.adapter import Message, UnreadableMessageError
from pipeline.reads.hikvision import Hikvision
from pipeline.reads.synthetic import SAMPLES, Said
from tests.camera_fuzz import damaged
from tests.reads_kit import Box, reads_settings, serving

DEVICES = [{"device_id": maker, "maker": maker, "reads_per_s": 2000, "serials": ["K01-serial"]} for maker in SAMPLES]
MORE_MB = 40


def is_read_in_part(maker: str, body: bytes, content_type: str) -> bool:
    """Whether one event of a message is read and another one goes to quarantine: it is recorded twice."""
    if maker != "hikvision":
        return False
    with contextlib.suppress(UnreadableMessageError):
        return bool(Hikvision().understand(Message("", content_type, body, datetime.now(UTC))).unreadable)
    return False


def post_damaged(box: Box, maker: str, count: int, seed: int = 7) -> int:
    """Return how many records so many damaged messages must have left."""
    dice, taken = random.Random(seed), 0
    with box.talking() as post:
        for number in range(count):
            message_id = f"{seed}-{number:06d}-0123456789abcdef"
            wire = SAMPLES[maker](Said(at=datetime.now(UTC), message_id=message_id, scene=b"\xff\xd8" + bytes(300)))
            path = f"/reads/{maker}/0123456789abcdef0123/{wire.path}"
            body = damaged(wire.body, dice)
            status = post(path, body, {"content-type": wire.content_type})
            assert status == 200 or 400 <= status < 500, (maker, seed, number, status)
            if status == 200:
                taken += 1 + is_read_in_part(maker, body, wire.content_type)
    return taken


def all_is_recorded(folder: Path, count: int) -> None:
    with serving(reads_settings(folder, *DEVICES)) as box, ThreadPoolExecutor() as cameras:
        found = cameras.map(lambda maker: post_damaged(box, maker, count), SAMPLES)
        taken = dict(zip(SAMPLES, found, strict=True))
    for maker, number in taken.items():
        report = box.report(maker)
        assert report.reads + report.resent + report.other + report.quarantined == number, (maker, report)
    assert len(box.kept()) == sum(box.report(maker).reads for maker in SAMPLES)
    assert 0 < open_quarantine(box.settings).count() <= sum(box.report(maker).quarantined for maker in SAMPLES)


def test_what_was_damaged_is_refused_or_on_disk(tmp_path: Path):
    all_is_recorded(tmp_path, count=25)


@pytest.mark.long
def test_thousands_of_damaged_messages_a_maker_are_refused_or_on_disk_and_cost_no_memory(tmp_path: Path):
    process = psutil.Process()
    all_is_recorded(tmp_path, count=100)
    before = process.memory_info().rss
    (tmp_path / "long").mkdir()
    all_is_recorded(tmp_path / "long", count=5000)
    assert process.memory_info().rss - before < MORE_MB * 2**20
