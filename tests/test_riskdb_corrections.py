"""A vehicle that was taken off the list is seen to be so, and comes back; a row that lists nobody is said to be one."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from riskdb.record.coverage import ListsNobody
from riskdb.record.importing import JudgedRow, RowOutcome
from riskdb.record.judging import TravelRow
from riskdb.record.record import RiskRecord
from riskdb.record.removals import removals_of
from riskdb.record.rotation import rotate_key
from riskdb.types import RiskRequestError
from tests.riskdb_kit import HUANGDAO, NOON, RiskRig, make_older, risk_rig, row

PLATE = "粤B82500"
START = NOON - timedelta(days=2)
STAY = row(PLATE, HUANGDAO, START, NOON)


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.declared()
        made.imported([STAY])
        yield made


def remove(rig: RiskRig) -> None:
    assert rig.keeper.remove(PLATE, actor="steward", reason="wrong plate")[0]


def restore(rig: RiskRig, since: float = 0.0) -> int:
    return rig.keeper.restore(PLATE, since, actor="chief", reason="was right")[0]


def judged_alone(rig: RiskRig, row: TravelRow) -> JudgedRow:
    (judged,) = rig.imported([row])[1]
    return judged


def test_a_removal_is_shown_with_who_and_why_and_taken_back(rig: RiskRig):
    remove(rig)
    shown = rig.keeper.show(PLATE, actor="officer", reason="asked")
    assert shown.reasons == ()
    (removal,) = shown.removals
    assert (removal.removed_by, removal.removed_for, removal.stays) == ("steward", "wrong plate", 1)
    assert removal.restored_at is None
    assert restore(rig) == 1
    assert rig.is_listed(PLATE)
    shown = rig.keeper.show(PLATE, actor="officer", reason="asked")
    assert len(shown.reasons) == 1
    assert (shown.removals[0].restored_by, shown.removals[0].restored_for) == ("chief", "was right")
    assert restore(rig) == 0


def test_a_removal_older_than_asked_stays(rig: RiskRig):
    remove(rig)
    assert restore(rig, rig.clock() + 1) == 0
    assert not rig.is_listed(PLATE)
    assert restore(rig, rig.clock()) == 1


def test_the_same_stay_from_another_office_is_not_a_silent_duplicate_after_a_removal(rig: RiskRig):
    remove(rig)
    again = judged_alone(rig, STAY._replace(source="另一单位"))
    assert again.outcome is RowOutcome.REMOVED
    assert "已更正移除" in again.detail
    assert not rig.is_listed(PLATE)
    restore(rig)
    assert judged_alone(rig, STAY).outcome is RowOutcome.DUPLICATE


def test_a_new_stay_of_a_removed_vehicle_lists_it_and_says_that_it_was_removed(rig: RiskRig):
    remove(rig)
    new = judged_alone(rig, row(PLATE, HUANGDAO, START + timedelta(hours=3), NOON))
    assert new.outcome is RowOutcome.ACCEPTED
    assert "以前的行程曾更正移除" in new.detail
    assert rig.is_listed(PLATE)


def test_an_import_that_was_taken_back_does_not_come_back_with_a_restored_vehicle(rig: RiskRig):
    remove(rig)
    (entry,) = rig.keeper.imports()
    rig.keeper.take_back(entry.number, actor="tester", reason="wrong file")
    assert restore(rig) == 0
    judged_alone(rig, STAY)
    other = row("粤B82501", HUANGDAO, START, NOON)
    rig.imported([STAY, other])
    assert restore(rig) == 1
    assert rig.is_listed(PLATE)


def test_a_past_list_knows_what_was_out_then_and_is_back_now(rig: RiskRig):
    moments = []
    for act in (lambda: None, lambda: remove(rig), lambda: restore(rig)):
        act()
        rig.clock.forward(hours=1)
        moments.append(rig.clock.now)
        rig.clock.forward(hours=1)
    listed = [bool(rig.keeper.list_at(at).reasons_of([("02", PLATE)], at).reasons[0]) for at in moments]
    assert listed == [True, False, True]


def test_a_removal_outlives_a_new_key_and_goes_with_the_stays(rig: RiskRig):
    remove(rig)
    rotate_key(rig.record, rig.key_path)
    assert rig.keeper.show(PLATE, actor="officer", reason="asked").removals
    rig.clock.forward(days=40)
    rig.tender.tick()
    assert rig.record.connection.execute("SELECT COUNT(*) FROM removal").fetchone() == (0,)


def test_a_removal_of_an_earlier_version_can_be_restored(rig: RiskRig, tmp_path: Path):
    remove(rig)
    with sqlite3.connect(tmp_path / "old.sqlite") as old:
        rig.record.connection.backup(old)
        make_older(old, 2)
    old.close()
    with RiskRecord(tmp_path / "old.sqlite") as record:
        (digest,) = record.connection.execute("SELECT digest FROM visit").fetchone()
        (removal,) = removals_of(record.connection, [digest])
        assert (removal.stays, removal.removed_by, removal.restored_at) == (1, "", None)


@pytest.mark.parametrize(
    ("area", "days_ago", "why"),
    [
        (HUANGDAO, 2, None),
        ("370211010000", 2, None),
        ("370203", 2, ListsNobody.UNDECLARED),
        ("370298", 2, ListsNobody.UNKNOWN_AREA),
        ("370211998000", 2, None),
        ("370203998", 2, ListsNobody.UNKNOWN_AREA),
        ("370200", 2, ListsNobody.COARSER),
        ("370000", 2, ListsNobody.COARSER),
        ("320505", 2, ListsNobody.OTHER_DAYS),
    ],
)
def test_a_row_that_lists_nobody_says_why(rig: RiskRig, area: str, days_ago: float, why: ListsNobody | None):
    rig.declared("320505", valid_from=NOON - timedelta(hours=30))
    result, (judged,) = rig.imported(
        [row("粤B82509", area, NOON - timedelta(days=days_ago), NOON - timedelta(hours=40))]
    )
    assert judged.outcome is RowOutcome.ACCEPTED
    assert judged.lists_nobody is why
    assert rig.is_listed("粤B82509") is (why is None)
    assert sum(result.nobody.values()) == (why is not None)


def test_a_lifted_area_lists_nobody(rig: RiskRig):
    rig.keeper.lift(HUANGDAO)
    assert judged_alone(rig, row("粤B82509", HUANGDAO, START, NOON)).lists_nobody is ListsNobody.UNDECLARED


def test_the_list_of_a_moment_whose_stays_are_deleted_is_refused(rig: RiskRig):
    rig.clock.forward(days=36)
    rig.travelled("粤B82501")
    rig.tender.tick()
    with pytest.raises(RiskRequestError, match="不完整"):
        rig.keeper.list_at(NOON)
    kept_since = int(rig.record.state("purged_before"))
    assert len(rig.keeper.entries_at(rig.clock())) == 1
    rig.keeper.entries_at(kept_since + rig.keeper.rule.lookback_s)
    with pytest.raises(RiskRequestError):
        rig.keeper.entries_at(kept_since + rig.keeper.rule.lookback_s - 1)
