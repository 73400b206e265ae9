"""What could not be checked waits on the disk, is checked again once the list can be asked, and is deleted then."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.types import FrameReads, Passage
from pipeline.walk.recheck import recheck
from pipeline.walk.spool import Spool
from tests.pipeline_kit import (
    NOON,
    KeptEvents,
    KeptPassages,
    ListedPlates,
    box_at,
    frames_of,
    make_screening,
    make_spool,
    passages_of,
    passing,
    screened,
)
from tests.plates import make_read


def test_the_spool_holds_no_plate_in_the_clear_and_is_rechecked_when_the_list_is_back(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    risk_list = ListedPlates("京A12345", is_down=True)
    outbox = KeptEvents()
    screening = make_screening(risk_list, outbox, spool)
    passages_of([*passing("京A12345"), *[[]] * 20, *passing("沪B67890")], screening)
    assert spool.waiting() == 2
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "京A12345".encode() not in stored
    assert b"A12345" not in stored

    assert recheck(spool, risk_list, screening.flagging).waiting == 2
    risk_list.is_down = False
    result = recheck(spool, risk_list, screening.flagging)
    assert (result.clear, result.flagged, result.waiting) == (1, 1, 0)
    assert [event.text for event in outbox.events] == ["京A12345"]


def test_a_rechecked_event_is_the_one_that_would_have_been_flagged_at_once(tmp_path: Path) -> None:
    at_once, later = KeptEvents(), KeptEvents()
    passages_of(passing("京A12345"), make_screening(ListedPlates("京A12345"), at_once))
    spool = make_spool(tmp_path)
    passages_of(passing("京A12345"), make_screening(ListedPlates(is_down=True), later, spool))
    recheck(spool, ListedPlates("京A12345"), make_screening(ListedPlates(), later).flagging)
    assert [event.event_id for event in later.events] == [event.event_id for event in at_once.events]


def test_unchecked_passages_are_deleted_after_a_day(tmp_path: Path) -> None:
    clock = [NOON]
    spool = make_spool(tmp_path, lambda: clock[0])
    passages_of(passing("京A12345"), make_screening(ListedPlates(is_down=True), KeptEvents(), spool))
    clock[0] = NOON.replace(day=25, minute=1)
    result = recheck(spool, ListedPlates("京A12345"), make_screening(ListedPlates(), KeptEvents()).flagging)
    assert (result.expired, result.flagged, result.waiting) == (1, 0, 0)
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".unchecked"] == []


def test_a_damaged_spool_file_does_not_stop_the_others(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    passages_of(passing("京A12345"), make_screening(ListedPlates(is_down=True), KeptEvents(), spool))
    (tmp_path / "spool" / "20261124T030000000000-x.unchecked").write_bytes(b"not a token")
    result = recheck(spool, ListedPlates(), make_screening(ListedPlates(), KeptEvents()).flagging)
    assert (result.clear, result.waiting) == (1, 0)


def test_a_vehicle_in_view_that_could_not_be_checked_waits_on_the_disk_already(tmp_path: Path) -> None:
    """A box that is killed while it stands there asks about it when it is up again."""
    risk_list, outbox, spool = ListedPlates("京A12345", is_down=True), KeptEvents(), make_spool(tmp_path)
    walk = screened(stand_while(spool), make_screening(risk_list, outbox, spool))
    assert [passage.outcome for passage in walk] == ["unchecked"]
    assert spool.waiting() == 1
    risk_list.is_down = False
    result = recheck(spool, risk_list, make_screening(risk_list, outbox).flagging)
    assert (result.flagged, len(outbox.events)) == (1, 1)


def stand_while(spool: Spool) -> Iterator[FrameReads]:
    """Let a vehicle stand until it is on the disk, once, and look at the disk after every frame."""
    counts = []
    for reads in frames_of([[make_read("京A12345", box_at(200, 200))]] * 40):
        yield reads
        counts.append(spool.waiting())
    assert (max(counts), counts[-1]) == (1, 1)


@pytest.mark.parametrize("listed", [(), ("京A12345",)])
def test_what_waits_of_a_vehicle_in_view_is_gone_once_the_list_can_be_asked(
    tmp_path: Path, listed: tuple[str, ...]
) -> None:
    risk_list, outbox, spool = ListedPlates(*listed, is_down=True), KeptEvents(), make_spool(tmp_path)

    def stand_and_recover() -> Iterator[FrameReads]:
        yield from stand_while(spool)
        risk_list.is_down = False

    [passage] = screened(stand_and_recover(), make_screening(risk_list, outbox, spool))
    assert (passage.outcome, spool.waiting()) == ("flagged" if listed else "clear", 0)
    assert [*(tmp_path / "spool").iterdir()] == []


def test_a_disk_that_fills_while_a_vehicle_stands_costs_not_what_waits_of_it() -> None:
    class FullLater(KeptPassages):
        def keep(self, passage: Passage) -> Path:
            if self.passages:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().keep(passage)

    spool = FullLater()
    standing = frames_of([[make_read("京A12345", box_at(200, 200))]] * 40)
    walk = screened(standing, make_screening(ListedPlates(is_down=True), KeptEvents(), spool))
    assert [passage.outcome for passage in walk] == ["unchecked"]
    assert len(spool.passages) == 1
