"""The door for signed batches: who sends, is it really them, was it here before."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from riskdb.feed.answers import FeedNotice, FeedRefusedError, FeedUnknownError, Taken
from riskdb.feed.rows import FeedBatch, row_of
from riskdb.feed.taking import KeyMark
from riskdb.keeper import RiskKeeper
from riskdb.settings import FeedSettings
from riskdb.system_words import system_words
from riskdb.types import RiskDBError

FEED_HEADER = "x-kakou-feed"
KEY_HEADER = "webhook-id"
MAX_KEY = 128
SECRET_BYTES = range(24, 65)
"""Standard Webhooks: 24 to 64 bytes."""


class FeedDoor:
    """Takes batches signed as Standard Webhooks 1.0.0 say, each feed with its own secret."""

    def __init__(
        self, feeds: Sequence[FeedSettings], open_keeper: Callable[[], AbstractContextManager[RiskKeeper]]
    ) -> None:
        self._feeds = {feed.name: feed for feed in feeds}
        self._open_keeper = open_keeper

    def take(self, headers: Mapping[str, str], body: bytes) -> Taken:
        """Take a batch, once. Raises FeedRefusedError, FeedQuotaError, RiskDBError."""
        feed = self._sender(headers, body)
        key = headers[KEY_HEADER]
        if len(key) > MAX_KEY:
            raise FeedRefusedError(f"webhook-id 太长，最多 {MAX_KEY} 个字符")
        try:
            batch = FeedBatch.model_validate_json(body)
        except ValidationError as error:
            raise FeedRefusedError('内容应为 {"records": [ … ]}，每批 1 至 5000 条') from error
        rows = [row_of(record, feed.name, number) for number, record in enumerate(batch.records)]
        with self._open_keeper() as keeper:
            return keeper.feeds.take(feed, rows, KeyMark(feed.name, key))

    def notices(self) -> list[FeedNotice]:
        """Return what feeds did in the last day that is not usual. Raises RiskDBError."""
        if not self._feeds:
            return []
        with self._open_keeper() as keeper:
            return keeper.feeds.notices()

    def _sender(self, headers: Mapping[str, str], body: bytes) -> FeedSettings:
        feed = self._feeds.get(headers.get(FEED_HEADER, ""))
        if feed is None or not any(_is_signed(path, headers, body) for path in feed.secret_files):
            raise FeedUnknownError(
                "签名不对：请核对 x-kakou-feed、webhook-id、webhook-timestamp、webhook-signature 和密钥"
            )
        return feed


def _is_signed(path: Path, headers: Mapping[str, str], body: bytes) -> bool:
    secret = _secret_in(path)
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _secret_in(path: Path) -> str:
    try:
        secret = path.read_text(encoding="ascii").strip()
        if len(base64.b64decode(secret.removeprefix("whsec_") + "==")) in SECRET_BYTES:
            return secret
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise RiskDBError(f"读不了密钥文件 {path}（{system_words(error)}）：核对路径和权限") from error
    raise RiskDBError(f"{path} 应为一行密钥：whsec_ 加 24 到 64 字节的 Base64")
