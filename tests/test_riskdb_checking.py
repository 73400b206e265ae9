"""`kakou risk check` finds what is wrong with the list and with its server."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from riskdb.hotset.checking import SUBJECTS, Finding, check_list
from riskdb.hotset.keys import HOT
from riskdb.record.removals import remove_stays
from tests.riskdb_kit import RiskRig, risk_rig

PLATES = [f"粤B{number:05d}" for number in range(60)]


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.travelled(*PLATES)
        made.declared()
        yield made


def _findings(rig: RiskRig) -> dict[str, Finding]:
    return {one.subject: one for one in check_list(rig.publisher, rig.settings, rig.clock())}


def _wrong(rig: RiskRig) -> set[str]:
    return {subject for subject, finding in _findings(rig).items() if not finding.is_ok}


def test_a_list_that_is_as_it_should_be_has_no_finding(rig: RiskRig):
    assert _wrong(rig) == set()


def test_a_list_that_is_gone_is_a_finding(rig: RiskRig, redis_client: "redis.Redis"):
    redis_client.flushall()
    assert _wrong(rig) >= {"version", "heartbeat", "entries"}
    assert _findings(rig)["heartbeat"].detail.startswith("从未：")


def test_what_was_found_is_said_in_chinese(rig: RiskRig, redis_client: "redis.Redis"):
    names = "Redis|kakou|risk|serve|appendonly|yes|noeviction"
    for wreck in (None, redis_client.flushall):
        if wreck is not None:
            wreck()
        for subject, finding in _findings(rig).items():
            assert subject in SUBJECTS
            assert not re.search("[A-Za-z]", re.sub(names, "", finding.detail)), finding


def test_a_list_behind_its_record_is_a_finding(rig: RiskRig):
    with rig.record.writing():
        remove_stays(rig.record.connection, [next(rig.store.members())], int(rig.clock()), "tester", "test")
    assert _wrong(rig) == {"version", "entries"}


def test_a_list_that_nobody_tends_is_a_finding(rig: RiskRig):
    rig.clock.forward(minutes=5)
    assert _wrong(rig) == {"heartbeat"}


def test_an_entry_that_was_changed_for_another_is_a_finding(rig: RiskRig, redis_client: "redis.Redis"):
    redis_client.srem(HOT, next(rig.store.members()))
    redis_client.sadd(HOT, b"x" * 16)
    assert "entries" in _wrong(rig)


def test_a_reason_that_was_changed_is_a_finding(rig: RiskRig, redis_client: "redis.Redis"):
    meta = rig.store.meta()
    assert meta is not None
    digest, value = next(rig.store.why())
    redis_client.execute_command("HSET", meta.buckets.key_of(digest), digest, value[:-1] + b"9")
    assert _wrong(rig) == {"reasons"}


@pytest.mark.parametrize(
    ("setting", "bad", "subject"),
    [
        ("appendonly", "no", "persistence"),
        ("maxmemory", "900mb", "eviction"),
        ("hash-max-ziplist-entries", "100", "memory"),
    ],
)
def test_a_server_that_would_lose_or_waste_something_is_a_finding(
    rig: RiskRig, with_setting: Callable[[str, str], None], setting: str, bad: str, subject: str
):
    with_setting("maxmemory-policy", "allkeys-lru")
    with_setting(setting, bad)
    assert _wrong(rig) == {subject}


@pytest.fixture
def with_setting(redis_client: "redis.Redis") -> Iterator[Callable[[str, str], None]]:
    """Return a function that changes a setting of the server until the test ends."""
    before: dict[str, str] = {}

    def change(name: str, value: str) -> None:
        before.setdefault(name, str(redis_client.config_get(name)[name]))
        redis_client.config_set(name, value)

    yield change
    for name, value in before.items():
        redis_client.config_set(name, value)
