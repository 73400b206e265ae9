"""An edge box reads from a replica of the centre's list: two real servers."""

import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from kakou.wiring.embedded_redis import find_redis_server
from riskdb.types import RiskDBError
from tests.replica_kit import PATIENCE_S, Server, until
from tests.riskdb_kit import Guess, RiskRig, risk_rig

SMALL_BACKLOG_BYTES = 16_384
KEYS_TO_LOAD = 500


@dataclass(slots=True)
class TwoServers:
    centre: Server
    edge: Server

    def wait_for_link(self, status: str) -> None:
        until(lambda: self.edge.info("replication").get("master_link_status") == status)

    def wait_for_edge(self) -> None:
        """Wait until the edge has all that the centre wrote."""
        offset = self.centre.info("replication")["master_repl_offset"]
        until(lambda: int(str(self.edge.info("replication").get("slave_repl_offset", -1))) >= int(str(offset)))


@pytest.fixture
def servers() -> Iterator[TwoServers]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    # A unix socket's path may have 107 bytes at most, pytest's folders are longer.
    with tempfile.TemporaryDirectory(prefix="kakou-pair-") as folder:
        backlog = {"repl-backlog-size": str(SMALL_BACKLOG_BYTES), "repl-diskless-sync-delay": "0"}
        centre = Server(Path(folder, "centre"), {"port": port, "bind": "127.0.0.1", **backlog})
        follow = {"replicaof": f"127.0.0.1 {port}", "repl-diskless-load": "swapdb", "replica-read-only": "yes"}
        edge = Server(Path(folder, "edge"), {"port": "0", **follow})
        pair = TwoServers(centre, edge)
        try:
            centre.start()
            edge.start()
            pair.wait_for_link("up")
            yield pair
        finally:
            edge.kill()
            centre.kill()


@pytest.fixture
def rig(tmp_path: Path, servers: TwoServers) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, servers.centre.url) as made:
        made.travelled("粤B82500")
        made.declared()
        servers.wait_for_edge()
        yield made


def test_a_box_that_lost_its_centre_goes_on_with_the_last_list_and_knows_its_age(servers: TwoServers, rig: RiskRig):
    hot_set = rig.hot_set(servers.edge.url)
    assert rig.match(Guess("粤B82500"), hot_set=hot_set)
    servers.centre.kill()
    servers.wait_for_link("down")
    rig.clock.forward(hours=5)
    assert rig.match(Guess("粤B82500"), hot_set=hot_set)
    assert rig.match(Guess("粤B82501"), hot_set=hot_set) is None
    state = hot_set.state()
    assert state.is_alone
    assert state.age_s(rig.clock()) == pytest.approx(5 * 3600, abs=1)


def test_a_box_alone_for_longer_than_allowed_does_not_check(servers: TwoServers, rig: RiskRig):
    hot_set = rig.hot_set(servers.edge.url)
    servers.centre.kill()
    servers.wait_for_link("down")
    rig.clock.forward(hours=25)
    with pytest.raises(RiskDBError, match="没有更新"):
        rig.match(Guess("粤B82500"), hot_set=hot_set)


def test_a_linked_box_whose_centre_is_not_tended_does_not_check(servers: TwoServers, rig: RiskRig):
    hot_set = rig.hot_set(servers.edge.url)
    rig.clock.forward(minutes=5)
    with pytest.raises(RiskDBError, match="没有更新"):
        rig.match(Guess("粤B82500"), hot_set=hot_set)


def test_a_centre_that_restarts_empty_makes_passages_unchecked_not_clear(servers: TwoServers, rig: RiskRig):
    hot_set = rig.hot_set(servers.edge.url)
    assert rig.match(Guess("粤B82500"), hot_set=hot_set)
    servers.centre.kill()
    servers.wait_for_link("down")
    servers.centre.start()
    servers.wait_for_link("up")
    with pytest.raises(RiskDBError):
        rig.match(Guess("粤B82500"), hot_set=hot_set)
    rig.tender.tick()
    servers.wait_for_edge()
    assert rig.match(Guess("粤B82500"), hot_set=hot_set)


def test_a_correction_at_the_centre_reaches_the_box(servers: TwoServers, rig: RiskRig):
    hot_set = rig.hot_set(servers.edge.url)
    rig.keeper.remove("粤B82500", actor="steward", reason="test")
    servers.wait_for_edge()
    assert rig.match(Guess("粤B82500"), hot_set=hot_set) is None


def test_lookups_go_on_without_an_error_through_a_full_resync(servers: TwoServers, rig: RiskRig):
    if find_redis_server().version < (7, 0):
        leave = pytest.fail if os.environ.get("CI") else pytest.skip
        leave("Redis before 7.0 does not serve while it loads; install one with `apt-get install redis-server`")
    hot_set = rig.hot_set(servers.edge.url)
    with redis.Redis.from_url(servers.centre.url) as client:
        for number in range(KEYS_TO_LOAD):
            client.set(f"filler:{number}", os.urandom(1024))
        servers.wait_for_edge()
        servers.edge.load_slowly()
        full_syncs = int(str(servers.centre.info("stats")["sync_full"]))
        servers.edge.send(signal.SIGSTOP)
        client.client_kill_filter(_type="replica")
        client.set("more", bytes(4 * SMALL_BACKLOG_BYTES))
        servers.edge.send(signal.SIGCONT)
    seen_loading, lookups, deadline = False, 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert rig.match(Guess("粤B82500"), hot_set=hot_set)
        assert rig.match(Guess("粤B82501"), hot_set=hot_set) is None
        lookups += 1
        loading = bool(servers.edge.info("persistence").get("async_loading"))
        seen_loading |= loading
        is_synced = int(str(servers.centre.info("stats")["sync_full"])) > full_syncs
        if is_synced and not loading and servers.edge.info("replication").get("master_link_status") == "up":
            break
    assert seen_loading
    assert lookups > 10


def test_a_list_that_nobody_tended_gets_no_younger_when_its_centre_goes_too(servers: TwoServers, rig: RiskRig):
    early = rig.hot_set(servers.edge.url)
    rig.clock.forward(minutes=38)
    with pytest.raises(RiskDBError, match="没有更新"):
        rig.match(Guess("粤B82500"), hot_set=early)
    servers.centre.kill()
    servers.wait_for_link("down")
    for hot_set in (early, rig.hot_set(servers.edge.url)):
        with pytest.raises(RiskDBError, match="没有更新"):
            rig.match(Guess("粤B82500"), hot_set=hot_set)


def test_a_replica_that_was_restarted_alone_goes_on_with_its_list(servers: TwoServers, rig: RiskRig):
    servers.centre.kill()
    servers.wait_for_link("down")
    with redis.Redis.from_url(servers.edge.url) as client:
        client.save()
    servers.edge.kill()
    servers.edge.start()
    rig.clock.forward(hours=5)
    assert rig.match(Guess("粤B82500"), hot_set=rig.hot_set(servers.edge.url))
