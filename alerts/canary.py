"""CanaryEvent (自检车): a vehicle that does not exist went through the whole of a box, and comes out here."""

from datetime import datetime
from urllib.parse import quote

from pydantic import Field

from alerts.envelope import Event, EventId, Name, Payload, UtcDatetime, deterministic_id

ID_KEY = b"kakou canary: a vehicle of nobody"


class CanaryNotice(Payload):
    """Nobody is sent it."""

    event_type = "cn.kakou.system.canary.notice.v1"
    schema_uri = "urn:kakou:canary-notice:1"

    event_id: EventId


class CanaryEvent(Event):
    """What a flagged event would have been. No case, no count, no message: its arrival is all that it tells."""

    event_type = "cn.kakou.system.canary.v1"
    schema_uri = "urn:kakou:canary:1"
    kind = "canary"
    thin_model = CanaryNotice

    origin: Name
    """Which box sent it: box:HOST."""
    checkpoint: Name
    sent_at: UtcDatetime
    confidence: float = Field(ge=0.0, le=1.0)
    """Probability of the weakest character as it was read."""
    list_version: int

    @property
    def source(self) -> str:
        return f"/checkpoints/{quote(self.checkpoint, safe='')}/canary"

    @property
    def made_at(self) -> datetime:
        return self.sent_at

    @property
    def happened_at(self) -> datetime:
        return self.sent_at

    @property
    def place(self) -> str:
        return self.checkpoint

    @property
    def word(self) -> str:
        return "自检车"

    @property
    def masked(self) -> str:
        return ""

    @property
    def summary(self) -> str:
        return f"自检车  {self.origin}  名单版本 {self.list_version}"

    def thin(self, link: str) -> CanaryNotice:  # noqa: ARG002  nothing stands behind a link
        return CanaryNotice(event_id=self.event_id)


def canary_id(origin: str, sent_at: datetime) -> str:
    return deterministic_id([origin, str(round(sent_at.timestamp() * 1000))], ID_KEY)
