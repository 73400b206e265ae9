"""The notices of a centre, caused for real: boxes that fall silent, deliveries that fail, certificates that end."""

import fcntl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alerts.delivery.channel_queue import ChannelQueue
from alerts.envelope import to_cloudevent
from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.outbox import Outbox
from alerts.stream import DEAD_KEY, STREAM_KEY
from kakou.settings import Settings
from kakou.watch.centre import BoxLook, certificate_check, delivery_check
from kakou.watch.checks import Check
from kakou.watch.watch import VERSION
from tests.alerts_kit import NOON, event
from tests.notice_machine import Machine


@pytest.fixture
def machine(tmp_path: Path, redis_url: str, redis_client: "redis.Redis") -> Iterator[Machine]:
    with Outbox(tmp_path / "outbox.sqlite", reserve_bytes=1 << 20) as outbox:
        yield Machine(tmp_path, redis_url, redis_client, outbox)


def test_a_box_that_falls_silent_is_lost_until_it_is_heard(machine: Machine):
    board = NoticeBoard(machine.client)
    box = NoticeReport(origin="box:kk09", place="北门卡口", version=VERSION, reported_at=NOON)
    machine.checks[:] = [Check(BoxLook.NOTICES, BoxLook(board, 15.0, frozenset({"北门卡口"}), machine.monotonic).look)]
    machine.origin = machine.watch.keeper.origin = "centre:a"

    def speaks() -> None:
        board.report(box.model_copy(update={"reported_at": machine.now()}))

    machine.wait(tick=speaks)
    assert machine.watch.keeper.active == ()
    lost = machine.begins("box_lost")
    assert (lost.subject, lost.checkpoint) == ("kk09", "北门卡口")
    machine.client.delete("notices:box:kk09")
    machine.wait()
    assert machine.watch.keeper.active  # a report that has expired ends nothing
    machine.ends("box_lost", tick=speaks)
    board.report(box.model_copy(update={"version": "9.9.9", "reported_at": machine.now()}))


def test_dead_letters_failing_channels_and_a_delivery_that_does_not_run_are_said(machine: Machine):
    channel = {"name": "platform", "kind": "file", "path": str(machine.folder / "out")}
    settings = Settings.model_validate({"state_dir": machine.folder, "alerts": {"channel": [channel]}})
    machine.checks[:] = [delivery_check(machine.client, settings)]
    machine.begins("deliver_stopped")
    with (machine.folder / "deliver.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        machine.ends("deliver_stopped")
        machine.client.xadd(DEAD_KEY, {"group": "channel:platform", "reason": "given up"})
        assert machine.begins("dead_letters").detail == "1 条"
        machine.client.delete(DEAD_KEY)
        machine.ends("dead_letters")
        queue = ChannelQueue(machine.client, "platform", "a")
        queue.take(1, 0, 0)
        machine.client.xadd(STREAM_KEY, {"event_id": event().event_id, "event": to_cloudevent(event())})
        [waiting] = queue.take(1, 0, 0)
        queue.postpone(waiting, 10, 5, "HTTP 500")
        assert machine.begins("channel_failing").detail == "HTTP 500"
        queue.done([waiting], 20)
        machine.ends("channel_failing")


def test_a_certificate_that_is_about_to_end_is_said(machine: Machine):
    path = machine.folder / "console.pem"
    write_certificate(path, NOON + timedelta(days=5, hours=1))
    machine.checks[:] = [certificate_check([path], 14, machine.now)]
    said = machine.begins("certificate_ending")
    assert (said.subject, said.detail) == ("console.pem", "剩余 5 天")
    write_certificate(path, NOON + timedelta(days=365))
    machine.ends("certificate_ending")


def write_certificate(path: Path, until: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "console.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOON - timedelta(days=1), until)
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
