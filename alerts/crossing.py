"""CrossingEvent: what travels when somebody went in or out where a household agreed to be watched (隔离门)."""

from datetime import datetime
from urllib.parse import quote

from pydantic import Field

from alerts.envelope import Event, EventId, Name, Payload, PicturePath, UtcDatetime


class CrossingNotice(Payload):
    """That somebody went in or out somewhere, and when; which door is behind the link."""

    event_type = "cn.kakou.door.crossing.notice.v1"
    schema_uri = "urn:kakou:door-crossing-notice:1"

    event_id: EventId
    checkpoint: Name
    at: UtcDatetime
    link: str
    """Empty when no link_base is set."""


class CrossingEvent(Event):
    """One crossing of a door, from a guard camera. There is none without a consent that holds at that moment."""

    event_type = "cn.kakou.door.crossing.v1"
    schema_uri = "urn:kakou:door-crossing:1"
    kind = "crossing"
    thin_model = CrossingNotice

    camera_id: Name
    checkpoint: Name
    """Place or micro-grid that the door belongs to."""
    door: Name
    crossed_at: UtcDatetime
    """As far as the camera's clock can be believed."""
    arrived_at: UtcDatetime
    """Box time."""
    consent_by: Name
    """Who agreed."""
    consent_until: UtcDatetime
    meeting_url: str = Field(default="", max_length=400)
    """Where the worker can call the household by video; "" where no template is set."""
    picture: PicturePath | None = None
    """Path relative to the evidence folder; None when the camera sent none."""

    @property
    def source(self) -> str:
        return f"/checkpoints/{quote(self.checkpoint, safe='')}/cameras/{quote(self.camera_id, safe='')}"

    @property
    def made_at(self) -> datetime:
        return self.arrived_at

    @property
    def happened_at(self) -> datetime:
        return self.crossed_at

    @property
    def place(self) -> str:
        return self.checkpoint

    @property
    def word(self) -> str:
        return "有人出入"

    @property
    def masked(self) -> str:
        return "隔离门"

    @property
    def summary(self) -> str:
        return f"{self.door}  有人出入" + (f"  视频核实 {self.meeting_url}" if self.meeting_url else "")

    @property
    def heading(self) -> tuple[str, str]:
        return "隔离门提醒", "隔离门提醒（待核实）"

    def thin(self, link: str) -> CrossingNotice:
        return CrossingNotice(event_id=self.event_id, checkpoint=self.checkpoint, at=self.crossed_at, link=link)
