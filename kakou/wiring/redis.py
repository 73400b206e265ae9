"""Builds the parts from the settings, for every command alike."""

import contextlib
from collections.abc import Iterator

from kakou.settings import Settings
from kakou.wiring.embedded_redis import embedded_redis


@contextlib.contextmanager
def open_redis(settings: Settings) -> Iterator[str]:
    """Yield the URL of the configured Redis, or of an embedded one in the state folder.

    Raises RedisUnavailableError.
    """
    if settings.redis_url:
        yield settings.redis_url
        return
    with embedded_redis(settings.state_dir / "redis") as url:
        yield url
