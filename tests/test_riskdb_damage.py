"""Whatever becomes of what Redis holds: a listed vehicle is never cleared by it, and the keeper mends it."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from riskdb.hotset import keys
from riskdb.types import RiskDBError
from tests.riskdb_kit import Guess, RiskRig, risk_rig

PLATE = "粤B82500"
ODD = [b"", b"abc", b"\xff\xfe", b"nan", b"inf", b"-1", b"0", b"9" * 40, b"\0" * 18, b"1e5", "三".encode()]
Damage = Callable[["redis.Redis"], object]


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.travelled(PLATE, "粤B82501")
        made.declared()
        yield made


def _is_cleared(rig: RiskRig) -> bool:
    try:
        return rig.match(Guess(PLATE)) is None
    except RiskDBError:
        return False


def _assert_unchecked_and_mended(rig: RiskRig, what: object) -> None:
    assert not _is_cleared(rig), what
    tender = rig.tender
    for _ in range(3):
        tender.tick()
    assert rig.match(Guess(PLATE)), what
    assert rig.match(Guess("粤B99999")) is None, what


@pytest.mark.parametrize("field", keys.META_FIELDS)
def test_a_damaged_field_of_the_meta_gives_unchecked_and_is_mended(
    rig: RiskRig, redis_client: "redis.Redis", field: str
):
    for value in ODD:
        redis_client.hset(keys.META, field, value)
        _assert_unchecked_and_mended(rig, (field, value))


@pytest.mark.parametrize("key", [keys.META, keys.HOT, keys.AREA, keys.SOURCE, "why"])
def test_a_key_that_holds_something_else_gives_unchecked_and_is_mended(
    rig: RiskRig, redis_client: "redis.Redis", key: str
):
    name = next(iter(redis_client.keys("risk:why:*"))) if key == "why" else key
    for put in (lambda: redis_client.set(name, b"text"), lambda: redis_client.delete(name)):
        put()
        _assert_unchecked_and_mended(rig, key)


@pytest.mark.parametrize("value", [*ODD, b"\0" * 22, b"\xff" * 22])
def test_damaged_reasons_give_unchecked_and_are_mended(rig: RiskRig, redis_client: "redis.Redis", value: bytes):
    for bucket in redis_client.keys("risk:why:*"):
        for digest in redis_client.hkeys(bucket):
            redis_client.hset(bucket, digest, value)
    _assert_unchecked_and_mended(rig, value)


def test_reasons_of_which_one_bit_has_turned_are_never_taken_for_expired(rig: RiskRig, redis_client: "redis.Redis"):
    (bucket,) = redis_client.keys("risk:why:*")
    whole = redis_client.hgetall(bucket)
    for bit in random.Random(7).sample(range(22 * 8), 40):
        for digest, value in whole.items():
            assert isinstance(value, bytes)
            turned = bytearray(value)
            turned[bit // 8] ^= 1 << bit % 8
            redis_client.hset(bucket, digest, bytes(turned))
        with pytest.raises(RiskDBError, match="损坏"):
            rig.match(Guess(PLATE))


def test_the_reasons_of_another_vehicle_are_not_its_own(rig: RiskRig, redis_client: "redis.Redis"):
    (bucket,) = redis_client.keys("risk:why:*")
    (one, its), (other, others) = redis_client.hgetall(bucket).items()
    redis_client.hset(bucket, mapping={one: others, other: its})
    with pytest.raises(RiskDBError, match="损坏"):
        rig.match(Guess(PLATE))


@pytest.mark.parametrize("key", [keys.AREA, keys.SOURCE])
def test_damaged_names_give_unchecked_and_are_mended(rig: RiskRig, redis_client: "redis.Redis", key: str):
    for value in (b"\xff\xfe", b"{", b'{"area": 1}', b"null"):
        for field in ("1", "x", b"\xff"):
            if key == keys.SOURCE and value != b"\xff\xfe" and field == "1":
                continue  # any text may be the name of a source
            redis_client.hset(key, field, value)
            _assert_unchecked_and_mended(rig, (key, field, value))
