"""Neither the record nor Redis holds a plate, in whatever encoding; the key can be changed and nothing is lost."""

import base64
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from kakou.wiring.embedded_redis import embedded_redis
from riskdb.digest import PlateDigester, load_or_create_key, write_key
from riskdb.hotset.publish import Standing
from riskdb.record.record import RiskRecord
from riskdb.record.rotation import finish_rotation, own_key, rotate_key
from riskdb.types import RiskDBError
from tests.riskdb_kit import Guess, RiskRig, risk_rig, row

MARKED = [f"琼Z{number:05d}" for number in range(70_000, 70_200)]


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        yield made


def test_a_byte_scan_of_record_and_redis_files_finds_no_plate_in_any_encoding(tmp_path: Path):
    with embedded_redis(tmp_path / "redis") as url, risk_rig(tmp_path, url) as rig:
        rig.travelled(*MARKED)
        rig.declared()
        rig.keeper.remove(MARKED[0], actor="steward", reason="test")
        rig.keeper.show(MARKED[1], actor="steward", reason="test")
        assert rig.is_listed(MARKED[1])
        with redis.Redis.from_url(url) as client:
            # What is compressed could hide a plate from the scan.
            client.config_set("rdbcompression", "no")
            client.save()
        scanned = {
            path.with_name(f"{path.name} while in use"): path.read_bytes() for path in tmp_path.glob("risk.sqlite*")
        }
        rig.record.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    scanned |= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.name == "risk.sqlite-wal while in use" and content for path, content in scanned.items())
    assert any(path.name == "dump.rdb" for path in scanned)
    assert any(path.suffix == ".aof" for path in scanned)
    needles = [needle for plate in MARKED for needle in _encodings(plate)]
    for path, content in scanned.items():
        assert not [needle for needle in needles if needle in content], path


def _encodings(plate: str) -> Iterator[bytes]:
    for text in (plate, plate[1:]):
        for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
            raw = text.encode(encoding)
            yield raw
            if len(raw) > 6:
                yield base64.b64encode(raw).rstrip(b"=")[:-1]
                yield raw.hex().encode()
        for plain in (hashlib.sha256, hashlib.md5, hashlib.blake2b):
            yield plain(text.encode()).digest()[:16]


def test_digests_cannot_be_found_by_trying_all_plates_with_another_key(rig: RiskRig):
    rig.travelled(*MARKED)
    rig.declared()
    members = set(rig.store.members())
    for key in (bytes(32), os.urandom(32)):
        other = PlateDigester(key)
        assert not members & {other.digest(c, plate) for plate in MARKED for c in ("", "02")}
    unkeyed = {hashlib.blake2b(f"\0{plate}".encode(), digest_size=16).digest() for plate in MARKED}
    assert not members & unkeyed


def test_the_key_is_made_at_first_use_and_for_its_owner_only(tmp_path: Path):
    path = tmp_path / "state" / "plate.key"
    key = load_or_create_key(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_key(path) == key


def test_a_key_that_others_can_read_is_refused(tmp_path: Path):
    path = tmp_path / "plate.key"
    load_or_create_key(path)
    path.chmod(0o644)
    with pytest.raises(RiskDBError, match="chmod 600"):
        load_or_create_key(path)


def test_a_key_made_by_two_processes_at_once_is_one_key(tmp_path: Path):
    path = tmp_path / "plate.key"
    write_key(path, b"a" * 32, replace=False)
    write_key(path, b"b" * 32, replace=False)
    assert load_or_create_key(path) == b"a" * 32


def test_a_rotated_key_keeps_every_match_and_readers_follow_by_themselves(rig: RiskRig):
    rig.travelled(*MARKED)
    rig.declared()
    hot_set, before = rig.hot_set(), set(rig.store.members())
    old_key = load_or_create_key(rig.key_path)
    assert rig.match(Guess(MARKED[5]), hot_set=hot_set)
    rotate_key(rig.record, rig.key_path)
    rig.publisher.publish()
    assert load_or_create_key(rig.key_path) != old_key
    assert rig.key_path.stat().st_mode & 0o777 == 0o600
    assert not before & set(rig.store.members())
    assert rig.match(Guess(MARKED[5]), hot_set=hot_set)
    assert rig.travelled(MARKED[5]).touched == []
    assert rig.keeper.remove(MARKED[5], actor="steward", reason="test")[0] == 1
    assert not rig.match(Guess(MARKED[5]), hot_set=hot_set)


def test_a_rotation_cut_short_before_the_record_changed_is_undone(rig: RiskRig):
    rig.travelled(MARKED[0])
    key = load_or_create_key(rig.key_path)
    write_key(rig.key_path.with_name("plate.key.next"), key + os.urandom(32), replace=True)
    finish_rotation(rig.record, rig.key_path)
    assert load_or_create_key(rig.key_path) == key
    assert not rig.key_path.with_name("plate.key.next").exists()


def test_a_rotation_cut_short_after_the_record_changed_is_finished(rig: RiskRig):
    rig.travelled(MARKED[0])
    rig.declared()
    old_key = rig.key_path.read_bytes()
    rotate_key(rig.record, rig.key_path)
    rig.key_path.rename(rig.key_path.with_name("plate.key.next"))
    rig.key_path.write_bytes(old_key)
    rig.key_path.chmod(0o600)
    rig.keeper.lift("370211")
    rig.declared()
    assert rig.is_listed(MARKED[0])


def test_a_record_is_not_opened_with_a_foreign_key(rig: RiskRig):
    rig.travelled(MARKED[0])
    write_key(rig.key_path, os.urandom(32), replace=True)
    with pytest.raises(RiskDBError, match="另一把号牌密钥"):
        rig.travelled(MARKED[1])


def test_a_record_whose_key_file_is_gone_gets_no_new_one(rig: RiskRig):
    rig.travelled(MARKED[0])
    rig.key_path.unlink()
    with pytest.raises(RiskDBError, match="把它放回"):
        rig.travelled(MARKED[1])
    assert not rig.key_path.exists()


def test_a_publisher_that_outlives_a_rotation_labels_the_list_with_the_new_key(rig: RiskRig):
    """A reader with the old key must not ask a list of the new one: every answer would be "not listed"."""
    rig.travelled(MARKED[0])
    rig.declared()
    tender, old_key = rig.tender, rig.key_path.read_bytes()
    tender.tick()
    rotate_key(rig.record, rig.key_path)
    for _ in range(3):
        rig.clock.forward(seconds=rig.settings.reconcile_every_s + 1)
        tender.tick()
    assert rig.is_listed(MARKED[0])
    assert rig.publisher.standing() is Standing.CURRENT
    rig.key_path.write_bytes(old_key)
    with pytest.raises(RiskDBError, match="另一把号牌密钥"):
        rig.is_listed(MARKED[0])


def test_who_opens_the_record_during_a_rotation_waits_for_its_end(rig: RiskRig):
    rig.travelled(MARKED[0])
    old_key = load_or_create_key(rig.key_path)
    new_key = old_key + os.urandom(32)
    opened: list[bytes] = []

    def open_it() -> None:
        with RiskRecord(rig.record.path) as record:
            opened.append(own_key(record, rig.key_path))

    with rig.record.turn():  # a rotation, with its new key already on disk
        write_key(rig.key_path.with_name("plate.key.next"), new_key, replace=True)
        opener = threading.Thread(target=open_it)
        opener.start()
        opener.join(timeout=0.3)
        assert opener.is_alive()
        with rig.record.writing():
            rig.record.carry_over(PlateDigester(new_key).carry_over)
            rig.record.set_state("key_id", PlateDigester(new_key).key_id)
    opener.join(timeout=10)
    assert opened == [new_key]
    assert load_or_create_key(rig.key_path) == new_key


def test_a_keeper_from_before_a_rotation_writes_no_digest_of_the_old_key(rig: RiskRig):
    rig.travelled(MARKED[0])
    keeper = rig.keeper
    rotate_key(rig.record, rig.key_path)
    stay = row(MARKED[1], "370211", rig.clock.now, rig.clock.now)
    with pytest.raises(RiskDBError, match="另一把号牌密钥"):
        keeper.import_rows([stay])
    with pytest.raises(RiskDBError, match="另一把号牌密钥"):
        keeper.remove(MARKED[0], actor="steward", reason="test")
    assert rig.record.count_visits()[0] == 1
