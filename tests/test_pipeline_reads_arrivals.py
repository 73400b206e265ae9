"""What cameras say and what we read in their pictures becomes one passage, decided like any other."""

import contextlib
import os
import resource
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ocr.hypotheses import PlateHypothesis
from ocr.types import BgrImage, BoundingBox, PlateDistribution, PlateRead
from ocr.wrong_length import match_hypotheses
from pipeline.walk import deciding
from tests.arrivals_kit import LISTED, OTHER, PLATE_BOX, Lane, Scripted, read_of
from tests.pipeline_kit import NOON, ListedPlates
from tests.plates import make_distribution, make_read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_a_listed_vehicle_is_flagged_at_once_and_counted_once(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    lane.send(read_of())
    [passage] = lane.decided()
    assert (passage.outcome, passage.camera_id) == ("flagged", "front")
    assert lane.decided(after_s=10) == []
    assert (lane.counts.flagged, lane.counts.clear, len(lane.events.events)) == (1, 0, 1)
    assert lane.journal.waiting_count() == 0


def test_a_clear_vehicle_is_counted_once_when_nothing_more_can_come(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    lane.send(read_of(OTHER))
    assert lane.decided() == []
    assert lane.journal.waiting_count() == 1, "until it is decided it is on disk"
    [passage] = lane.decided(after_s=10)
    assert passage.outcome == "clear"
    assert lane.journal.waiting_count() == 0


def test_front_and_rear_camera_of_a_lane_see_one_passage(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    lane.send(read_of(OTHER), "front")
    lane.send(read_of("鲁B67898", captured_at=NOON + timedelta(seconds=1)), "rear")
    assert len(lane.decided() + lane.decided(after_s=10)) == 1
    lane.send(read_of(OTHER, captured_at=NOON + timedelta(seconds=60)), "rear")
    assert len(lane.decided() + lane.decided(after_s=10)) == 1


def test_two_vehicles_of_a_fleet_that_follow_each_other_are_two(folder: Path):
    lane = Lane(folder, ListedPlates())
    lane.send(read_of("鲁B67890", char_scores=(0.99,) * 7), "front")
    lane.send(read_of("鲁B67891", char_scores=(0.99,) * 7, captured_at=NOON + timedelta(seconds=1)), "front")
    assert len(lane.decided() + lane.decided(after_s=10)) == 2


def test_a_passage_that_is_told_in_steps_is_one_and_its_last_text_counts(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    for index, (stage, text) in enumerate([("new", "鲁B12"), ("update", "鲁B1Z945"), ("lost", LISTED)]):
        lane.send(read_of(text, passage_id="102", stage=stage, message_id=f"{index}"))
    passages = lane.decided() + lane.decided(after_s=40)
    assert [(passage.outcome, passage.best.text) for passage in passages] == [("flagged", LISTED)]


def test_what_the_camera_misreads_and_our_own_reader_does_not_is_found(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED), own=[make_read(LISTED, PLATE_BOX)])
    lane.send(read_of("鲁B1Z345", score=0.8), scene=b"jpeg")
    [passage] = lane.decided()
    [event] = lane.events.events
    assert passage.outcome == "flagged"
    assert [(said.by, said.text) for said in event.readings] == [("camera", "鲁B1Z345"), ("kakou", LISTED)]
    assert passage.track.evidence.vehicle_picture is not None
    assert event.box == (300, 250, 380, 276)


def test_what_our_own_reader_misreads_and_the_camera_does_not_is_found(folder: Path):
    doubtful = make_distribution("鲁B1Z345", doubts={3: {"2": 0.4}})
    own = replace(make_read("鲁B1Z345", PLATE_BOX), distribution=doubtful)
    lane = Lane(folder, ListedPlates(LISTED), own=[own])
    lane.send(read_of(char_scores=(0.99,) * 7), scene=b"jpeg")
    assert [passage.outcome for passage in lane.decided()] == ["flagged"]


def test_another_vehicles_plate_in_the_picture_is_not_taken_for_this_ones(folder: Path):
    beside = make_read("京A88888", BoundingBox(0, 0, 90, 30), certainty=0.999)
    lane = Lane(folder, ListedPlates(LISTED), own=[beside])
    lane.send(read_of(), scene=b"jpeg")
    [passage] = lane.decided()
    assert passage.best.text == LISTED
    assert [reading.by for reading in passage.track.readings] == ["camera"]


def test_a_scene_is_not_shown_where_nobody_knows_what_to_blur(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    lane.send(read_of(), scene=b"jpeg")
    lane.send(read_of(LISTED, plate_box=(0.4, 0.7, 0.6, 0.76), captured_at=NOON + timedelta(60)), scene=b"jpeg")
    first, second = lane.decided()
    assert first.track.evidence.vehicle_picture is None
    assert second.track.evidence.vehicle_picture is not None


def test_a_read_that_cannot_be_read_back_is_an_unread_vehicle_of_its_device_and_holds_up_no_other(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    lane.send(read_of(OTHER), "front")
    lane.send(read_of(LISTED, captured_at=NOON + timedelta(seconds=60)), "rear")
    [segment] = (folder / "reads").glob("*.reads")
    content = bytearray(segment.read_bytes())
    content[60] ^= 1
    segment.write_bytes(content)
    assert [passage.outcome for passage in lane.decided() + lane.decided(after_s=60)] == ["flagged"]
    assert (lane.counts.unread, lane.counts.flagged, lane.journal.waiting_count()) == (1, 1, 0)
    assert lane.journal.lost_since(NOON) == {"front": 1}
    assert lane.decided() == [], "it does not come again"


def test_a_machine_that_is_short_of_files_loses_no_read(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    lane.send(read_of())
    limits, held = resource.getrlimit(resource.RLIMIT_NOFILE), os.open("/dev/null", os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (held, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            lane.decided()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        os.close(held)
    assert (lane.counts.unread, lane.journal.waiting_count(), lane.journal.lost_since(NOON)) == (0, 1, {})


def test_no_plate_is_no_passage_unless_we_read_one_in_the_picture(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    lane.send(read_of("", captured_at=NOON))
    assert lane.decided() + lane.decided(after_s=10) == []
    assert (lane.counts.unread, lane.journal.waiting_count()) == (1, 0)
    lane.reader.reads = [make_read(LISTED, PLATE_BOX)]
    lane.send(read_of("", captured_at=NOON + timedelta(minutes=1)), scene=b"jpeg")
    assert [passage.outcome for passage in lane.decided()] == ["flagged"]


def test_a_list_that_cannot_be_asked_leaves_the_passage_unchecked(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED, is_down=True))
    lane.send(read_of())
    assert [passage.outcome for passage in lane.decided() + lane.decided(after_s=10)] == ["unchecked"]
    assert len(lane.spool.passages) == 1


def test_what_was_sent_after_an_outage_says_so_in_its_event(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    lane.send(read_of(), is_late=True)
    lane.decided()
    assert [event.is_late for event in lane.events.events] == [True]


def test_what_waited_here_for_long_says_so_and_how_far_this_came_stands_in_the_journal(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED))
    for moment, waited in ((NOON, 30), (NOON + timedelta(minutes=5), 90)):
        lane.now = moment + timedelta(seconds=waited)
        lane.send(read_of(captured_at=moment))
        assert lane.journal.oldest_untaken() == moment
        lane.decided(after_s=10)
        lane.arrivals.note_progress()
        assert lane.journal.oldest_untaken() is None
    assert [event.is_late for event in lane.events.events] == [False, True]


def test_a_picture_that_breaks_the_reader_costs_the_picture_and_not_the_vehicle(folder: Path):
    class Broken(Scripted):
        def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
            raise ValueError(f"cannot read {image.shape}")

    lane = Lane(folder, ListedPlates(LISTED), reader=Broken())
    lane.send(read_of(), scene=b"jpeg")
    lane.send(read_of(OTHER, captured_at=NOON + timedelta(minutes=1)), scene=b"jpeg")
    passages = lane.decided() + lane.decided(after_s=10)
    assert [passage.outcome for passage in passages] == ["flagged", "clear"]
    assert lane.journal.waiting_count() == 0


def test_a_process_that_dies_decides_again_what_it_had_not_done_with(folder: Path):
    first = Lane(folder, ListedPlates(LISTED))
    first.send(read_of())
    first.decided()
    first.journal.close()
    again = Lane(folder, ListedPlates(LISTED))
    again.decided()
    assert [event.event_id for event in again.events.events] == [event.event_id for event in first.events.events]


def test_while_many_wait_only_pictures_that_matter_are_read(folder: Path):
    lane = Lane(folder, ListedPlates(LISTED), own=[make_read(LISTED, PLATE_BOX)], picture_backlog=5)
    sure = {"char_scores": (0.99,) * 7, "score": 0.99}
    for index in range(40):
        lane.send(read_of(f"鲁B{70000 + index}", captured_at=NOON + timedelta(minutes=index), **sure), scene=b"jpeg")
    lane.send(read_of(LISTED, captured_at=NOON + timedelta(hours=2), **sure), scene=b"jpeg")
    passages = lane.decided() + lane.decided(after_s=10)
    assert len(passages) == 41
    assert lane.reader.asked < 20
    assert [passage.track.evidence.vehicle_picture is not None for passage in passages if passage.event] == [True]


def test_what_a_text_may_mean_is_worked_out_once_for_a_vehicle_that_nothing_is_added_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []

    def counted(distribution: PlateDistribution, count: int) -> list[PlateHypothesis]:
        asked.append(1)
        return match_hypotheses(distribution, count)

    monkeypatch.setattr(deciding, "match_hypotheses", counted)
    lane = Lane(folder, ListedPlates(LISTED), picture_backlog=0)
    for index in range(32):
        sure = {"char_scores": (0.99,) * 7, "captured_at": NOON + timedelta(minutes=index)}
        lane.send(read_of(f"鲁B{70000 + index}", **sure), scene=b"jpeg")
    lane.send(read_of(captured_at=NOON + timedelta(hours=2)))
    outcomes = [passage.outcome for passage in lane.decided() + lane.decided(after_s=10)]
    assert (outcomes.count("clear"), outcomes.count("flagged"), len(asked), lane.reader.asked) == (32, 1, 33, 0)


def test_a_journal_is_private(folder: Path):
    lane = Lane(folder, ListedPlates())
    lane.send(read_of(), scene="鲁B12345".encode())
    with contextlib.closing(lane.journal):
        assert not any("鲁B12345".encode() in path.read_bytes() for path in (folder / "reads").iterdir())
        assert all(path.stat().st_mode & 0o077 == 0 for path in (folder / "reads").iterdir())
