"""Who is listed, since when, until when, and who sees it."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from riskdb.hotset.publish import Standing
from riskdb.hotset.tending import tend
from riskdb.settings import RiskSettings
from tests.riskdb_kit import HUANGDAO, NOON, Guess, RiskRig, risk_rig, row


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        yield made


def test_a_stay_in_a_declared_area_lists_the_vehicle(rig: RiskRig):
    rig.travelled("粤B82500")
    rig.declared()
    (reason,) = rig.reasons("粤B82500")
    assert (reason.area, reason.level, reason.source) == (HUANGDAO, "high", "流调")
    assert reason.visited_from == NOON - timedelta(days=2)
    assert not rig.is_listed("粤B82501")


def test_a_declaration_and_its_lifting_change_the_list_without_an_import(rig: RiskRig):
    rig.travelled("粤B82500")
    assert not rig.is_listed("粤B82500")
    rig.declared()
    assert rig.is_listed("粤B82500")
    rig.keeper.lift(HUANGDAO)
    assert not rig.is_listed("粤B82500")


def test_an_entry_does_not_match_from_its_expiry_second_on(rig: RiskRig):
    rig.travelled("粤B82500", days_ago=2, hours=5)
    rig.declared()
    end = NOON - timedelta(days=2) + timedelta(hours=5) + timedelta(days=14)
    rig.clock.now = end - timedelta(seconds=1)
    rig.tender.tick()
    hot_set = rig.hot_set()
    assert hot_set.reasons_of([("02", "粤B82500")], rig.clock.now).reasons[0]
    rig.clock.now = end
    assert not hot_set.reasons_of([("02", "粤B82500")], end).reasons[0]


def test_no_entry_outlives_the_expiry_after_its_receipt(tmp_path: Path, redis_url: str):
    with risk_rig(tmp_path, redis_url, RiskSettings(lookback_days=3, expiry_days=3)) as rig:
        rig.travelled("粤B82500", days_ago=0.5, hours=24)  # stays on until tonight
        rig.declared()
        assert rig.reasons("粤B82500")[0].expires_at == NOON + timedelta(days=3)


def test_settings_refuse_an_expiry_that_would_cut_the_lookback_short():
    with pytest.raises(ValueError, match="expiry_days（14）小于 lookback_days（21）"):
        RiskSettings(lookback_days=21)


def test_settings_refuse_a_longer_expiry_than_28_days():
    with pytest.raises(ValueError, match="expiry_days"):
        RiskSettings(expiry_days=29)


def test_a_stay_before_the_declared_window_does_not_count(rig: RiskRig):
    rig.travelled("粤B82500", days_ago=5, hours=5)
    rig.declared(valid_from=NOON - timedelta(days=1))
    assert not rig.is_listed("粤B82500")


def test_a_window_that_ran_out_goes_on_counting_for_the_stays_inside_it(rig: RiskRig):
    rig.travelled("粤B82500", days_ago=5, hours=5)
    rig.declared(valid_from=NOON - timedelta(days=6), valid_until=NOON - timedelta(days=1))
    assert rig.is_listed("粤B82500")


@pytest.mark.parametrize("area", ["370211", "370211010", "370211010001", "37021101000102", "3702110100010203"])
def test_a_declared_city_covers_all_its_parts(rig: RiskRig, area: str):
    rig.travelled("粤B82500", area=area)
    rig.declared("370200")
    assert rig.is_listed("粤B82500")


def test_a_declared_street_does_not_cover_its_neighbours_or_the_county_as_a_whole(rig: RiskRig):
    rig.travelled("粤B82500", area="370211011")
    rig.travelled("粤B82501", area="370211")
    rig.declared("370211010000")
    assert not rig.is_listed("粤B82500")
    assert not rig.is_listed("粤B82501")


def test_only_the_levels_of_the_settings_list_a_vehicle(tmp_path: Path, redis_url: str):
    with risk_rig(tmp_path, redis_url, RiskSettings(levels=("high",))) as rig:
        rig.travelled("粤B82500")
        rig.declared(level="medium")
        assert not rig.is_listed("粤B82500")


def test_a_record_without_a_class_matches_every_class_and_one_with_a_class_only_its_own(rig: RiskRig):
    start = NOON - timedelta(days=2)
    rig.imported(
        [
            row("粤B82500", HUANGDAO, start, start),
            row("粤B82501", HUANGDAO, start, start, plate_class="01"),
        ]
    )
    rig.declared()
    assert rig.is_listed("粤B82500", "01")
    assert rig.is_listed("粤B82500", "02")
    assert rig.is_listed("粤B82501", "01")
    assert not rig.is_listed("粤B82501", "02")


def test_a_correction_takes_the_vehicle_off_and_the_same_file_does_not_bring_it_back(rig: RiskRig):
    rig.travelled("粤B82500")
    rig.declared()
    rig.keeper.remove("粤b·82500", actor="steward", reason="wrong plate")
    assert not rig.is_listed("粤B82500")
    rig.travelled("粤B82500")
    assert not rig.is_listed("粤B82500")


def test_a_later_journey_lists_a_corrected_vehicle_again(rig: RiskRig):
    rig.travelled("粤B82500")
    rig.declared()
    rig.keeper.remove("粤B82500", actor="steward", reason="wrong plate")
    rig.travelled("粤B82500", days_ago=1)
    assert rig.is_listed("粤B82500")


def test_looking_at_an_entry_needs_a_reason_and_leaves_a_trace(rig: RiskRig):
    with pytest.raises(ValueError, match="reason"):
        rig.keeper.show("粤B82500", actor="officer", reason=" ")
    rig.keeper.show("粤B82500", actor="officer", reason="case 7")
    traces = rig.record.connection.execute("SELECT actor, action, reason FROM access").fetchall()
    assert traces == [("officer", "show", "case 7")]


def test_a_declaration_begins_at_its_time_without_anybody_acting(rig: RiskRig):
    rig.travelled("粤B82500", days_ago=0.01, hours=0.1)
    tender = rig.tender
    rig.declared(valid_from=NOON + timedelta(minutes=1))
    rig.clock.forward(minutes=2)
    start = rig.clock.now - timedelta(seconds=30)
    rig.imported([row("粤B82501", HUANGDAO, start, rig.clock.now)])
    tender.tick()
    assert rig.is_listed("粤B82501")
    assert not rig.is_listed("粤B82500")


def test_a_declaration_that_began_while_nobody_tended_the_list_begins_at_the_next_start(rig: RiskRig):
    rig.imported([row("粤B82500", HUANGDAO, NOON - timedelta(hours=1), NOON)._replace(visited_until="2026-11-24")])
    rig.declared(valid_from=NOON + timedelta(minutes=1))
    rig.tender.tick()
    assert not rig.is_listed("粤B82500")
    rig.clock.forward(minutes=2)
    rig.publisher.beat()
    assert not rig.is_listed("粤B82500")
    rig.tender.tick()
    assert rig.is_listed("粤B82500")


def test_a_declaration_that_began_while_the_list_was_behind_begins_when_it_is_not(rig: RiskRig):
    rig.imported([row("粤B82500", HUANGDAO, NOON - timedelta(hours=1), NOON)._replace(visited_until="2026-11-24")])
    rig.declared(valid_from=NOON + timedelta(minutes=1))
    tender = rig.tender
    tender.tick()
    rig.clock.forward(minutes=2)
    change = rig.record.change()
    rig.record.set_state("change", str(change + 1))  # a command has written, and is about to publish
    tender.tick()
    rig.record.set_state("published", str(change + 1))
    tender.tick()
    assert rig.is_listed("粤B82500")


def test_a_disk_that_fails_for_a_while_does_not_end_the_tender(rig: RiskRig):
    rig.declared()
    tender, stop, told = rig.tender, threading.Event(), list[Exception]()

    def on_error(error: Exception) -> None:
        told.append(error)
        rig.record.connection.execute("ALTER TABLE elsewhere RENAME TO state")
        stop.set()

    rig.record.connection.execute("ALTER TABLE state RENAME TO elsewhere")
    tend(tender, 0.0, stop, on_error)
    assert len(told) == 1
    tend(tender, 0.0, stop, on_error)
    assert len(told) == 1


def test_the_tender_sweeps_expired_entries_out_of_redis_and_old_stays_out_of_the_record(rig: RiskRig):
    rig.travelled("粤B82500")
    rig.declared()
    tender = rig.tender
    rig.clock.forward(days=40)
    tender.tick()
    assert list(rig.store.members()) == []
    assert list(rig.store.why()) == []
    assert rig.record.count_visits() == (0, 0, 0)
    assert rig.publisher.standing() is Standing.CURRENT


@pytest.mark.parametrize(("days", "kept"), [(34, 1), (36, 0)])
def test_a_stay_is_kept_for_35_days_after_its_end_and_no_longer(rig: RiskRig, days: int, kept: int):
    rig.travelled("粤B82500")
    [visited_until] = rig.record.connection.execute("SELECT visited_until FROM visit").fetchone()
    rig.clock.forward(seconds=visited_until - NOON.timestamp() + days * 86_400)
    rig.tender.tick()
    assert rig.record.count_visits()[0] == kept


def test_the_tender_rebuilds_a_list_that_redis_lost_under_a_higher_version(rig: RiskRig):
    rig.travelled("粤B82500")
    rig.declared()
    version = rig.hot_set().state().version
    rig.store._link.ask(("FLUSHALL",))
    rig.tender.tick()
    assert rig.is_listed("粤B82500")
    assert rig.hot_set().state().version > version


def test_the_list_of_a_past_moment_knows_what_was_known_then(rig: RiskRig):
    rig.travelled("粤B82500")
    rig.declared()
    declared_at = rig.clock.now
    rig.clock.forward(days=1)
    rig.keeper.lift(HUANGDAO)
    rig.travelled("粤B82501")
    then = rig.keeper.list_at(declared_at + timedelta(minutes=1))
    plates = [("02", "粤B82500"), ("02", "粤B82501")]
    listed, not_yet = then.reasons_of(plates, declared_at + timedelta(minutes=1)).reasons
    assert listed
    assert not not_yet
    assert not rig.match(Guess("粤B82500"))


def test_a_small_change_and_a_rebuild_give_the_same_list(rig: RiskRig):
    plates = [f"粤B{number:05d}" for number in range(300)]
    rig.travelled(*plates)
    rig.declared()
    rig.keeper.remove(plates[0], actor="steward", reason="test")
    patched = (set(rig.store.members()), dict(rig.store.why()), rig.store.meta())
    rig.publisher.publish()
    rebuilt = (set(rig.store.members()), dict(rig.store.why()), rig.store.meta())
    assert patched[:2] == rebuilt[:2]
    assert patched[2] is not None
    assert rebuilt[2] is not None
    assert patched[2].checksum == rebuilt[2].checksum
    assert len(patched[0]) == 299
