"""A stay in words, the same on screen, phone and booth page."""

from datetime import datetime, timedelta, timezone

from alerts.flagged import EventReason, FlaggedEvent

_LOCAL_ZONE = timezone(timedelta(hours=8), "北京时间")
_MOST = 6


def stays_of(event: FlaggedEvent) -> tuple[str, ...]:
    """Return area, risk and dates of the stays that put a vehicle on the list."""
    return tuple(_words(reason) for reason in event.reasons[:_MOST])


def _words(reason: EventReason) -> str:
    first, last = (_spoken(at.astimezone(_LOCAL_ZONE)) for at in (reason.visited_from, reason.visited_until))
    risk = "高风险" if reason.level == "high" else "中风险"
    return f"{reason.area_name or reason.area}（{risk}）{first} 至 {last}"


def _spoken(at: datetime) -> str:
    """No hyphen stands in it, at which a narrow page would break the day in two."""
    return f"{at.month}月{at.day}日 {at:%H:%M}"
