"""What each machine says is amiss now, for everybody's screens.

Redis keys (written here only):
  notices:<origin>   STRING  NoticeReport as JSON; expires after REPORT_TTL_S
  notices::arrived   STREAM  of which machines (alerts.arrivals)
"""

from itertools import islice

import redis
from pydantic import BaseModel, ConfigDict, ValidationError

from alerts.arrivals import Arrivals, put
from alerts.envelope import Name, UtcDatetime
from alerts.notices.keeper import ActiveNotice

REPORT_KEY = "notices:"
REPORT_TTL_S = 24 * 3600
"""A silent machine stays known for a day; its silence is a notice itself."""
MAX_MACHINES = 10_000
"""More than a province has; invented names beyond it are left out."""


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
        self._arrivals = Arrivals(client, REPORT_KEY)
        self._origins: set[str] = set()

    def report(self, report: NoticeReport) -> None:
        put(self._client, REPORT_KEY, report.origin, report.model_dump_json(), REPORT_TTL_S)

    def reports(self) -> list[NoticeReport]:
        """Return the latest report of every machine; one that cannot be understood is left out."""
        new = set(self._arrivals.names()) - self._origins
        self._origins.update(islice(new, MAX_MACHINES - len(self._origins)))
        origins = sorted(self._origins)
        raw = self._client.mget([REPORT_KEY + origin for origin in origins]) if origins else []
        gone = {origin for origin, text in zip(origins, raw, strict=True) if text is None}
        self._origins -= gone
        self._arrivals.forget(gone)
        return [report for text in raw if text is not None and (report := _parsed(text)) is not None]


def _parsed(text: bytes | str) -> NoticeReport | None:
    try:
        return NoticeReport.model_validate_json(text)
    except ValidationError:
        return None
