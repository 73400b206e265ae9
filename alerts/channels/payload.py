"""What a receiver is told: the whole event, its thin form, or a line for a group chat."""

from alerts.envelope import Event, to_cloudevent, wrap


def envelope_of(event: Event, *, full_payload: bool, link_base: str) -> bytes:
    """Return CloudEvents JSON: the event itself, or only its thin form."""
    return to_cloudevent(event) if full_payload else wrap(event, event.thin(link_to(event, link_base)))


def link_to(event: Event, link_base: str) -> str:
    return f"{link_base.rstrip('/')}{event.link_path}" if link_base else ""


def chat_line(event: Event, link_base: str) -> str:
    """Return one line of Markdown about an event."""
    moment = event.happened_at.astimezone().strftime("%m-%d %H:%M:%S")
    link = link_to(event, link_base)
    asked = f"（{event.asks}）" if event.asks else ""
    said = (f"**{plain(event.word)}{asked}**", plain(event.place), event.masked, moment, plain(event.advice))
    words = " ".join(part for part in said if part)
    return f"{words} [查看]({link})" if link else words


def plain(text: str) -> str:
    """Return `text` without what Markdown would act on."""
    return "".join(char for char in text if char not in "*_`[]()<>#\n\r\\~|")
