"""NoticeEvent: what travels when something of the system is no longer, or again, as it should be (异常提醒)."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias
from urllib.parse import quote

from pydantic import Field

from alerts.envelope import Event, EventId, Name, Payload, UtcDatetime, deterministic_id

Severity: TypeAlias = Literal["critical", "warning"]
"""critical: vehicles pass unscreened, or nobody hears of them. warning: answers are less sure, or will be."""
SEVERITY_WORDS: dict[Severity, str] = {"critical": "严重", "warning": "注意"}
NoticeName = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Words = Annotated[str, Field(max_length=500)]
ID_KEY = b"kakou notice: tells of no vehicle"
"""No secret: nothing in a notice needs one."""


class BriefNotice(Payload):
    """That something began or ended; what to do stands behind the link."""

    event_type = "cn.kakou.system.notice.brief.v1"
    schema_uri = "urn:kakou:system-notice-brief:1"

    event_id: EventId
    notice: NoticeName
    phase: Literal["begun", "ended"]
    severity: Severity
    checkpoint: Name
    at: UtcDatetime
    link: str
    """Empty when no link_base is set."""


class NoticeEvent(Event):
    """The beginning or the end of one notice. Its words travel with it: an older console shows a newer box's notice."""

    event_type = "cn.kakou.system.notice.v1"
    schema_uri = "urn:kakou:system-notice:1"
    kind = "notice"
    thin_model = BriefNotice

    notice: NoticeName
    """Its name in the table of notices."""
    phase: Literal["begun", "ended"]
    severity: Severity
    title: Words
    to_do: Words
    subject: str = Field(default="", max_length=200)
    """Which one of several: a camera, a channel, a box; "" for the machine as a whole."""
    detail: Words = ""
    checkpoint: Name
    """Where; a centre names itself."""
    origin: Name
    """Which machine says so, such as box:kk07."""
    began_at: UtcDatetime
    ended_at: UtcDatetime | None = None

    @property
    def source(self) -> str:
        return f"/checkpoints/{quote(self.checkpoint, safe='')}/notices/{self.notice}"

    @property
    def made_at(self) -> datetime:
        return self.happened_at

    @property
    def happened_at(self) -> datetime:
        return self.ended_at or self.began_at

    @property
    def place(self) -> str:
        return self.checkpoint

    @property
    def word(self) -> str:
        return self.title if self.phase == "begun" else f"已恢复：{self.title}"

    @property
    def masked(self) -> str:
        return "".join(char for char in self.subject if char.isalnum() or char in " .:-")

    @property
    def summary(self) -> str:
        said = (self.word, self.subject, self.detail, self.to_do if self.phase == "begun" else "")
        return "  ".join(part for part in said if part)

    @property
    def grade(self) -> Severity:
        return self.severity

    @property
    def heading(self) -> tuple[str, str]:
        return "系统异常提醒", "异常提醒"

    @property
    def asks(self) -> str:
        return SEVERITY_WORDS[self.severity] if self.phase == "begun" else ""

    @property
    def advice(self) -> str:
        return self.to_do if self.phase == "begun" else ""

    @property
    def link_path(self) -> str:
        return "/notices"

    def thin(self, link: str) -> BriefNotice:
        return BriefNotice(
            event_id=self.event_id,
            notice=self.notice,
            phase=self.phase,
            severity=self.severity,
            checkpoint=self.checkpoint,
            at=self.happened_at,
            link=link,
        )


def notice_id(origin: str, notice: str, subject: str, began_at: datetime, phase: str) -> str:
    """Return the id of a beginning or an end: the same one, said twice, has the same id."""
    began_ms = str(round(began_at.timestamp() * 1000))
    return deterministic_id([origin, notice, subject, began_ms, phase], ID_KEY)
