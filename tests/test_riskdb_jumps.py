"""The list while the clock jumps: whole afterwards, and nobody cleared meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from riskdb.clock import TrustedClock
from riskdb.digest import load_or_create_key
from riskdb.hotset.checking import check_list
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.publish import Publisher
from riskdb.hotset.redis_link import RedisLink
from riskdb.hotset.tending import ListTender
from riskdb.keeper import RiskKeeper
from riskdb.match import MatchRule, match_plate
from riskdb.record.declaring import Declared
from riskdb.record.rotation import own_key
from riskdb.rule import ListRule
from riskdb.types import RiskDBError, RiskMatch
from tests.clock_kit import Machine
from tests.riskdb_kit import Grammar, Guess, RiskRig, risk_rig, row
from tests.test_riskdb_clock import DAY_S, HELD_S, JUMPS

PLATES = [f"粤B8{number:04d}" for number in range(35)]


@dataclass(slots=True)
class Centre:
    """A list that is kept and asked on a machine whose clock the test sets."""

    rig: RiskRig
    machine: Machine
    clock: TrustedClock

    def start(self) -> ListTender:
        """Start `kakou risk serve` anew."""
        self.clock = self.machine.clock()
        return self.tender()

    def tender(self) -> ListTender:
        say, up = self.rig.messages.append, lambda: self.machine.up_s
        return ListTender(self.rig.record, self.publisher(), self.rig.settings, say, self.clock, up)

    def publisher(self) -> Publisher:
        return Publisher(self.rig.record, self.rig.store, ListRule.of(self.rig.settings), self.clock, 0.5)

    def keeper(self) -> RiskKeeper:
        key = own_key(self.rig.record, self.rig.key_path)
        return RiskKeeper(self.rig.record, key, Grammar(), self.rig.settings, self.publisher(), self.clock)

    def match(self, plate: str, read_ahead_s: float = 0.0) -> RiskMatch | None:
        """`read_ahead_s`: the time was read so far ahead, and set right before the answer came."""
        link = RedisLink(self.rig.url, timeout_s=5.0, connect_timeout_s=5.0)
        clock = self.machine.clock(is_keeping=False)
        hot_set = HotSet(link, lambda: load_or_create_key(self.rig.key_path), self.rig.settings, clock)
        try:
            now = datetime.fromtimestamp(self.machine.wall_s + read_ahead_s, UTC)
            return match_plate([Guess(plate)], hot_set, MatchRule.of(self.rig.settings), now)
        finally:
            link.close()

    def imports(self, *plates: str) -> None:
        start = datetime.fromtimestamp(self.machine.wall_s, UTC) - timedelta(days=2)
        self.keeper().import_rows([row(p, "370211", start, start + timedelta(hours=5)) for p in plates])


@pytest.fixture
def centre(tmp_path: Path, redis_url: str) -> Iterator[Centre]:
    machine = Machine(tmp_path)
    clock = machine.held_clock()
    with risk_rig(tmp_path, redis_url) as rig:
        rig.clock.now = datetime.fromtimestamp(machine.wall_s, UTC)
        rig.travelled(*PLATES)
        rig.declared()
        yield Centre(rig, machine, clock)


@pytest.mark.parametrize("jump_s", JUMPS.values(), ids=JUMPS.keys())
@pytest.mark.parametrize("starts_jumped", [True, False])
def test_a_clock_that_is_ahead_for_a_while_costs_the_list_nothing(centre: Centre, jump_s: float, starts_jumped: bool):
    tender = centre.tender()
    tender.tick()
    centre.machine.wall_s += jump_s
    tender = centre.start() if starts_jumped else tender
    for _ in range(4):
        tender.tick()
        # A car that is still on the list, or may be, is never cleared meanwhile.
        assert not _is_cleared(centre, PLATES[0])
        centre.machine.goes_on(4)
    centre.machine.wall_s -= jump_s
    tender = centre.start()
    tender.tick()
    assert all(centre.match(plate) for plate in PLATES)
    assert centre.match("粤B99999") is None
    findings = {f.subject: f for f in check_list(centre.publisher(), centre.rig.settings, centre.machine.wall_s)}
    assert findings["entries"].is_ok
    assert findings["entries"].detail == "35 条"


def test_a_clock_that_is_set_right_while_the_list_is_asked_clears_nobody(centre: Centre):
    centre.tender().tick()
    with pytest.raises(RiskDBError, match="跳变"):
        centre.match(PLATES[0], read_ahead_s=20 * DAY_S)
    assert centre.match("粤B99999", read_ahead_s=20 * DAY_S) is None
    assert centre.match(PLATES[0], read_ahead_s=-DAY_S) is not None


def _is_cleared(centre: Centre, plate: str) -> bool:
    try:
        return centre.match(plate) is None
    except RiskDBError:
        return False


def test_what_is_imported_and_declared_while_the_clock_is_ahead_counts_when_it_is_right_again(centre: Centre):
    centre.keeper().lift("370211")
    centre.machine.wall_s += 20 * DAY_S
    start = datetime.fromtimestamp(centre.machine.wall_s - 22 * DAY_S, UTC)
    # The steward's file is right, the clock is not: the stay was two days ago.
    centre.keeper().import_rows([row("粤B99998", "370212", start, start + timedelta(days=17), number=2)])
    from_now_on = centre.keeper()
    from_now_on.declare([_declared("370212")])
    centre.machine.wall_s -= 20 * DAY_S
    centre.start().tick()
    assert centre.match("粤B99998")


def _declared(code: str) -> Declared:
    return Declared(code, "high", "通告")


def test_entries_that_expired_are_deleted_once_the_time_is_sure(centre: Centre):
    tender = centre.tender()
    tender.tick()
    centre.machine.wall_s += 40 * DAY_S
    tender.tick()
    assert len(set(centre.rig.store.members())) == 35
    assert centre.rig.record.count_visits()[0] == 35
    centre.machine.goes_on(HELD_S + 1)
    tender.tick()
    assert list(centre.rig.store.members()) == []
    assert centre.rig.record.count_visits() == (0, 0, 0)


def test_a_box_that_boots_in_1970_checks_nobody_until_it_knows_the_time(centre: Centre):
    centre.tender().tick()
    right = centre.machine.wall_s
    centre.machine.wall_s, centre.machine.up_s = 30.0, 5.0
    tender = centre.start()
    tender.tick()
    assert centre.rig.messages[-1].startswith("时钟不可信")
    for plate in (PLATES[0], "粤B99999"):
        with pytest.raises(RiskDBError, match="时间不可信"):
            centre.match(plate)
    with pytest.raises(RiskDBError, match="本机时钟比以前显示过的还早"):
        centre.imports("粤B99997")
    centre.machine.wall_s = right + 300
    tender.tick()
    assert centre.match(PLATES[0])
    assert centre.match("粤B99999") is None


def test_what_is_missing_in_redis_comes_back_by_itself(centre: Centre, redis_client: "redis.Redis"):
    tender = centre.tender()
    tender.tick()
    reasons = next(key for key in redis_client.keys("risk:why:*"))
    gone = redis_client.hkeys(reasons)[0]
    redis_client.srem("risk:hot", gone)
    redis_client.hincrby("risk:meta", "count", -1)
    centre.machine.goes_on(5)
    tender.tick()
    assert all(centre.match(plate) for plate in PLATES)
