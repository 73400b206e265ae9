"""What somebody at the booth did, into the box's outbox: on disk before the page says so, at the centre when it can."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from alerts.booth_link import BoothPassage
from alerts.envelope import Event
from alerts.errors import AlertsError
from alerts.flagged import FlaggedEvent
from alerts.handled import BoothResult, HandledEvent, handled_id
from alerts.kinds import from_cloudevent
from alerts.outbox import Outbox
from console.types import ConsoleError
from riskdb.own_file import read_own

_LOOKED_BACK = 500
"""Rows of the outbox in which a booth that starts looks for what still waits."""


class Handling:
    def __init__(self, outbox: Outbox, evidence_folder: Path, id_key: Callable[[], bytes]) -> None:
        self._outbox = outbox
        self._evidence_folder = evidence_folder
        self._id_key = id_key

    def keep(self, events: Iterable[FlaggedEvent], result: BoothResult, by: str, now: datetime) -> None:
        """Keep what was done, for good. Raises ConsoleError."""
        try:
            for event in events:
                self._outbox.append(
                    HandledEvent(
                        event_id=handled_id(event.event_id, result, now, self._id_key()),
                        flagged_id=event.event_id,
                        camera_id=event.camera_id,
                        checkpoint=event.checkpoint,
                        result=result,
                        by=by,
                        handled_at=now,
                    )
                )
        except AlertsError as error:
            raise ConsoleError("没有记下：盒子的磁盘写不进去。请再按一次；仍不行时电话告知值班台。") from error

    def left_open(self, now: datetime) -> list[tuple[BoothPassage, bytes, bytes]]:
        """Return what still waits for a hand after a restart, with its pictures where they are still here."""
        last = self._outbox.last_seq()
        rows = self._outbox.after(max(0, last - _LOOKED_BACK), _LOOKED_BACK)
        events = [event for row in rows if (event := _read(row.body)) is not None]
        done = {event.flagged_id for event in events if isinstance(event, HandledEvent)}
        return [
            (_passage_of(event), self._picture(event.plate_picture), self._picture(event.vehicle_picture))
            for event in events
            if isinstance(event, FlaggedEvent) and event.event_id not in done
            if event.booth_until is not None and now < event.booth_until
        ]

    def _picture(self, name: str | None) -> bytes:
        try:
            return read_own(self._evidence_folder / name) if name else b""
        except OSError:  # sent to the centre already
            return b""


def _read(body: bytes) -> Event | None:
    try:
        return from_cloudevent(body)
    except AlertsError:
        return None


def _passage_of(event: FlaggedEvent) -> BoothPassage:
    return BoothPassage(
        camera_id=event.camera_id, checkpoint=event.checkpoint, started_at=event.started_at, text=event.text,
        plate_class=event.plate_class, outcome="flagged", event=event, decided_at=event.decided_at, has_left=True,
    )  # fmt: skip
