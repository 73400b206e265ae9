"""What the three group-chat robots share: the vendor's limit, the digest, and answers that say 200 and mean no."""

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from alerts.channels.base import ChannelSettings, DeliveryError, Surroundings
from alerts.channels.payload import chat_line
from alerts.channels.pinned_http import PinnedHttp, check_url
from alerts.channels.secrets import read_secret
from alerts.envelope import Event

DIGEST_SHOWS = 5
"""A digest lists this many events and counts the rest."""
DIGEST_LIMIT = 200
NEAR_LIMIT = 0.25
"""With less than this share of the minute's messages left, waiting events go into one digest."""


class BotSettings(ChannelSettings):
    """A robot in a group chat: sees the masked plate only."""

    url: str | None = None
    """Address up to the question mark (Feishu: up to the token); None is the vendor's own."""
    token_file: Path
    """Holds WeCom's key, DingTalk's access_token or Feishu's hook id."""
    secret_file: Path | None = None
    """DingTalk and Feishu: signs each message; None where the robot is set up without."""
    per_minute: int | None = Field(default=None, ge=1)
    """None is the vendor's own limit: 20, 20 and 100."""


class Dialect(Protocol):
    """How one vendor's robot is spoken to."""

    per_minute: int
    gap_s: float
    """Least time between two messages; 0.0 for none."""
    rest_when_limited_s: float
    """How long the vendor blocks a robot that sent too much."""

    def url(self) -> str:
        """Return the full address, with secrets and signature."""
        ...

    def body(self, title: str, markdown: str) -> dict[str, object]: ...

    def failure(self, answer: bytes) -> tuple[str, bool] | None:
        """Return (code, whether it is the rate limit) when the answer is a refusal, None when it is success."""
        ...


class RateWindow:
    """Counts what was sent within the last minute."""

    def __init__(self, per_minute: int, gap_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._gap_s = gap_s
        self._clock = clock
        self._sent: deque[float] = deque()
        self._lock = threading.Lock()

    def note_sent(self) -> None:
        with self._lock:
            self._sent.append(self._clock())

    def left(self) -> int:
        with self._lock:
            while self._sent and self._sent[0] <= self._clock() - 60.0:
                self._sent.popleft()
            return max(0, self._per_minute - len(self._sent))

    def ready_in_s(self) -> float:
        is_full = self.left() == 0
        with self._lock:
            if not self._sent:
                return 0.0
            ready_at = self._sent[0] + 60.0 if is_full else self._sent[-1] + self._gap_s
            return max(0.0, ready_at - self._clock())

    def is_near(self) -> bool:
        return self.left() <= self._per_minute * NEAR_LIMIT


class BotChannel:
    """Sends masked lines to a group chat; several at once become a digest."""

    parallel = 1
    digest_limit = DIGEST_LIMIT

    def __init__(self, name: str, dialect: Dialect, http: PinnedHttp, window: RateWindow, link_base: str) -> None:
        self.name = name
        self._dialect = dialect
        self._http = http
        self._window = window
        self._link_base = link_base

    @property
    def batch_limit(self) -> int:
        return DIGEST_LIMIT if self._window.is_near() else 1

    def ready_in_s(self) -> float:
        return self._window.ready_in_s()

    def deliver(self, events: Sequence[Event]) -> None:
        self.say(*message_of(events, self._link_base))

    def say(self, title: str, markdown: str) -> None:
        """Say something in the group. Raises DeliveryError, EgressError."""
        body = json.dumps(self._dialect.body(title, markdown), ensure_ascii=False).encode()
        self._window.note_sent()
        answer = self._http.post(self._dialect.url(), body, {"content-type": "application/json; charset=utf-8"})
        if not 200 <= answer.status < 300:
            is_limit = answer.status == 429
            raise DeliveryError(
                f"机器人接口返回 HTTP {answer.status}",
                retry_after_s=self._dialect.rest_when_limited_s if is_limit else None,
            )
        if refusal := self._dialect.failure(answer.body):
            code, is_limit = refusal
            raise DeliveryError(
                f"机器人拒收，代码 {code}：到该厂家的开放平台查这个代码",
                retry_after_s=self._dialect.rest_when_limited_s if is_limit else None,
            )

    def probe(self) -> None:
        """Ask the vendor's host alone: no token leaves, and nobody in the group hears of it."""
        parts = urlsplit(self._dialect.url())
        self._http.probe(f"{parts.scheme}://{parts.netloc}/")

    def close(self) -> None:
        self._http.close()


class RobotAnswer(BaseModel):
    """All three vendors answer HTTP 200 with the real outcome inside; other fields are of no interest."""

    errcode: int | None = None
    """WeCom, DingTalk."""
    code: int | None = None
    """Feishu."""


def refusal_in(answer: bytes, limit_codes: frozenset[int]) -> tuple[str, bool] | None:
    """Return the refusal in a robot's answer; an answer that cannot be read is no success."""
    try:
        read = RobotAnswer.model_validate_json(answer)
    except ValidationError:
        return "unreadable answer", False
    code = read.errcode if read.errcode is not None else read.code
    if code == 0:
        return None
    return str(code), code in limit_codes


def message_of(events: Sequence[Event], link_base: str) -> tuple[str, str]:
    """Return title and Markdown of one event or of a digest."""
    lines = [chat_line(event, link_base) for event in events[:DIGEST_SHOWS]]
    title, many = events[0].heading
    if len(events) == 1:
        return title, lines[0]
    counts = Counter(event.word for event in events)
    head = f"**{len(events)} 条{many}**：{'，'.join(f'{word} {count}' for word, count in counts.most_common())}"
    rest = len(events) - len(lines)
    tail = [f"……另有 {rest} 条，请在指挥平台查看"] if rest else []
    return f"{len(events)} 条{title}", "\n\n".join([head, *lines, *tail])


def secret_of(settings: BotSettings) -> str | None:
    return read_secret(settings.secret_file, settings.name) if settings.secret_file else None


def robot(settings: BotSettings, around: Surroundings, dialect: Dialect) -> BotChannel:
    """Return the channel of a robot that is spoken to in `dialect`. Raises ChannelConfigError."""
    if settings.url is not None:
        check_url(settings.url, settings.name)
    window = RateWindow(settings.per_minute or dialect.per_minute, dialect.gap_s)
    http = PinnedHttp(around.allow_list, settings.timeout_s)
    return BotChannel(settings.name, dialect, http, window, around.link_base)
