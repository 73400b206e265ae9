"""Feishu (飞书) group robot: 100 messages a minute, 5 a second."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from alerts.channels.base import Channel, ChannelKind, Surroundings
from alerts.channels.bot import BotSettings, refusal_in, robot, secret_of
from alerts.channels.secrets import read_secret

FEISHU_URL = "https://open.feishu.cn/open-apis/bot/v2/hook"
LIMIT_CODES = frozenset({9499, 11232, 99991400})
"""code of too many requests, in the spellings in use."""


class FeishuSettings(BotSettings):
    kind: Literal["feishu"]
    """Of Feishu (飞书): 100 messages a minute. Sees the masked plate only."""


class FeishuDialect:
    per_minute = 100
    gap_s = 0.2
    rest_when_limited_s = 60.0

    def __init__(self, token: str, secret: str | None, url: str | None, now: Callable[[], datetime]) -> None:
        self._url = f"{url or FEISHU_URL}/{token}"
        self._secret = secret
        self._now = now

    def url(self) -> str:
        return self._url

    def body(self, title: str, markdown: str) -> dict[str, object]:
        card = {
            "header": {"title": {"tag": "plain_text", "content": title}},
            "elements": [{"tag": "markdown", "content": markdown}],
        }
        message: dict[str, object] = {"msg_type": "interactive", "card": card}
        if self._secret is not None:
            timestamp_s = int(self._now().timestamp())
            message |= {"timestamp": str(timestamp_s), "sign": sign(self._secret, timestamp_s)}
        return message

    def failure(self, answer: bytes) -> tuple[str, bool] | None:
        return refusal_in(answer, LIMIT_CODES)


def sign(secret: str, timestamp_s: int) -> str:
    """Return Feishu's signature: base64 of HMAC-SHA256 of nothing, keyed with timestamp + newline + secret."""
    digest = hmac.new(f"{timestamp_s}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _build(settings: FeishuSettings, around: Surroundings) -> Channel:
    token = read_secret(settings.token_file, settings.name)
    return robot(settings, around, FeishuDialect(token, secret_of(settings), settings.url, around.now))


CHANNEL = ChannelKind("Robot in a Feishu group", FeishuSettings, _build)
