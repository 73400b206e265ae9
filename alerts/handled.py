"""HandledEvent: what the people at a checkpoint did with a vehicle that was flagged there."""

from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from alerts.envelope import Event, EventId, Name, Payload, UtcDatetime, deterministic_id

BoothResult = Literal["passed", "turned_back", "isolated", "misread"]
RESULT_WORDS: dict[BoothResult, str] = {
    "passed": "已查验放行",
    "turned_back": "劝返",
    "isolated": "移交隔离转运",
    "misread": "排除（误读）",
}


class HandledNotice(Payload):
    """That a checkpoint dealt with one of its vehicles, and how; which one it was is behind the link."""

    event_type = "cn.kakou.vehicle.handled.notice.v1"
    schema_uri = "urn:kakou:handled-notice:1"

    event_id: EventId
    checkpoint: Name
    result: BoothResult
    handled_at: UtcDatetime
    link: str
    """Empty when no link_base is set."""


class HandledEvent(Event):
    """A flagged vehicle was dealt with at the booth; said again when somebody there takes it back."""

    event_type = "cn.kakou.vehicle.handled.v1"
    schema_uri = "urn:kakou:handled-event:1"
    kind = "handled"
    thin_model = HandledNotice

    flagged_id: EventId
    """The flagged event that it is about."""
    camera_id: Name
    checkpoint: Name
    result: BoothResult
    by: Name
    """The booth's device, and who stood there, in the booth's own words."""
    note: str = Field(default="", max_length=200)
    handled_at: UtcDatetime
    """Box time."""

    @property
    def source(self) -> str:
        return f"/checkpoints/{quote(self.checkpoint, safe='')}/booth"

    @property
    def made_at(self) -> datetime:
        return self.handled_at

    @property
    def happened_at(self) -> datetime:
        return self.handled_at

    @property
    def place(self) -> str:
        return self.checkpoint

    @property
    def word(self) -> str:
        return RESULT_WORDS[self.result]

    @property
    def masked(self) -> str:
        return ""

    @property
    def summary(self) -> str:
        return f"{self.word}  {self.by}  {self.flagged_id}"

    def thin(self, link: str) -> HandledNotice:
        return HandledNotice(
            event_id=self.event_id,
            checkpoint=self.checkpoint,
            result=self.result,
            handled_at=self.handled_at,
            link=link,
        )


def handled_id(flagged_id: str, result: BoothResult, handled_at: datetime, id_key: bytes) -> str:
    """Return the event's id: the same result of the same vehicle at the same moment is the same event."""
    return deterministic_id(["handled", flagged_id, result, str(round(handled_at.timestamp() * 1000))], id_key)
