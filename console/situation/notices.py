"""What is amiss in the whole system, for the banner of the screen and the page 异常提醒."""

import redis
from pydantic import BaseModel, ConfigDict

from alerts.notice import SEVERITY_WORDS, NoticeEvent
from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.notices.keeper import ActiveNotice
from alerts.stream import FlaggedStream, StreamError

_LOOKED_BACK = 2000
"""Entries of the stream that are looked through for ends."""
_ENDED_SHOWN = 50
_WORDS_SHOWN = 3


class Banner(BaseModel):
    """What the screen says in one line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    critical: int
    warning: int
    text: str
    """The gravest and latest ones in words; "" while nothing is amiss."""


class Notices:
    """Remembers what the machines said last: a Redis that is away takes no notice off the screen."""

    def __init__(self, client: "redis.Redis") -> None:
        self.board = NoticeBoard(client)
        self._stream = FlaggedStream(client)
        self._reports: tuple[NoticeReport, ...] = ()

    def refresh(self) -> None:
        try:
            self._reports = tuple(self.board.reports())
        except redis.RedisError:
            return

    def active(self) -> list[ActiveNotice]:
        """Return what is amiss now, the gravest first, then the latest."""
        found = [notice for report in self._reports for notice in report.active]
        return sorted(found, key=lambda one: (one.severity != "critical", -one.began_at.timestamp(), one.subject))

    def banner(self) -> Banner:
        active = self.active()
        critical = sum(one.severity == "critical" for one in active)
        words = "；".join(notice_words(one) for one in active[:_WORDS_SHOWN])
        return Banner(critical=critical, warning=len(active) - critical, text=words)

    def ended(self) -> list[NoticeEvent]:
        """Return what has ended lately, the latest first; nothing where the stream cannot be asked."""
        try:
            recent = self._stream.recent(_LOOKED_BACK)
        except StreamError:
            return []
        seen: dict[str, NoticeEvent] = {}
        for entry in recent:
            if isinstance(entry.event, NoticeEvent) and entry.event.phase == "ended":
                seen[entry.event.event_id] = entry.event
        return sorted(seen.values(), key=lambda one: one.happened_at, reverse=True)[:_ENDED_SHOWN]


def notice_words(notice: ActiveNotice) -> str:
    """Return where, which and what, on one line."""
    words = " ".join(part for part in (notice.checkpoint, notice.subject, notice.title) if part)
    return words + (f"（{notice.detail}）" if notice.detail else "")


def severity_words(notice: ActiveNotice | NoticeEvent) -> str:
    return SEVERITY_WORDS[notice.severity]
