"""DingTalk (钉钉) group robot: 20 messages a minute, above it the robot is blocked for 10 minutes."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote_plus

from alerts.channels.bot import refusal_in

DINGTALK_URL = "https://oapi.dingtalk.com/robot/send"
LIMIT_CODES = frozenset({130101, 410100, 660026})
"""errcode of sending too fast, in the three spellings in use."""


class DingTalkDialect:
    per_minute = 20
    gap_s = 0.0
    rest_when_limited_s = 600.0

    def __init__(self, token: str, secret: str | None, url: str | None, now: Callable[[], datetime]) -> None:
        self._base = f"{url or DINGTALK_URL}?access_token={token}"
        self._secret = secret
        self._now = now

    def url(self) -> str:
        if self._secret is None:
            return self._base
        timestamp_ms = round(self._now().timestamp() * 1000)
        return f"{self._base}&timestamp={timestamp_ms}&sign={quote_plus(sign(self._secret, timestamp_ms))}"

    def body(self, title: str, markdown: str) -> dict[str, object]:
        return {"msgtype": "markdown", "markdown": {"title": title, "text": markdown}}

    def failure(self, answer: bytes) -> tuple[str, bool] | None:
        return refusal_in(answer, LIMIT_CODES)


def sign(secret: str, timestamp_ms: int) -> str:
    """Return DingTalk's signature: base64 of HMAC-SHA256(secret, timestamp + newline + secret)."""
    digest = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
