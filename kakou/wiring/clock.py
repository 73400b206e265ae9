"""The clock that may destroy, for every process of a box or a centre."""

from collections.abc import Callable
from datetime import UTC, datetime

import redis

from kakou.settings import Settings
from riskdb.clock import NEVER, Clock, TrustedClock

_PATIENCE_S = 1.0


def trusted_clock(settings: Settings, *, is_keeping: bool = True) -> TrustedClock:
    """Return a clock that shares the mark of the state folder; one thread only.

    With `is_keeping` False it only reads the mark.
    """
    there = settings.alerts.stream_url or settings.redis_url
    centre = None if there is None else _time_of(there)
    return TrustedClock(settings.state_dir / "clock.json", settings.clock, centre=centre, is_keeping=is_keeping)


def deletable_at(clock: Clock) -> Callable[[], datetime | None]:
    """Return what tells up to which moment things may be deleted for their age, None while nothing may; asked in one
    thread only."""

    def ask() -> datetime | None:
        at = clock.look().deletable
        return datetime.fromtimestamp(at, UTC) if at > NEVER else None

    return ask


def _time_of(url: str) -> Callable[[], float | None]:
    def ask() -> float | None:
        try:
            with redis.Redis.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S) as client:
                seconds, microseconds = client.time()
        except redis.RedisError:
            return None
        return float(seconds + microseconds / 1e6)

    return ask
