"""A vehicle that stands at the barrier is decided before those that have long gone, however many of them wait."""

import itertools
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline.reads.cipher import Seal
from tests.arrivals_kit import LISTED, OTHER, Lane, read_of
from tests.pipeline_kit import NOON, ListedPlates

MANY = 400


def send_many(lane: Lane, newest: datetime, count: int, *, is_late: bool = False) -> None:
    """Send reads of as many vehicles, a millisecond apart."""
    for number in range(count):
        at = newest - timedelta(milliseconds=count - number)
        read = read_of(f"鲁B{70000 + number}", captured_at=at, char_scores=(0.99,) * 7)
        lane.send(read, is_late=is_late)


def until_flagged(lane: Lane) -> None:
    while not any(passage.outcome == "flagged" for passage in lane.arrivals.step(lane.now_s)[1]):
        assert lane.journal.waits_more(0, 0), "it was never flagged"


@pytest.mark.parametrize(
    ("waited", "is_late"),
    [
        (timedelta(), True),
        pytest.param(timedelta(hours=1), False, marks=pytest.mark.long),
        (timedelta(seconds=20), False),
    ],
    ids=["a camera sends what it could not send", "the box was down", "more comes than is decided"],
)
def test_a_fresh_flagged_vehicle_does_not_wait_for_hundreds_that_have_gone_and_they_are_decided_after_it(
    tmp_path: Path, waited: timedelta, *, is_late: bool
):
    listed = ListedPlates(LISTED)
    lane = Lane(tmp_path, listed)
    send_many(lane, NOON - waited, MANY, is_late=is_late)
    lane.send(read_of(captured_at=NOON))
    until_flagged(lane)
    assert listed.asked <= 20, "in the same step a few others were looked at, behind it"
    lane.arrivals.note_progress()
    untaken = lane.journal.oldest_untaken()
    assert untaken is not None
    assert untaken <= NOON - waited - timedelta(milliseconds=MANY - 20), "a watch sees what waits"
    lane.decided()
    lane.decided(after_s=10)
    lane.arrivals.note_progress()
    assert (lane.counts.flagged, lane.counts.clear, lane.journal.waiting_count()) == (1, MANY, 0)
    assert lane.journal.oldest_untaken() is None


def test_a_fresh_vehicle_waits_for_none_of_those_that_have_gone_to_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As after a restart while tens of thousands wait."""
    lane = Lane(tmp_path, ListedPlates(LISTED))
    send_many(lane, NOON - timedelta(hours=1), MANY)
    lane.send(read_of(captured_at=NOON))
    opened = itertools.count()
    whole = Seal.open

    def counted(seal: Seal, content: bytes, bound_to: bytes) -> bytes:
        next(opened)
        return whole(seal, content, bound_to)

    monkeypatch.setattr(Seal, "open", counted)
    until_flagged(lane)
    assert next(opened) <= 60, "the first handful tells that there is something to catch up with"
    lane.decided()
    lane.decided(after_s=10)
    assert (lane.counts.flagged, lane.counts.clear, lane.journal.waiting_count()) == (1, MANY, 0)


def test_reads_that_have_waited_for_a_few_seconds_alone_are_decided_in_their_order(tmp_path: Path):
    lane = Lane(tmp_path, listed := ListedPlates(LISTED))
    send_many(lane, NOON - timedelta(seconds=3), 100)
    lane.send(read_of(captured_at=NOON))
    until_flagged(lane)
    assert listed.asked > 100


def test_where_more_comes_than_is_decided_the_newest_come_first_and_not_each_as_late_as_may_be(tmp_path: Path):
    lane = Lane(tmp_path, ListedPlates(LISTED, OTHER))
    send_many(lane, NOON - timedelta(seconds=8), 64)
    lane.send(read_of(OTHER, captured_at=NOON - timedelta(seconds=4)))
    send_many(lane, NOON - timedelta(seconds=3), 64)
    lane.send(read_of(captured_at=NOON - timedelta(seconds=0.5)))
    send_many(lane, NOON, 64)
    flagged = [passage.best.text for passage in lane.decided() if passage.outcome == "flagged"]
    assert flagged == [LISTED, OTHER]
