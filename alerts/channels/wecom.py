"""WeCom (企业微信) group robot: 20 messages a minute."""

from alerts.channels.bot import refusal_in

WECOM_URL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
LIMIT_CODES = frozenset({45009})
"""errcode 45009: reach max api daily/minute quota."""


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
