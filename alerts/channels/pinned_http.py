"""An HTTP client that only reaches the allow-list, dials the address that was checked, and never waits for ever."""

import contextlib
import functools
import logging
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import anyio
import anyio.to_thread
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from alerts.channels.base import ChannelConfigError, DeliveryError
from alerts.channels.egress import AllowList, Target

MAX_ANSWER_BYTES = 64 * 1024
"""Nobody we send to has more to say; the rest is not read."""
IDLE_CONNECTION_S = 30.0


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """At most MAX_ANSWER_BYTES."""


class PinnedHttp:
    """Posts to (and asks of) checked targets. One per channel: its kept connections never serve another host.

    The time limit covers the whole attempt. httpx limits single reads only, and a receiver that sends one byte
    now and then would hold a synchronous client for hours; so the attempt runs on an event loop and is cancelled.
    """

    def __init__(self, allow_list: AllowList, timeout_s: float) -> None:
        self._allow_list = allow_list
        self._timeout_s = timeout_s
        for name in ("httpx", "httpcore"):
            # Their lines hold the URL, and a robot's URL holds its key; debug lines hold the event.
            logging.getLogger(name).setLevel(logging.WARNING)
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._portal: BlockingPortal | None = None
        self._client = httpx.AsyncClient(
            verify=_authorities(),
            trust_env=False,  # A proxy from the environment would dial for us, past the checks.
            follow_redirects=False,
            timeout=timeout_s,
            limits=httpx.Limits(keepalive_expiry=IDLE_CONNECTION_S),
        )

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Return the answer, whatever its status.

        Raises DeliveryError (no answer in time, no connection) and EgressError (not allowed; nothing was sent).
        """
        return self._started().call(self._ask_in_time, "POST", url, body, dict(headers))

    def get(self, url: str) -> HttpAnswer:
        """As post, for what a far end only tells by GET."""
        return self._started().call(self._ask_in_time, "GET", url, b"", {})

    def probe(self, url: str) -> None:
        """Ask whether somebody answers there; what he says is of no interest, unless that he is broken."""
        answer = self.get(url)
        if answer.status >= 500:
            raise DeliveryError(f"对方返回 HTTP {answer.status}")

    def close(self) -> None:
        if self._portal is not None:
            self._portal.call(self._client.aclose)
        self._stack.close()

    def _started(self) -> BlockingPortal:
        # The event loop's thread starts with the first post: a client that is built and never used leaves nothing.
        with self._lock:
            if self._portal is None:
                self._portal = self._stack.enter_context(start_blocking_portal())
            return self._portal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _ask_in_time(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> HttpAnswer:
        try:
            with anyio.fail_after(self._timeout_s):
                # Looking up a name blocks; given up, it ends by itself in its thread.
                parsed, target = await anyio.to_thread.run_sync(self._allow_list.check_url, url, abandon_on_cancel=True)
                return await self._send(method, parsed, target, body, headers)
        except TimeoutError as error:
            raise DeliveryError(f"{self._timeout_s:g} 秒内没有应答") from error
        except httpx.HTTPError as error:
            # The message of an httpx error may hold the URL, and a robot's URL holds its secret.
            raise DeliveryError(f"没有应答（{type(error).__name__}）") from error

    async def _send(
        self, method: str, url: httpx.URL, target: Target, body: bytes, headers: dict[str, str]
    ) -> HttpAnswer:
        request = self._client.build_request(
            method,
            url.copy_with(host=target.address),
            content=body,
            headers={**headers, "host": url.netloc.decode(), "user-agent": "kakou"},
            # The certificate must be the named host's, though the address is dialled.
            extensions={"sni_hostname": target.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            received = bytearray()
            async for chunk in response.aiter_raw():
                received += chunk
                if len(received) >= MAX_ANSWER_BYTES:
                    break
        finally:
            await response.aclose()
        return HttpAnswer(response.status_code, response.headers, bytes(received[:MAX_ANSWER_BYTES]))


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Reading them takes 30 ms of the processor: once for all channels of a process."""
    return httpx.create_ssl_context(trust_env=False)


def check_url(url: str, channel: str) -> None:
    """Raises ChannelConfigError when a channel's address is none of HTTP."""
    if not url.startswith(("https://", "http://")):
        raise ChannelConfigError(f"通道 {channel}：url 应以 https:// 开头")
