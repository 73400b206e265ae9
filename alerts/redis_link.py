"""Redis as alerts uses it: the names of the streams, a client that gives up soon, and one kind of error."""

import contextlib
from collections.abc import Iterator

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alerts.envelope import MAX_EVENT_BYTES
from alerts.errors import AlertsError
from riskdb.system_words import system_words

STREAM_KEY = "events:flagged"
DEAD_KEY = "events:dead"
RELAYED_KEY = "events:relayed:"
DEAD_COUNT_KEY = "events:dead:count"
MAX_DEAD_BYTES = 2 * MAX_EVENT_BYTES
"""Of something oversized, the dead letter keeps the beginning."""


class StreamError(AlertsError):
    """Redis could not be asked, or refused; nothing is lost, try again later."""


def connect(url: str, *, timeout_s: float = 5.0) -> "redis.Redis":
    """Return a client that gives up soon and never repeats a write by itself (redis-py's default does both badly)."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=2.0, retry=Retry(NoBackoff(), 0), health_check_interval=0
    )


@contextlib.contextmanager
def redis_errors(action: str) -> Iterator[None]:
    """Turn a Redis error into a StreamError that says what could not be done."""
    try:
        yield
    except redis.RedisError as error:
        is_full = isinstance(error, redis.exceptions.OutOfMemoryError)
        raise StreamError(f"{action}不成：Redis {'内存已满' if is_full else system_words(error)}") from error
