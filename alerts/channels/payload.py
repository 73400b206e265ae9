"""What a receiver is told: the whole event, a thin notice, or a line for a group chat."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from alerts.events import LEVEL_WORDS, FlaggedEvent, UtcDatetime, to_cloudevent, wrap

NOTICE_TYPE = "cn.kakou.vehicle.flagged.notice.v1"
NOTICE_SCHEMA_URI = "urn:kakou:flagged-notice:1"


class FlaggedNotice(BaseModel):
    """That something was flagged, where and when; what it was is behind the link, for those who may see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str
    checkpoint: str
    level: Literal["hit", "possible"]
    captured_at: UtcDatetime
    link: str
    """Empty when no link_base is set."""


def notice_of(event: FlaggedEvent, link_base: str) -> FlaggedNotice:
    return FlaggedNotice(
        event_id=event.event_id,
        checkpoint=event.checkpoint,
        level=event.level,
        captured_at=event.captured_at,
        link=link_to(event, link_base),
    )


def envelope_of(event: FlaggedEvent, *, full_payload: bool, link_base: str) -> bytes:
    """Return CloudEvents JSON: the event itself, or only its notice."""
    if full_payload:
        return to_cloudevent(event)
    notice = notice_of(event, link_base).model_dump(mode="json")
    return wrap(event, notice, event_type=NOTICE_TYPE, schema_uri=NOTICE_SCHEMA_URI)


def link_to(event: FlaggedEvent, link_base: str) -> str:
    return f"{link_base.rstrip('/')}/events/{event.event_id}" if link_base else ""


def masked_plate(text: str) -> str:
    """Return the plate as a group chat may see it: province, letter, first and last two characters (鲁B·1**45)."""
    if len(text) < 6:
        return text[:1] + "*" * (len(text) - 1)
    return f"{text[:2]}·{text[2]}{'*' * (len(text) - 5)}{text[-2:]}"


def chat_line(event: FlaggedEvent, link_base: str) -> str:
    """Return one line of Markdown about an event."""
    moment = event.captured_at.astimezone().strftime("%m-%d %H:%M:%S")
    link = link_to(event, link_base)
    words = f"**{LEVEL_WORDS[event.level]}（待核实）** {plain(event.checkpoint)} {masked_plate(event.text)} {moment}"
    return f"{words} [查看]({link})" if link else words


def plain(text: str) -> str:
    """Return `text` without what Markdown would act on."""
    return "".join(char for char in text if char not in "*_`[]()<>#\n\r\\~|")
