"""Signed webhook after Standard Webhooks 1.0.0: every 2xx is success, everything else is tried again."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from pydantic import Field
from standardwebhooks.webhooks import Webhook

from alerts.channels.base import Channel, ChannelConfigError, ChannelKind, ChannelSettings, DeliveryError, Surroundings
from alerts.channels.payload import envelope_of
from alerts.channels.pinned_http import HttpAnswer, PinnedHttp, check_url
from alerts.channels.secrets import read_secret
from alerts.envelope import Event

SECRET_BYTES = range(24, 65)
"""Standard Webhooks: 24 to 64 bytes."""


class WebhookSettings(ChannelSettings):
    kind: Literal["webhook"]
    """Signed as Standard Webhooks 1.0.0 say."""
    url: str
    """https://...; its host must be in allowed_hosts."""
    secret_files: tuple[Path, ...] = Field(min_length=1)
    """Each holds one whsec_... secret; several while a secret is being changed."""
    full_payload: bool = False
    """False: id, checkpoint, time, level and link. True: the plate too, for endpoints entitled to it."""
    parallel: int = Field(default=4, ge=1, le=32)
    """Requests on their way at once."""


class WebhookChannel:
    """Posts each event to one URL, signed with every current secret."""

    batch_limit = 1

    def __init__(
        self, settings: WebhookSettings, http: PinnedHttp, link_base: str, now: Callable[[], datetime]
    ) -> None:
        """Raises ChannelConfigError when a secret is missing or too short."""
        self.name = settings.name
        self.parallel = settings.parallel
        self._settings = settings
        self._http = http
        self._link_base = link_base
        self._now = now
        self._signers = [load_signer(path, settings.name) for path in settings.secret_files]

    def ready_in_s(self) -> float:
        return 0.0

    def deliver(self, events: Sequence[Event]) -> None:
        [event] = events
        body = envelope_of(event, full_payload=self._settings.full_payload, link_base=self._link_base)
        answer = self._http.post(self._settings.url, body, self._signed_headers(event.event_id, body))
        if not 200 <= answer.status < 300:
            raise failure_of(answer, self._now())

    def probe(self) -> None:
        self._http.probe(self._settings.url)

    def close(self) -> None:
        self._http.close()

    def _signed_headers(self, event_id: str, body: bytes) -> dict[str, str]:
        moment = self._now().astimezone(UTC)
        return {
            "content-type": "application/cloudevents+json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": " ".join(signer.sign(event_id, moment, body.decode()) for signer in self._signers),
        }


def load_signer(path: Path, channel: str) -> Webhook:
    """Return the signer of a `whsec_...` secret in a file. Raises ChannelConfigError."""
    secret = read_secret(path, channel)
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ChannelConfigError(f"通道 {channel}：{path} 里不是 whsec_ 开头的 Base64 密钥") from error
    if not secret.startswith("whsec_") or len(key) not in SECRET_BYTES:
        raise ChannelConfigError(
            f"通道 {channel}：{path} 应为 whsec_ 加 24 到 64 字节的 Base64，现在是 {len(key)} 字节；"
            f"这样生成：echo whsec_$(openssl rand -base64 32)"
        )
    return Webhook(key)


def failure_of(answer: HttpAnswer, now: datetime) -> DeliveryError:
    """Return what an answer other than 2xx means; a redirect is a failure too."""
    return DeliveryError(
        f"对方返回 HTTP {answer.status}",
        retry_after_s=parse_retry_after(answer.headers.get("retry-after"), now),
        is_gone=answer.status == 410,
    )


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds to wait from a Retry-After header (seconds or an HTTP date), None when there is none."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp())


def _build(settings: WebhookSettings, around: Surroundings) -> Channel:
    http = PinnedHttp(around.allow_list, settings.timeout_s)
    check_url(settings.url, settings.name)
    return WebhookChannel(settings, http, around.link_base, around.now)


CHANNEL = ChannelKind("Signed webhook", WebhookSettings, _build)
