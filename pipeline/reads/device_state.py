"""What is known of each device: when it sent what, what was refused, how far its clock is off."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from pipeline.reads.device_clock import DeviceClock
from pipeline.reads.limits import Bucket
from pipeline.reads.settings import DeviceSettings

STRANGERS = ""
"""Stands for senders that no device is known for."""


class DeviceReport(BaseModel):
    """The state of a device as it is written down."""

    model_config = ConfigDict(extra="ignore")

    last_message_at: AwareDatetime | None = None
    """Any message with the right secret, a sign of life too."""
    last_read_at: AwareDatetime | None = None
    reads: int = 0
    resent: int = 0
    """Sent again although they were on disk: answered, and not taken twice."""
    other: int = 0
    """Signs of life and events that hold no read."""
    refused: int = 0
    """Wrong secret, another device's id, too old, too large, too many."""
    refused_at: AwareDatetime | None = None
    why_refused: str = ""
    quarantined: int = 0
    quarantined_at: AwareDatetime | None = None
    why_quarantined: str = ""
    broken_pictures: int = 0
    """That came with a read and are none: the read counts without."""
    clock_offset_s: float | None = None
    newest: AwareDatetime | None = None
    """The latest time of its own clock."""


@dataclass(slots=True)
class Device:
    """A configured device at work."""

    settings: DeviceSettings
    secret: str
    clock: DeviceClock
    bucket: Bucket
    report: DeviceReport = field(default_factory=DeviceReport)

    @classmethod
    def of(cls, settings: DeviceSettings, secret: str, window: timedelta, said: str | None) -> "Device":
        report = report_from(said)
        clock = DeviceClock(window, report.clock_offset_s, report.newest)
        return cls(settings, secret, clock, Bucket(settings.reads_per_s), report)

    def note(self, **changes: object) -> None:
        """Change the report; numbers are added."""
        for name, value in changes.items():
            is_count = isinstance(value, int) and not isinstance(value, bool)
            setattr(self.report, name, getattr(self.report, name) + value if is_count else value)

    def refuse(self, why: str, now: datetime) -> None:
        self.note(refused=1, refused_at=now, why_refused=why)

    def set_apart(self, why: str, now: datetime) -> None:
        """Note a message that went to quarantine."""
        self.note(last_message_at=now, quarantined=1, quarantined_at=now, why_quarantined=why[:200])

    def said(self) -> str:
        """Return the report, to be written down."""
        changes = {"clock_offset_s": self.clock.offset_s, "newest": self.clock.newest}
        return self.report.model_copy(update=changes).model_dump_json()


def report_from(said: str | None) -> DeviceReport:
    """Return a report that was written down; an empty one for none or a damaged one."""
    try:
        return DeviceReport.model_validate_json(said) if said else DeviceReport()
    except ValidationError:
        return DeviceReport()


def by_id(devices: Iterable[Device]) -> dict[str, Device]:
    return {device.settings.device_id: device for device in devices}
