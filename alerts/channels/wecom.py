"""WeCom (企业微信) group robot: 20 messages a minute."""

from typing import Literal

from alerts.channels.base import Channel, ChannelKind, Surroundings
from alerts.channels.bot import BotSettings, refusal_in, robot
from alerts.channels.secrets import read_secret

WECOM_URL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
LIMIT_CODES = frozenset({45009})
"""errcode 45009: reach max api daily/minute quota."""


class WeComSettings(BotSettings):
    kind: Literal["wecom"]
    """Of WeCom (企业微信): 20 messages a minute. Sees the masked plate only."""


class WeComDialect:
    per_minute = 20
    gap_s = 0.0
    rest_when_limited_s = 60.0

    def __init__(self, token: str, url: str | None) -> None:
        self._url = f"{url or WECOM_URL}?key={token}"

    def url(self) -> str:
        return self._url

    def body(self, title: str, markdown: str) -> dict[str, object]:  # noqa: ARG002 - WeCom's Markdown has no title
        return {"msgtype": "markdown", "markdown": {"content": markdown}}

    def failure(self, answer: bytes) -> tuple[str, bool] | None:
        return refusal_in(answer, LIMIT_CODES)


def _build(settings: WeComSettings, around: Surroundings) -> Channel:
    token = read_secret(settings.token_file, settings.name)
    return robot(settings, around, WeComDialect(token, settings.url))


CHANNEL = ChannelKind("Robot in a WeCom group", WeComSettings, _build)
