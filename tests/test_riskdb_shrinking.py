"""No publication takes most of the list away unless something explains it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from riskdb.hotset.publish import Publisher
from riskdb.hotset.tending import ListTender
from riskdb.record.record import RiskRecord
from riskdb.record.rotation import own_key, rotate_key
from riskdb.rule import ListRule
from riskdb.types import RiskIntegrityError
from tests.riskdb_kit import RiskRig, risk_rig

PLATES = [f"粤B8{number:04d}" for number in range(30)]


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.travelled(*PLATES)
        made.declared()
        yield made


def _publisher(rig: RiskRig, record: RiskRecord | None = None) -> Publisher:
    return Publisher(record or rig.record, rig.store, ListRule.of(rig.settings), rig.clock, rig.settings.most_shrink)


def _tick(rig: RiskRig, times: int = 2) -> None:
    tender = ListTender(rig.record, _publisher(rig), rig.settings, rig.messages.append, rig.clock)
    for _ in range(times):
        tender.tick()


def test_a_new_record_does_not_replace_a_list(rig: RiskRig, tmp_path: Path):
    with RiskRecord(tmp_path / "new.sqlite") as new:
        own_key(new, rig.key_path)
        with pytest.raises(RiskIntegrityError, match="Redis 中的名单有 30 辆车，而"):
            _publisher(rig, new).publish()
    assert all(rig.is_listed(plate) for plate in PLATES)


def test_a_record_that_lost_most_of_its_stays_is_not_published(rig: RiskRig):
    _forget(rig, PLATES[:16])
    with pytest.raises(RiskIntegrityError, match="其中 16 辆在"):
        _tick(rig)
    assert all(rig.is_listed(plate) for plate in PLATES)


def test_a_record_that_lost_a_few_stays_is(rig: RiskRig):
    _forget(rig, PLATES[:14])
    _tick(rig)
    assert [plate for plate in PLATES if rig.is_listed(plate)] == PLATES[14:]


def _forget(rig: RiskRig, plates: list[str]) -> None:
    """Take stays out of the record behind its back."""
    digests = [rig.keeper._digester.digest("", plate) for plate in plates]
    with sqlite3.connect(rig.record.path) as connection:
        connection.executemany("DELETE FROM visit WHERE digest = ?", [(digest,) for digest in digests])
    connection.close()


def test_a_lifting_explains_an_empty_list(rig: RiskRig):
    rig.keeper.lift("370211")
    _tick(rig)
    assert list(rig.store.members()) == []


def test_a_lifting_that_died_before_it_published_explains_an_empty_list(rig: RiskRig):
    with rig.record.writing():
        rig.record.lift_window(1, int(rig.clock()))
    _tick(rig)
    assert list(rig.store.members()) == []


def test_expiry_explains_an_empty_list(rig: RiskRig):
    rig.clock.forward(days=40)
    _tick(rig)
    assert list(rig.store.members()) == []


def test_removals_explain_an_empty_list(rig: RiskRig):
    for plate in PLATES:
        rig.keeper.remove(plate, actor="steward", reason="test")
    _tick(rig)
    assert list(rig.store.members()) == []


def test_a_new_key_explains_that_all_digests_are_others(rig: RiskRig):
    rotate_key(rig.record, rig.key_path)
    _tick(rig)
    assert all(rig.is_listed(plate) for plate in PLATES)


def test_a_list_may_be_begun_anew_on_purpose(rig: RiskRig, tmp_path: Path):
    with RiskRecord(tmp_path / "new.sqlite") as new:
        own_key(new, rig.key_path)
        Publisher(new, rig.store, ListRule.of(rig.settings), rig.clock, most_shrink=1.0).publish()
    assert list(rig.store.members()) == []
