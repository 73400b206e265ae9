"""What a box looks at where cameras send reads: who is silent, who was turned away, what waits."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.notices.keeper import Amiss
from kakou.settings import Settings
from kakou.wiring.reads import open_journal, reads_folder
from pipeline.reads.device_state import STRANGERS, DeviceReport, report_from

NOTICES = ("device_silent", "device_refused", "device_clock", "reads_unreadable", "reads_lost", "reads_waiting")
RECENT = timedelta(minutes=10)
LOST_TOLD = timedelta(hours=1)
"""So long people are told of a read that is lost: somebody has to look for its vehicle."""
MAX_WAITING = 100
MAX_LAG = timedelta(seconds=10)
"""A read that nobody has looked at for longer: whoever waits at the barrier for a result sees none."""
MAX_OFFSET_S = 30.0


@dataclass(frozen=True, slots=True)
class DeviceLook:
    """Looks at what the endpoint last wrote down of each device."""

    settings: Settings
    now: Callable[[], datetime]

    def look(self) -> Iterator[Amiss]:
        """Raises sqlite3.Error, OSError."""
        now = self.now()
        said, lost, is_behind = self._said(now)
        for device in self.settings.reads.devices:
            for notice, detail in self._faults(report_from(said.get(device.device_id)), now):
                yield Amiss(notice, device.camera_id, detail, device.checkpoint)
            if count := lost.pop(device.device_id, 0):
                yield Amiss("reads_lost", device.camera_id, f"{count} 条", device.checkpoint)
        for device_id, count in lost.items():
            yield Amiss("reads_lost", "", f"{device_id}（已不在配置中）：{count} 条")
        strangers = report_from(said.get(STRANGERS))
        if _is_recent(strangers.refused_at, now):
            yield Amiss("device_refused", "", strangers.why_refused)
        if is_behind:
            yield Amiss("reads_waiting")

    def _said(self, now: datetime) -> tuple[dict[str, str], dict[str, int], bool]:
        """Return what each device said, how many reads of it were lost of late; and whether we are behind."""
        if not (reads_folder(self.settings) / "reads.sqlite").exists():
            return {}, {}, False
        with contextlib.closing(open_journal(self.settings)) as journal:
            oldest = journal.oldest_untaken()
            is_behind = journal.waiting_count() > MAX_WAITING or (oldest is not None and now - oldest > MAX_LAG)
            return journal.said_of_devices(), journal.lost_since(now - LOST_TOLD), is_behind

    def _faults(self, report: DeviceReport, now: datetime) -> Iterator[tuple[str, str]]:
        silent = timedelta(hours=self.settings.reads.silent_after_h)
        if report.last_message_at is None:
            yield "device_silent", "从未上报"
        elif now - report.last_message_at > silent:
            yield "device_silent", f"超过 {self.settings.reads.silent_after_h:g} 小时没有报文"
        if _is_recent(report.refused_at, now):
            yield "device_refused", report.why_refused
        if abs(report.clock_offset_s or 0.0) > MAX_OFFSET_S:
            yield "device_clock", "快" if (report.clock_offset_s or 0.0) > 0 else "慢"
        if _is_recent(report.quarantined_at, now):
            yield "reads_unreadable", report.why_quarantined


def _is_recent(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment < RECENT
