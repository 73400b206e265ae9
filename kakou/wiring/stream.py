"""Opens the Redis that holds the event stream."""

import contextlib
from collections.abc import Iterator

import redis

from alerts.stream import connect
from kakou.settings import Settings
from kakou.wiring.redis import open_redis


@contextlib.contextmanager
def open_stream(settings: Settings) -> "Iterator[redis.Redis]":
    """Yield a client of the stream's Redis: alerts.stream_url, else the box's own. Raises RedisUnavailableError."""
    with contextlib.ExitStack() as stack:
        url = settings.alerts.stream_url or stack.enter_context(open_redis(settings))
        yield stack.enter_context(connect(url))
