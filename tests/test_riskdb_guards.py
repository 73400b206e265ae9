"""The second guard behind each first one: what a reader holds a list to, and what its keeper does every time."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from riskdb.clock import TimeSpan
from riskdb.digest import ANY_CLASS, PlateDigester, load_or_create_key
from riskdb.hotset import keys
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.list_state import ListWatch
from riskdb.hotset.redis_link import Command, RedisLink
from riskdb.hotset.tending import KEPT_DAYS, ListTender
from riskdb.rule import DAY_S
from riskdb.types import RiskDBError, StaleListError
from tests.riskdb_kit import HUANGDAO, Clock, RiskRig, risk_rig

LISTED, OTHER = "粤B82500", "粤B99999"


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.travelled(LISTED)
        made.declared()
        yield made


def digest_of(rig: RiskRig, plate: str) -> bytes:
    return PlateDigester(load_or_create_key(rig.key_path)).digest(ANY_CLASS, plate)


def lift(rig: RiskRig) -> None:
    rig.keeper.lift(HUANGDAO)


class Interrupted(RedisLink):
    """Something happens between the first question of a lookup and its second one."""

    between: Callable[[], None] | None = None

    def ask_atomically(self, *commands: Command) -> list[Any]:
        if commands[0][0] == "SISMEMBER" and self.between is not None:
            happen, self.between = self.between, None
            happen()
        return super().ask_atomically(*commands)


def test_a_list_that_moves_on_within_a_lookup_is_asked_anew(rig: RiskRig):
    link = Interrupted(rig.url, timeout_s=5.0, connect_timeout_s=5.0)
    hot_set = HotSet(link, lambda: load_or_create_key(rig.key_path), rig.settings, rig.clock)
    link.between = lambda: lift(rig)
    found = hot_set.reasons_of([("02", LISTED)], rig.clock.now)
    assert link.between is None
    assert found.reasons == ((),), "lifted meanwhile: not listed, and no error"
    link.close()


def test_the_answer_names_the_version_that_it_is_of(rig: RiskRig):
    hot_set = rig.hot_set()
    before = hot_set.members([digest_of(rig, OTHER)])
    lift(rig)
    after = hot_set.members([digest_of(rig, LISTED)])
    assert (after.version > before.version, after.flags) == (True, b"0")


def test_a_long_question_ends_where_the_list_moves_on(rig: RiskRig):
    hot_set = rig.hot_set()
    hot_set.state()
    lift(rig)
    with pytest.raises(RiskDBError, match="换了版本"):
        list(hot_set.members_of_batches([[digest_of(rig, LISTED)]]))


def test_answers_that_nobody_waited_for_are_not_those_to_the_next_question(rig: RiskRig):
    hot_set = rig.hot_set()
    answers = hot_set.members_of_batches([[digest_of(rig, LISTED)]] * 6)
    assert next(answers).flags == b"1"
    answers.close()  # type: ignore[attr-defined]  # a generator
    assert hot_set.members([digest_of(rig, OTHER)] * 2).flags == b"00"


def test_a_list_that_was_young_a_moment_ago_is_stale_once_the_clock_says_so(rig: RiskRig):
    hot_set = rig.hot_set()
    hot_set.state()
    rig.clock.forward(hours=1)
    with pytest.raises(StaleListError, match="没有更新"):
        hot_set.reasons_of([("02", LISTED)], rig.clock.now)
    with pytest.raises(StaleListError, match="没有更新"):
        rig.hot_set().state()
    rig.clock.forward(hours=-2)
    with pytest.raises(StaleListError, match="超前"):
        rig.hot_set().state()


class Replica(RedisLink):
    """Says of its replication what it is told to."""

    said = b"role:master"

    def ask(self, *commands: Command) -> list[Any]:
        return [self.said] if commands[0][0] == "INFO" else super().ask(*commands)


def test_a_list_that_nobody_tended_is_no_younger_for_its_centre_that_goes_away_later(rig: RiskRig):
    link = Replica(rig.url, timeout_s=5.0, connect_timeout_s=5.0)
    watch = ListWatch(link, rig.settings, rig.clock)
    rig.clock.forward(minutes=38)
    assert not watch.read().is_alone
    link.said = b"master_link_status:down\r\nmaster_link_down_since_seconds:-1\r\n"
    assert not watch.read().is_alone
    assert ListWatch(link, rig.settings, rig.clock).read().is_alone, "one that has not seen it before cannot know"
    link.close()


def tender_of(rig: RiskRig, clock: Any = None) -> ListTender:
    """Return a tender for which no time passes but the clock's: nothing is reconciled after the first turn."""
    return ListTender(rig.record, rig.publisher, rig.settings, rig.messages.append, clock or rig.clock, lambda: 0.0)


def heartbeat(rig: RiskRig) -> float:
    link = RedisLink(rig.url, timeout_s=5.0, connect_timeout_s=5.0)
    [value] = link.ask(("HGET", keys.META, b"heartbeat"))
    link.close()
    return float(value)


def test_every_turn_says_that_the_list_is_tended(rig: RiskRig):
    tender = tender_of(rig)
    tender.tick()
    for _ in range(2):
        rig.clock.forward(seconds=60)
        tender.tick()
        assert heartbeat(rig) == pytest.approx(rig.clock(), abs=1)


@dataclasses.dataclass(slots=True)
class Doubtful(Clock):
    """A clock that does not know the time."""

    def look(self) -> TimeSpan:
        return dataclasses.replace(TimeSpan.moment(self()), is_known=False)


def test_a_keeper_that_does_not_know_the_time_leaves_the_list_alone(rig: RiskRig):
    before = heartbeat(rig)
    rig.clock.forward(seconds=60)
    tender_of(rig, Doubtful(rig.clock.now)).tick()
    assert heartbeat(rig) == before
    assert rig.is_listed(LISTED)
    assert any("时钟不可信" in message for message in rig.messages)


def test_stays_are_kept_to_the_day(rig: RiskRig):
    rig.clock.now += timedelta(seconds=KEPT_DAYS * DAY_S - 3 * DAY_S)
    tender_of(rig).tick()
    assert rig.record.count_visits()[0] == 1
    rig.clock.forward(days=4)
    tender_of(rig).tick()
    assert rig.record.count_visits()[0] == 0
