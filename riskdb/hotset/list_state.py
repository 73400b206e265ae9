"""Is the list in Redis one that may be asked? What a reader looks at every second."""

import math
import re
import time
from dataclasses import dataclass

from riskdb.clock import Clock
from riskdb.hotset import keys
from riskdb.hotset.keys import ReasonBuckets
from riskdb.hotset.list_meta import ListMeta
from riskdb.hotset.redis_link import RedisLink
from riskdb.settings import RiskSettings
from riskdb.types import RiskDBError, StaleListError


@dataclass(frozen=True, slots=True)
class ListState:
    """What a reader knows of the list."""

    version: int
    count: int
    key_id: str
    buckets: ReasonBuckets
    """Where the reasons stand."""
    heartbeat: float
    """Epoch seconds by the centre's clock."""
    is_alone: bool
    """The server is a replica that has lost its centre."""
    checked_at: float
    """Monotonic seconds."""
    marker: bytes
    """The member of the hot set that names the version."""

    def age_s(self, wall_time: float) -> float:
        """Return how long ago the list's keeper was last heard of."""
        return max(0.0, wall_time - self.heartbeat)


class ListWatch:
    """Reads the state of the list and says whether it is young enough. One thread only."""

    def __init__(self, link: RedisLink, settings: RiskSettings, clock: Clock) -> None:
        self._link = link
        self._settings = settings
        self._clock = clock
        self._untended: float | None = None
        """The last heartbeat that had grown old while the centre, or a server of our own, was there."""
        self._lost: float | None = None
        """The heartbeat with which everything went silent while the list was tended..."""
        self._lost_at = -1.0
        """...and how far the replica had copied by then, in bytes."""
        self._young_at = -math.inf
        """When this reader last saw a young heartbeat, monotonic seconds."""

    def read(self) -> ListState:
        """Ask Redis. Raises RiskDBError when the time is not known, or what Redis says is no list."""
        if not self._clock.look().is_known:
            raise RiskDBError("时间不可信：本机时钟比以前显示过的还早，请校准（NTP）")
        fields, members = self._asked()
        if None in fields:
            raise RiskDBError("Redis 中还没有名单：在中心运行 kakou risk serve 或 kakou risk import")
        meta = ListMeta.parsed(fields)
        if meta is None:
            raise RiskDBError("Redis 中名单的说明已损坏：kakou risk serve 运行时会自行修好")
        age_s = self._clock.wall() - meta.heartbeat
        if abs(age_s) <= self._settings.stale_after_s:
            self._young_at = time.monotonic()
        if meta.count + 1 != members:
            raise RiskDBError(f"名单应有 {meta.count} 项，实有 {members - 1} 项：在中心运行 kakou risk check")
        return ListState(
            version=meta.version,
            count=meta.count,
            key_id=meta.key_id,
            buckets=meta.buckets,
            heartbeat=meta.heartbeat,
            is_alone=age_s > self._settings.stale_after_s and self._lost_a_tended_centre(meta.heartbeat, age_s),
            checked_at=time.monotonic(),
            marker=keys.version_marker(meta.version),
        )

    def _asked(self) -> tuple[list[bytes | None], int]:
        """Return the fields of risk:meta and the size of the hot set. Raises RiskDBError."""
        match self._link.ask_atomically(("HMGET", keys.META, *keys.META_FIELDS), ("SCARD", keys.HOT)):
            case [list() as fields, int() as members]:
                return fields, members
        raise RiskDBError("Redis 的答复不像名单：核对 redis_url 指的是不是 kakou 的 Redis")

    def _lost_a_tended_centre(self, heartbeat: float, age_s: float) -> bool:
        """Whether this is a replica that nothing comes to any more, and the list was tended when that began.

        A list that nobody tended while the centre was there gets no younger by the centre's going away.
        """
        replication = self._replication()
        copied = _number(rb"slave_repl_offset:(\d+)", replication)
        if heartbeat == self._lost and copied == self._lost_at:
            return True  # a line anew, to a city that does not know yet that it has lost the centre, brought nothing
        gone_s = self._silent_s(replication)
        if gone_s is None:
            self._untended = heartbeat
            self._lost = None
            return False
        if heartbeat == self._untended:
            return False
        if heartbeat == self._lost:
            return True  # nothing came since, whatever the line is called by now
        # It was tended a moment ago, whatever the clocks say now; or when nothing came any more, which Redis notices
        # only after a minute (repl-timeout).
        was_young = time.monotonic() - self._young_at <= self._settings.stale_after_s
        was_tended = was_young or gone_s < 0 or age_s - gone_s <= 2 * self._settings.stale_after_s
        self._lost, self._lost_at = (heartbeat, copied) if was_tended else (None, copied)
        return was_tended

    def _replication(self) -> bytes:
        said = self._link.ask(("INFO", "replication"))[0]
        return said if isinstance(said, bytes) else b""

    def _silent_s(self, replication: bytes) -> float | None:
        """Return for how long nothing came from above; below zero where nobody knows; None while something comes.

        A line that a router cut stays "up" until repl-timeout (60 s), and so does a box's to its city when the city has
        lost the centre: a centre that is there says something every 10 s, through every level, tended or not.
        """
        if b"master_link_status:down" in replication:
            # Below zero: the replica was restarted since and does not know when it saw its centre last.
            return _number(rb"master_link_down_since_seconds:(-?\d+)", replication)
        silent_s = _number(rb"master_last_io_seconds_ago:(-?\d+)", replication)
        return silent_s if silent_s >= self._settings.stale_after_s / 2 else None

    def is_young(self, state: ListState) -> bool:
        limit_s = self._settings.alone_for_s if state.is_alone else self._settings.stale_after_s
        return -self._settings.stale_after_s <= self._clock.wall() - state.heartbeat <= limit_s

    def require_young(self, state: ListState) -> None:
        if self.is_young(state):
            return
        age_s = self._clock.wall() - state.heartbeat
        if age_s < 0:
            raise StaleListError(f"名单的更新时间超前 {-age_s:.0f} 秒：校准本机和中心的时钟（NTP）")
        raise StaleListError(f"名单已 {age_s:.0f} 秒没有更新：查看中心的 kakou risk serve 是否在运行、网络是否通")


def _number(pattern: bytes, said: bytes) -> float:
    found = re.search(pattern, said)
    return float(found[1]) if found else -1.0
