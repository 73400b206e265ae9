"""What each machine says is amiss now, for everybody's screens.

Redis keys (written here only):
  notices:<origin>   STRING  NoticeReport as JSON; expires after REPORT_TTL_S
"""

import redis
from pydantic import BaseModel, ConfigDict, ValidationError

from alerts.envelope import Name, UtcDatetime
from alerts.notices.keeper import ActiveNotice

REPORT_KEY = "notices:"
REPORT_TTL_S = 24 * 3600
"""A silent machine stays known for a day; its silence is a notice itself."""


class NoticeReport(BaseModel):
    """One machine's word. What a newer machine adds to it is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    origin: Name
    """box:HOST or centre:HOST."""
    place: Name
    version: str
    """Of kakou."""
    reported_at: UtcDatetime
    active: tuple[ActiveNotice, ...] = ()
    canary_every_s: float = 0.0
    """How often its canary should come out; 0.0 for never."""

    @property
    def is_box(self) -> bool:
        return self.origin.startswith("box:")


class NoticeBoard:
    """Writer and reader of the reports. Raises redis.RedisError."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def report(self, report: NoticeReport) -> None:
        self._client.set(REPORT_KEY + report.origin, report.model_dump_json(), ex=REPORT_TTL_S)

    def reports(self) -> list[NoticeReport]:
        """Return the latest report of every machine; one that cannot be understood is left out."""
        keys = sorted(self._client.scan_iter(match=REPORT_KEY + "*", count=500))
        raw = self._client.mget(keys) if keys else []
        return [report for text in raw if text is not None and (report := _parsed(text)) is not None]


def _parsed(text: bytes | str) -> NoticeReport | None:
    try:
        return NoticeReport.model_validate_json(text)
    except ValidationError:
        return None
