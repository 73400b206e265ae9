"""A box or a centre that looks at itself: the clock of its looks is the test's, everything else is real."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import redis

from alerts.kinds import from_cloudevent
from alerts.notice import NoticeEvent
from alerts.notices.board import NoticeBoard
from alerts.notices.keeper import NoticeKeeper
from alerts.outbox import Outbox
from kakou.watch.checks import Check
from kakou.watch.watch import NoticeWatch
from kakou.wiring.embedded_redis import find_redis_server
from tests.alerts_kit import NOON, wait_until
from tests.notice_onlookers import Onlookers

LOOK_EVERY_S = 15.0


@dataclass
class Machine:
    """Its notices go into a real outbox and onto a real Redis, and from there to whoever is to learn of them."""

    folder: Path
    url: str
    client: "redis.Redis"
    outbox: Outbox
    seconds: float = 0.0
    checks: list[Check] = field(default_factory=list)
    origin: str = "box:kk07"

    def __post_init__(self) -> None:
        keeper = NoticeKeeper(self.origin, "东门卡口", self.outbox.append, None, self.monotonic)
        self.watch = NoticeWatch(keeper, self.checks, NoticeBoard(self.client), self.now)
        self.onlookers = Onlookers(self.folder, self.url, self.client, self.outbox)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def wait(self, seconds: float = 105.0, tick: Callable[[], object] = lambda: None) -> None:
        for _ in range(int(seconds / LOOK_EVERY_S)):
            tick()
            self.watch.step()
            self.seconds += LOOK_EVERY_S

    def begins(self, *notices: str, tick: Callable[[], object] = lambda: None) -> NoticeEvent:
        """Look for a while: what was caused, and nothing else, must have begun, for everybody to see."""
        self.wait(tick=tick)
        assert sorted(one.notice for one in self.watch.keeper.active) == sorted(notices)
        return self.seen("begun", *notices)

    def ends(self, *notices: str, tick: Callable[[], object] = lambda: None) -> NoticeEvent:
        self.wait(tick=tick)
        assert self.watch.keeper.active == ()
        return self.seen("ended", *notices)

    def seen(self, phase: str, *notices: str) -> NoticeEvent:
        """Hold that these began or ended last, and that a channel and the screen tell of them; return the last."""
        said = [from_cloudevent(row.body) for row in self.outbox.after(0, 1000)]
        last = [one for one in said if isinstance(one, NoticeEvent)][-len(notices) :]
        assert sorted((one.notice, one.phase) for one in last) == sorted((notice, phase) for notice in notices)
        self.onlookers.see(last)
        return last[-1]


@dataclass
class OwnRedis:
    """A Redis at one address that the test stops and starts."""

    socket: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        command = [str(find_redis_server().path), "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self.socket.parent)
        with redis.Redis.from_url(self.url) as client:
            wait_until(lambda: answers(client), what="Redis")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def answers(client: "redis.Redis") -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(client.ping())
    return False


@contextlib.contextmanager
def own_redis(folder: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(folder / "r.sock")
    server.start()
    try:
        yield server
    finally:
        server.stop()
