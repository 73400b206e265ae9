"""DingTalk (钉钉) group robot: 20 messages a minute, above it the robot is blocked for 10 minutes."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Literal
from urllib.parse import quote_plus

from alerts.channels.base import Channel, ChannelKind, Surroundings
from alerts.channels.bot import BotSettings, refusal_in, robot, secret_of
from alerts.channels.secrets import read_secret

DINGTALK_URL = "https://oapi.dingtalk.com/robot/send"
LIMIT_CODES = frozenset({130101, 410100, 660026})
"""errcode of sending too fast, in the three spellings in use."""


class DingTalkSettings(BotSettings):
    kind: Literal["dingtalk"]
    """Of DingTalk (钉钉): 20 messages a minute. Sees the masked plate only."""


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


def _build(settings: DingTalkSettings, around: Surroundings) -> Channel:
    token = read_secret(settings.token_file, settings.name)
    return robot(settings, around, DingTalkDialect(token, secret_of(settings), settings.url, around.now))


CHANNEL = ChannelKind("Robot in a DingTalk group", DingTalkSettings, _build)
