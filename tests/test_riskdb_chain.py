"""Centre -> city -> box: whatever befalls either line, a reader at the box has no wrong answer and goes on."""

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from bench.tcp_line import Line
from kakou.wiring.embedded_redis import find_redis_server
from riskdb.clock import TimeSpan
from riskdb.settings import RiskSettings
from riskdb.types import RiskDBError
from tests.replica_kit import Server, until
from tests.riskdb_kit import Clock, Guess, RiskRig, risk_rig

STALE_AFTER_S = 4.0
"""In the place of 60 s; Redis pings every second in the place of ten, and gives a line up after 4 s, not 60."""
GONE_S = 14.0
LISTED, FREE, LATER = "粤B82500", "粤B82501", "粤B82507"
KEYS_TO_LOAD = 400


class RealClock(Clock):
    def __call__(self) -> float:
        return time.time()

    def wall(self) -> float:
        return time.time()

    def look(self) -> TimeSpan:
        return TimeSpan.moment(time.time())


@dataclass(slots=True)
class Chain:
    centre: Server
    city: Server
    box: Server
    lines: dict[str, Line]
    """`upper` from the centre to the city, `lower` from the city to the box."""

    def wait_for_box(self) -> None:
        """Wait until the box has all that the centre wrote by now."""
        offset = self.centre.offset
        until(lambda: self.city.is_linked and self.box.is_linked and self.box.offset >= offset)


@pytest.fixture
def chain() -> Iterator[Chain]:
    ports = [_free_port(), _free_port()]
    lines = {name: Line(port) for name, port in zip(("upper", "lower"), ports, strict=True)}
    common = {"bind": "127.0.0.1", "repl-diskless-sync-delay": "0", "repl-timeout": "4", "repl-backlog-size": "16384"}
    follow = common | {"repl-diskless-load": "swapdb", "replica-read-only": "yes"}
    # A unix socket's path may have 107 bytes at most, pytest's folders are longer.
    with tempfile.TemporaryDirectory(prefix="kakou-chain-") as folder:
        centre = Server(Path(folder, "centre"), common | {"port": str(ports[0]), "repl-ping-replica-period": "1"})
        upper, lower = (f"127.0.0.1 {lines[name].port}" for name in ("upper", "lower"))
        city = Server(Path(folder, "city"), follow | {"port": str(ports[1]), "replicaof": upper})
        box = Server(Path(folder, "box"), follow | {"port": "0", "replicaof": lower})
        try:
            for server in (centre, city, box):
                server.start()
            until(lambda: city.is_linked and box.is_linked)
            yield Chain(centre, city, box, lines)
        finally:
            for line in lines.values():
                line.close()
            for server in (box, city, centre):
                server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def rig(tmp_path: Path, chain: Chain) -> Iterator[RiskRig]:
    settings = RiskSettings().model_copy(update={"stale_after_s": STALE_AFTER_S, "recheck_s": 0.2})
    with risk_rig(tmp_path, chain.centre.url, settings) as made:
        made.clock = RealClock(datetime.now(UTC))
        made.travelled(LISTED)
        made.declared()
        chain.wait_for_box()
        yield made


@dataclass(slots=True)
class Reader:
    """Asks at the box without a pause, about a vehicle on the list and one that is not."""

    rig: RiskRig
    url: str
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Reader":
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        until(lambda: self.right > 10)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def _read(self) -> None:
        hot_set = self.rig.hot_set(self.url)
        while not self._stop.is_set():
            for plate, is_listed in ((LISTED, True), (FREE, False)):
                began = time.monotonic()
                try:
                    found = self.rig.match(Guess(plate), hot_set=hot_set) is not None
                except RiskDBError as error:
                    self.unchecked.append(str(error))
                else:
                    self.right += found == is_listed
                    self.wrong += [] if found == is_listed else [plate]
                self.longest_s = max(self.longest_s, time.monotonic() - began)
            time.sleep(0.002)


def tend(rig: RiskRig, seconds: float) -> None:
    """Let the centre's keeper work for so long."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        rig.tender.tick()
        time.sleep(0.2)


LEVELS = [
    pytest.param("upper", "fall_silent_unnoticed"),
    *(
        pytest.param(level, how, marks=pytest.mark.long)
        for level, how in (("upper", "fall_silent"), ("upper", "cut"), ("lower", "fall_silent"), ("lower", "cut"))
    ),
]


@pytest.mark.parametrize(("level", "how"), LEVELS)
def test_a_line_that_is_gone_at_either_level_leaves_the_list_at_work(chain: Chain, rig: RiskRig, level: str, how: str):
    tend(rig, 1.0)
    with Reader(rig, chain.box.url) as reader:
        tend(rig, 1.0)  # until the reader has begun nobody did, for seconds where the machine is full
        reader.unchecked.clear()
        if how.endswith("_unnoticed"):
            # The box gives its line up before the city does its own, and gets a new one to it, on which nothing comes.
            with redis.Redis.from_url(chain.city.url) as city:
                city.config_set("repl-timeout", 60)
        getattr(chain.lines[level], how.removesuffix("_unnoticed"))()
        rig.travelled(LATER)
        tend(rig, GONE_S)
        assert reader.unchecked == [], "the box goes on, however its line is called meanwhile"
        if not how.endswith("_unnoticed"):  # then one that starts now cannot tell that nothing comes
            late = rig.hot_set(chain.box.url)
            assert rig.match(Guess(LISTED), hot_set=late), "and so does a process that starts only now"
            assert rig.match(Guess(LATER), hot_set=late) is None, "what came since is not here yet"
            assert late.state().is_alone
        chain.lines[level].mend()
        until(lambda: chain.box.is_linked and chain.city.is_linked)
        tend(rig, 0.5)
        chain.wait_for_box()
        until(lambda: rig.match(Guess(LATER), hot_set=rig.hot_set(chain.box.url)))
        assert not rig.hot_set(chain.box.url).state().is_alone
    assert reader.wrong == []
    assert reader.right > 1000


@pytest.mark.long
def test_a_keeper_that_stopped_is_known_at_the_end_of_the_chain(chain: Chain, rig: RiskRig):
    tend(rig, 0.5)
    hot_set = rig.hot_set(chain.box.url)
    assert rig.match(Guess(LISTED), hot_set=hot_set)
    time.sleep(STALE_AFTER_S + 1.0)
    with pytest.raises(RiskDBError, match="没有更新"):
        rig.match(Guess(LISTED), hot_set=hot_set)
    time.sleep(STALE_AFTER_S)
    with pytest.raises(RiskDBError, match="没有更新"):
        rig.match(Guess(LISTED), hot_set=hot_set)
    chain.lines["upper"].cut()  # it gets no younger by that
    time.sleep(STALE_AFTER_S)
    for each in (hot_set, rig.hot_set(chain.box.url)):
        with pytest.raises(RiskDBError, match="没有更新"):
            rig.match(Guess(LISTED), hot_set=each)


@pytest.mark.long
@pytest.mark.parametrize("level", ["upper", "lower"])
def test_a_whole_copy_at_either_level_changes_no_answer(chain: Chain, rig: RiskRig, level: str):
    if find_redis_server().version < (7, 0):
        leave = pytest.fail if os.environ.get("CI") else pytest.skip
        leave("Redis before 7.0 does not serve while it loads; install one with `apt-get install redis-server`")
    with redis.Redis.from_url(chain.centre.url) as client:
        for number in range(KEYS_TO_LOAD):
            client.set(f"filler:{number}", os.urandom(1024))
    chain.wait_for_box()
    giver, taker = (chain.centre, chain.city) if level == "upper" else (chain.city, chain.box)
    chain.box.load_slowly()
    taker.load_slowly()
    copies = giver.full_copies
    with Reader(rig, chain.box.url) as reader:
        taker.send(signal.SIGSTOP)
        with redis.Redis.from_url(giver.url) as client:
            client.client_kill_filter(_type="replica")
        with redis.Redis.from_url(chain.centre.url) as client:
            client.set("more", bytes(200_000))
        tend(rig, 0.5)
        taker.send(signal.SIGCONT)
        seen_loading, deadline = False, time.monotonic() + 60.0
        while not (giver.full_copies > copies and chain.box.is_linked and chain.city.is_linked):
            assert time.monotonic() < deadline
            rig.tender.tick()
            seen_loading |= taker.is_loading or chain.box.is_loading
        assert seen_loading
        chain.wait_for_box()
        rig.travelled(LATER)
        chain.wait_for_box()
        assert rig.match(Guess(LATER), hot_set=rig.hot_set(chain.box.url))
    assert reader.wrong == []
    assert reader.right > 100
