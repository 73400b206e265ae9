"""ProposalEvent: what travels when a higher platform wants a vehicle watched, or no longer (布控, 撤控).

It changes no list. It goes to the console alone, where the data steward takes it up or refuses it.
"""

from datetime import datetime
from urllib.parse import quote

from pydantic import Field

from alerts.envelope import Event, EventId, Name, Payload, UtcDatetime


class ProposalNotice(Payload):
    """That a platform asked for something, and which platform; what it asked is behind the link."""

    event_type = "cn.kakou.list.proposal.notice.v1"
    schema_uri = "urn:kakou:list-proposal-notice:1"

    event_id: EventId
    platform: Name
    at: UtcDatetime
    link: str
    """Empty when no link_base is set."""


class ProposalEvent(Event):
    """One vehicle that a platform wants watched, or no longer. Who asked and whom to call is not in it."""

    event_type = "cn.kakou.list.proposal.v1"
    schema_uri = "urn:kakou:list-proposal:1"
    kind = "proposal"
    thin_model = ProposalNotice

    platform: Name
    """The device of kakou.toml that it came from."""
    checkpoint: Name
    """Whose box it came to."""
    reference: str = Field(default="", max_length=100)
    """The platform's own number for it."""
    is_lift: bool = False
    """The vehicle is to be watched no longer."""
    text: str = Field(default="", max_length=32)
    """The plate; "" only where an earlier one is lifted by its reference."""
    plate_class: str = Field(default="", pattern=r"^(\d{2})?$")
    """"" where nothing says it."""
    reason: str = Field(default="", max_length=500)
    """In the platform's words, without numbers that could be somebody's."""
    office: str = Field(default="", max_length=100)
    """Which office asks."""
    begins_at: UtcDatetime | None = None
    until: UtcDatetime | None = None
    arrived_at: UtcDatetime
    """Box time."""

    @property
    def source(self) -> str:
        return f"/checkpoints/{quote(self.checkpoint, safe='')}/platforms/{quote(self.platform, safe='')}"

    @property
    def made_at(self) -> datetime:
        return self.arrived_at

    @property
    def happened_at(self) -> datetime:
        return self.arrived_at

    @property
    def place(self) -> str:
        return self.checkpoint

    @property
    def word(self) -> str:
        return "上级撤控建议" if self.is_lift else "上级布控建议"

    @property
    def masked(self) -> str:
        return self.platform

    @property
    def summary(self) -> str:
        return "  ".join(part for part in (self.word, self.platform, self.reference) if part)

    @property
    def heading(self) -> tuple[str, str]:
        return "上级布控建议", "上级布控建议（待名单管理员处理）"

    @property
    def link_path(self) -> str:
        return "/proposals"

    def thin(self, link: str) -> ProposalNotice:
        return ProposalNotice(event_id=self.event_id, platform=self.platform, at=self.arrived_at, link=link)
