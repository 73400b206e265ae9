"""Reasons lie in many small hashes, and no reader ever sees those of another version."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from bench.lookup import load_list, random_entries
from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.keys import BUCKET_ENTRIES, ReasonBuckets
from riskdb.hotset.list_meta import ListMeta
from riskdb.hotset.redis_link import RedisLink
from riskdb.types import RiskDBError
from tests.riskdb_kit import HUANGDAO, NOON, RiskRig, risk_rig

PLATES = [f"粤B{number:05d}" for number in range(400)]


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        yield made


def _meta(rig: RiskRig) -> ListMeta:
    meta = rig.store.meta()
    assert meta is not None
    return meta


class InterruptedLink(RedisLink):
    """A link on which something happens between the question who is listed and the one why."""

    meanwhile: Callable[[], object] | None = None

    def ask_members_and_field(
        self, key: bytes, first: bytes, members: Sequence[bytes], hash_key: bytes, field: bytes
    ) -> tuple[bytes, bytes | None]:
        answer = super().ask_members_and_field(key, first, members, hash_key, field)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return answer


def _interrupted(rig: RiskRig, meanwhile: Callable[[], object]) -> HotSet:
    link = InterruptedLink(rig.url, 5.0, 5.0)
    hot_set = HotSet(link, lambda: load_or_create_key(rig.key_path), rig.settings, rig.clock)
    hot_set.members([b"\1" * 16])
    link.meanwhile = meanwhile
    return hot_set


def test_a_rebuild_between_the_two_questions_of_a_lookup_gives_the_answer_of_the_new_version(rig: RiskRig):
    rig.travelled(*PLATES)
    rig.declared()
    hot_set = _interrupted(rig, rig.publisher.publish)
    before = hot_set.state().version
    found = hot_set.reasons_of([("02", PLATES[7])], NOON)
    assert found.reasons[0]
    assert found.version == before + 1


def test_a_correction_between_the_two_questions_of_a_lookup_counts(rig: RiskRig):
    rig.travelled(*PLATES)
    rig.declared()
    hot_set = _interrupted(rig, lambda: rig.keeper.remove(PLATES[7], actor="steward", reason="test"))
    assert hot_set.reasons_of([("02", PLATES[7])], NOON).reasons == ((),)


def test_a_rebuild_leaves_no_reasons_of_other_versions_behind(rig: RiskRig, redis_client: "redis.Redis"):
    rig.travelled(*PLATES)
    rig.declared()
    for version in (3, 9999):
        redis_client.hset(f"risk:why:{version}:5", "left by a rebuild", "that was killed")
    rig.publisher.publish()
    assert set(redis_client.keys("risk:why:*")) == set(_meta(rig).buckets.keys())
    assert len(dict(rig.store.why())) == len(PLATES)


def test_a_list_that_outgrew_its_buckets_gets_more(rig: RiskRig):
    rig.declared()
    rig.travelled(*PLATES[:10])
    first = _meta(rig)
    rig.travelled(*PLATES[10:60])
    grown = _meta(rig)
    rig.travelled(*PLATES[60:])
    last = _meta(rig)
    assert (first.buckets.bits, grown.buckets) == (0, first.buckets)
    assert last.buckets == ReasonBuckets.for_count(last.version, len(PLATES))
    assert all(rig.reasons(plate) for plate in PLATES)


@given(st.integers(0, 20_000_000))
def test_a_new_list_has_no_more_than_its_share_in_a_bucket(count: int):
    buckets = ReasonBuckets.for_count(1, count)
    assert count / 2**buckets.bits <= BUCKET_ENTRIES
    assert not buckets.is_outgrown(count)
    assert buckets.is_outgrown(2 * BUCKET_ENTRIES * 2**buckets.bits + 1)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 24))
def test_every_digest_has_one_of_the_buckets(digest: bytes, bits: int):
    buckets = ReasonBuckets(3, bits)
    assert buckets.key_of(digest) == b"risk:why:3:%x" % (int.from_bytes(digest, "big") >> (128 - bits))


def test_an_entry_with_its_reasons_takes_at_most_160_bytes(redis_url: str, redis_client: "redis.Redis"):
    count = 60_000
    before = int(redis_client.info("memory")["used_memory"])
    load_list(redis_url, random_entries(count))
    assert (int(redis_client.info("memory")["used_memory"]) - before) / count <= 160
    kinds = {redis_client.object("encoding", key) for key in redis_client.scan_iter("risk:why:*")}
    assert kinds <= {b"listpack", b"ziplist"}


def test_a_listed_vehicle_whose_reasons_are_lost_is_an_error_not_an_answer(rig: RiskRig, redis_client: "redis.Redis"):
    rig.travelled(PLATES[0])
    rig.declared()
    redis_client.delete(*_meta(rig).buckets.keys())
    with pytest.raises(RiskDBError, match="没有列入原因"):
        rig.reasons(PLATES[0])


def test_a_vehicle_keeps_several_reasons_the_one_that_lasts_longest_first(rig: RiskRig):
    rig.travelled(*PLATES[:60], days_ago=3)
    rig.travelled(PLATES[0], area="370212", days_ago=1)
    for area in (HUANGDAO, "370212"):
        rig.declared(area)
    first, second = rig.reasons(PLATES[0])
    assert (first.area, second.area) == ("370212", HUANGDAO)
    assert first.expires_at - second.expires_at == timedelta(days=2)
