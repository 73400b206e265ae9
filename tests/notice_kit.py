"""Invented notices."""

from datetime import datetime, timedelta

from alerts.notice import NoticeEvent
from alerts.notices.keeper import ActiveNotice
from alerts.notices.table import BY_NAME
from tests.alerts_kit import NOON


def notice(
    name: str = "camera_lost", subject: str = "kk07-lane1", began_at: datetime = NOON, lasted_s: float | None = None
) -> NoticeEvent:
    """Return the beginning of a notice, or its end where it is said how long it lasted."""
    kind = BY_NAME[name]
    active = ActiveNotice(
        notice=name, severity=kind.severity, title=kind.title, to_do=kind.to_do, subject=subject, detail="",
        checkpoint="东门卡口", origin="box:kk07", began_at=began_at,
    )  # fmt: skip
    return active.event(None if lasted_s is None else began_at + timedelta(seconds=lasted_s))
