"""The notices of cameras that send reads, caused by what they post, or do not, to a real endpoint."""

# ruff: noqa: F811  fixtures of another file are used by their names

import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from kakou.settings import Settings
from kakou.watch.checks import Check
from kakou.watch.devices import LOST_TOLD, MAX_LAG, MAX_WAITING, NOTICES, RECENT, DeviceLook
from kakou.wiring.reads import open_journal, reads_folder
from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.synthetic import Said, hikvision
from tests.notice_machine import Machine
from tests.reads_kit import Box, reads_settings, serving
from tests.test_kakou_notices import machine  # noqa: F401  a fixture is used by its name


@pytest.fixture
def settings(machine: Machine) -> Settings:
    """One camera that has just sent a read, and nothing amiss."""
    settings = reads_settings(machine.folder)
    started = datetime.now(UTC)
    looks = DeviceLook(settings, lambda: started + timedelta(seconds=machine.seconds))
    machine.checks[:] = [Check(NOTICES, looks.look)]
    with serving(settings) as box:
        sends(box, datetime.now(UTC))
    with contextlib.closing(open_journal(settings)) as journal:
        journal.note_taken(journal.waiting(0, 1)[0].seq)
    machine.wait()
    assert machine.watch.keeper.active == ()
    return settings


def sends(box: Box, at: datetime) -> None:
    assert box.send(hikvision(Said(at=at))).status == 200


def test_a_camera_that_sends_nothing_for_hours_is_silent_until_it_sends(machine: Machine, settings: Settings):
    machine.seconds += settings.reads.silent_after_h * 3600.0
    machine.wait(300.0)
    assert machine.begins("device_silent").checkpoint == "东门卡口"
    with contextlib.closing(open_journal(settings)) as journal:
        said = journal.said_of_devices()["K01"]
    machine.seconds = 0.0
    with serving(settings) as box:
        sends(box, datetime.now(UTC))
        assert box.report().last_message_at is not None
    with contextlib.closing(open_journal(settings)) as journal:
        assert journal.said_of_devices()["K01"] != said
    machine.ends("device_silent")


def test_a_camera_whose_secret_is_wrong_is_refused_for_a_while(machine: Machine, settings: Settings):
    with serving(settings) as box:
        assert box.send(hikvision(Said()), secret="wrong").status in (401, 403, 404)
    assert machine.begins("device_refused").subject == "K01"
    machine.seconds += RECENT.total_seconds()
    machine.ends("device_refused")


def test_a_camera_whose_clock_is_away_is_said_until_it_is_right(machine: Machine, settings: Settings):
    with serving(settings) as box:
        for _ in range(2):
            sends(box, datetime.now(UTC) + timedelta(hours=1))
    assert machine.begins("device_clock").detail == "快"
    with serving(settings) as box:
        for _ in range(2):
            sends(box, datetime.now(UTC))
    machine.ends("device_clock")


def test_a_message_that_nobody_understands_is_said_for_a_while(machine: Machine, settings: Settings):
    with serving(settings) as box:
        box.post(f"/reads/K01/{(machine.folder / 'secret').read_text()}", b"?")
    machine.begins("reads_unreadable")
    machine.seconds += RECENT.total_seconds()
    machine.ends("reads_unreadable")


def test_reads_that_wait_or_are_lost_are_said(machine: Machine, settings: Settings):
    moment = datetime.now(UTC)
    with contextlib.closing(open_journal(settings)) as journal:
        journal.keep(journal.sealed([arrival(moment, number) for number in range(MAX_WAITING + 1)]), 0.0)
        machine.begins("reads_waiting")
        waiting = [each.seq for each in journal.waiting(0, 1000)]
        journal.done(waiting[1:])
        journal.note_taken(waiting[-1])
        machine.ends("reads_waiting")
        for segment in reads_folder(settings).glob("*.reads"):
            segment.write_bytes(bytes(segment.stat().st_size))
        [damaged] = journal.waiting(0, 1000)
        assert damaged.arrival is None
        journal.lost(damaged.seq, moment)
        assert machine.begins("reads_lost").detail == "1 条"
        machine.seconds += LOST_TOLD.total_seconds()
        machine.ends("reads_lost")


def test_one_read_that_nobody_decides_for_some_seconds_is_said_and_one_whose_passage_goes_on_is_not(
    machine: Machine, settings: Settings
):
    moment = datetime.now(UTC) + timedelta(seconds=machine.seconds + 600)
    with contextlib.closing(open_journal(settings)) as journal:
        journal.keep(journal.sealed([arrival(moment, 1)]), 0.0)
        machine.wait()
        assert machine.watch.keeper.active == ()
        machine.seconds += 600 + MAX_LAG.total_seconds()
        machine.begins("reads_waiting")
        journal.note_taken(max(each.seq for each in journal.waiting(0, 9)))
        machine.ends("reads_waiting")
        journal.keep(journal.sealed([arrival(moment, 2)]), 0.0)
        machine.begins("reads_waiting")


def arrival(moment: datetime, number: int) -> Arrival:
    text = f"测A{number:05}"
    read = CameraRead(text=text, raw_text=text, captured_at=moment, message_id=str(number))
    return Arrival("K01", moment, moment, False, SentRead(read, b"", b""))
