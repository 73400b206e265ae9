"""The clock that may destroy, for every process of a box or a centre."""

from collections.abc import Callable

import redis

from kakou.settings import Settings
from riskdb.clock import TrustedClock

_PATIENCE_S = 1.0


def trusted_clock(settings: Settings, *, is_keeping: bool = True) -> TrustedClock:
    """Return a clock that shares the mark of the state folder; one thread only.

    With `is_keeping` False it only reads the mark.
    """
    there = settings.alerts.stream_url or settings.redis_url
    centre = None if there is None else _time_of(there)
    return TrustedClock(settings.state_dir / "clock.json", settings.clock, centre=centre, is_keeping=is_keeping)


def _time_of(url: str) -> Callable[[], float | None]:
    def ask() -> float | None:
        try:
            with redis.Redis.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S) as client:
                seconds, microseconds = client.time()
        except redis.RedisError:
            return None
        return float(seconds + microseconds / 1e6)

    return ask
