"""A reader never takes an invalid list for "not listed"."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from kakou.wiring.embedded_redis import embedded_redis
from riskdb.digest import load_or_create_key
from riskdb.hotset import keys
from riskdb.hotset.hotset import LISTED, HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.types import RiskDBError
from tests.riskdb_kit import Guess, RiskRig, risk_rig


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.travelled("粤B82500")
        made.declared()
        yield made


def test_a_redis_without_a_list_is_an_error_not_an_answer(rig: RiskRig, redis_client: "redis.Redis"):
    redis_client.flushall()
    with pytest.raises(RiskDBError, match="还没有名单"):
        rig.match(Guess("粤B82500"))


def test_a_list_emptied_under_a_reader_is_noticed_at_its_next_lookup(rig: RiskRig, redis_client: "redis.Redis"):
    hot_set = rig.hot_set()
    assert rig.match(Guess("粤B82500"), hot_set=hot_set)
    redis_client.flushall()
    with pytest.raises(RiskDBError):
        rig.match(Guess("粤B82500"), hot_set=hot_set)


def test_a_hot_set_that_lost_entries_is_noticed(rig: RiskRig, redis_client: "redis.Redis"):
    member = next(rig.store.members())
    redis_client.srem(keys.HOT, member)
    with pytest.raises(RiskDBError, match="名单应有 1 项"):
        rig.match(Guess("粤B82500"))


def test_a_deleted_hot_set_is_noticed_at_the_next_lookup_though_meta_stands(rig: RiskRig, redis_client: "redis.Redis"):
    hot_set = rig.hot_set()
    hot_set.members([b"\1" * 16])
    redis_client.delete(keys.HOT)
    with pytest.raises(RiskDBError):
        hot_set.members([b"\1" * 16])


def test_a_list_that_nobody_tends_is_not_asked(rig: RiskRig):
    hot_set = rig.hot_set()
    assert rig.match(Guess("粤B82500"), hot_set=hot_set)
    rig.clock.forward(seconds=61)
    with pytest.raises(RiskDBError, match="名单已 61 秒没有更新"):
        rig.match(Guess("粤B82500"), hot_set=hot_set)
    rig.publisher.beat()
    assert rig.match(Guess("粤B82500"), hot_set=hot_set)


def test_a_heartbeat_from_the_future_is_not_believed(rig: RiskRig):
    rig.clock.forward(hours=-2)
    with pytest.raises(RiskDBError, match="时钟"):
        rig.match(Guess("粤B82500"))


def test_a_version_that_goes_back_is_noticed(rig: RiskRig, redis_client: "redis.Redis"):
    hot_set = rig.hot_set()
    now = hot_set.state().version
    redis_client.srem(keys.HOT, keys.version_marker(now))
    redis_client.sadd(keys.HOT, keys.version_marker(now - 1))
    redis_client.hset(keys.META, "version", now - 1)
    with pytest.raises(RiskDBError, match="退回"):
        hot_set.members([b"\1" * 16])


def test_a_list_made_with_another_key_is_an_error(rig: RiskRig):
    rig.key_path.write_text("ab" * 32)
    with pytest.raises(RiskDBError, match="另一把号牌密钥"):
        rig.hot_set().members([b"\1" * 16])


def test_a_reader_follows_the_list_to_its_next_version(rig: RiskRig):
    hot_set = rig.hot_set()
    assert rig.match(Guess("粤B82501"), hot_set=hot_set) is None
    rig.travelled("粤B82501")
    found = rig.match(Guess("粤B82501"), hot_set=hot_set)
    assert found is not None
    assert found.list_version == hot_set.state().version


def test_many_batches_in_flight_give_the_answers_of_single_lookups(rig: RiskRig):
    hot_set = rig.hot_set()
    member = next(rig.store.members())
    batches = [[member, bytes([number]) * 16] for number in range(1, 20)]
    answers = [m.flags for m in hot_set.members_of_batches(batches)]
    assert answers == [hot_set.members(batch).flags for batch in batches]
    assert {flags[0] for flags in answers} == {LISTED}


def test_a_dead_or_hung_server_is_known_within_100_ms(tmp_path: Path):
    with embedded_redis(tmp_path / "redis") as url, risk_rig(tmp_path, url) as rig:
        rig.travelled("粤B82500")
        link = RedisLink(url, rig.settings.timeout_s, rig.settings.connect_timeout_s)
        hot_set = HotSet(link, lambda: load_or_create_key(rig.key_path), rig.settings, rig.clock)
        with redis.Redis.from_url(url) as client:
            server = int(client.info("server")["process_id"])
        hot_set.members([b"\1" * 16])
        for number in (signal.SIGSTOP, signal.SIGKILL):
            os.kill(server, number)
            assert _shortest_failure_s(hot_set) < 0.1


def _shortest_failure_s(hot_set: HotSet) -> float:
    """Return the best of three, because the tests' machine may be busy."""
    elapsed = []
    for _ in range(3):
        started = time.monotonic()
        with pytest.raises(RiskDBError):
            hot_set.members([b"\1" * 16])
        elapsed.append(time.monotonic() - started)
    return min(elapsed)


def test_a_reader_comes_back_by_itself_after_the_server_was_restarted(tmp_path: Path):
    with embedded_redis(tmp_path / "redis") as url, risk_rig(tmp_path, url) as rig:
        rig.travelled("粤B82500")
        rig.declared()
        hot_set = rig.hot_set()
        assert rig.match(Guess("粤B82500"), hot_set=hot_set)
        with redis.Redis.from_url(url) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        assert rig.match(Guess("粤B82500"), hot_set=hot_set)


@pytest.mark.parametrize("field", ["count", "heartbeat"])
def test_a_running_reader_looks_again_at_what_the_list_says_of_itself(
    rig: RiskRig, redis_client: "redis.Redis", field: str
):
    rig.travelled("粤B82500")
    rig.declared()
    reader = rig.hot_set()
    assert reader.reasons_of([("02", "粤B82500")], rig.clock.now).reasons[0]
    if field == "count":  # the version's marker stands: only the count tells that somebody is missing
        [listed] = rig.store.members()
        redis_client.srem("risk:hot", listed)
    else:
        redis_client.hset("risk:meta", "heartbeat", str(rig.clock() - 7200))
    with pytest.raises(RiskDBError):
        ask_for_seconds(reader, rig)


def ask_for_seconds(reader: HotSet, rig: RiskRig) -> None:
    """Longer than `recheck_s`."""
    for _ in range(200):
        reader.reasons_of([("02", "粤B82501")], rig.clock.now)
        time.sleep(0.01)
