"""Where canaries came out: each link of the chain writes down the last one of each box that passed it.

Redis keys (written here only):
  canary:<link>   HASH  origin of the box -> unix ms when that box sent the last canary that came out here; no expiry.
                        <link> is `console` or `channel:<name>`.
"""

from typing import cast

import redis

from alerts.canary import CanaryEvent
from alerts.redis_link import redis_errors

KEY = "canary:"


class CanaryMarks:
    """Writer and reader. Raises StreamError."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def came_out(self, link: str, canary: CanaryEvent) -> None:
        with redis_errors("记下自检"):
            self._client.hset(KEY + link, canary.origin, round(canary.sent_at.timestamp() * 1000))

    def forget(self, link: str) -> None:
        with redis_errors("清除自检记录"):
            self._client.delete(KEY + link)

    def last(self, link: str) -> dict[str, int]:
        """Return when the last canary that came out at a link was sent, by box; what nobody wrote is left out."""
        with redis_errors("读取自检记录"):
            found = cast("dict[bytes, bytes]", self._client.hgetall(KEY + link))
        return {name.decode(errors="replace"): int(value) for name, value in found.items() if value.isdigit()}
