"""What the boxes said last: a tile turns red and does not vanish when nothing is heard any more."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import takewhile

import redis

from alerts.box_status import STATUS_TTL_S, BoxStatus, StatusBoard
from console.settings import ConsoleSettings
from console.situation.roster import Roster
from console.situation.tile_changes import TileChange, TileChanges
from console.situation.tiles import (
    Heard,
    Tile,
    heard_anew,
    is_busy,
    is_by_day,
    silent_tile,
    tile_of,
    worst_first,
)

_FORGET_AFTER = timedelta(seconds=STATUS_TTL_S)


class BoxWatch:
    """Knows every camera's latest report. A turn costs what arrived in it, however many cameras there are."""

    def __init__(self, board: StatusBoard, settings: ConsoleSettings, now: Callable[[], datetime]) -> None:
        self._board = board
        self._settings = settings
        self._now = now
        self._arrivals = board.arrivals()
        self._roster = Roster(settings)
        self._places = tuple(dict.fromkeys(place.name for place in settings.checkpoint))
        self._last: dict[str, Heard] = {}
        """By camera, who was not heard for longest first."""
        self._busy: set[str] = set()
        self._minds_plates = False
        self._changes = TileChanges()
        self._lock = threading.Lock()
        for name in self._places:
            self._changes.put(silent_tile(name))

    def refresh(self) -> list[BoxStatus]:
        """Take the reports that arrived; returns them, none where Redis cannot be reached."""
        try:
            asked = self._roster.worth_asking(self._arrivals.names(), self._last)
            found = self._board.of(asked)
        except redis.RedisError:
            return []
        self._arrivals.forget(camera_id for camera_id in asked if camera_id not in found)
        now = self._now()
        with self._lock:
            return [status for status in found.values() if status is not None and self._take(status, now)]

    def tiles(self, now: datetime) -> list[Tile]:
        """Return all tiles, the worst first."""
        return self.whole(now)[1]

    def whole(self, now: datetime) -> tuple[int, list[Tile]]:
        """Return the revision of all tiles, and the tiles, the worst first; later changes lead on from there."""
        with self._lock:
            shown = [heard for camera_id, heard in self._last.items() if self._roster.is_shown(camera_id)]
            silent = [silent_tile(name) for name in self._places if not self._roster.is_present(name)]
            crowd = [self._crowd_tile()] if self._roster.not_shown() else []
            found = [*(self._tile(heard, now) for heard in shown), *silent, *crowd]
            return self._changes.revision, worst_first(found)

    def changes(self, now: datetime) -> TileChange | None:
        """Return what changed since the last call: reports that arrived, and cameras that fell silent."""
        with self._lock:
            self._look_at_silent(now)
            minds_plates = bool(self._busy) and is_by_day(self._settings, now)
            if minds_plates != self._minds_plates:
                self._minds_plates = minds_plates
                for heard in self._last.values():
                    self._show(heard, now)
            if self._roster.not_shown():
                self._changes.put(self._crowd_tile())
            else:
                self._changes.remove(self._crowd_tile().key)
            return self._changes.take()

    def _take(self, status: BoxStatus, now: datetime) -> bool:
        before = self._last.get(status.camera_id)
        if before is not None and before.status.reported_at == status.reported_at:
            return False
        if before is None or before.status.checkpoint != status.checkpoint:
            if before is not None:
                self._drop(before)
            if not self._roster.admit(status):
                return False
            self._changes.remove(silent_tile(status.checkpoint).key)
        self._last.pop(status.camera_id, None)
        heard = self._last[status.camera_id] = heard_anew(status, before, now)
        (self._busy.add if is_busy(status) else self._busy.discard)(status.camera_id)
        self._show(heard, now)
        return True

    def _look_at_silent(self, now: datetime) -> None:
        heard_by = now - timedelta(seconds=self._settings.stale_status_s)
        for heard in list(takewhile(lambda heard: heard.at < heard_by, self._last.values())):
            if heard.at < now - _FORGET_AFTER:
                self._drop(heard)
            else:
                self._show(heard, now)

    def _drop(self, heard: Heard) -> None:
        camera_id, checkpoint = heard.status.camera_id, heard.status.checkpoint
        del self._last[camera_id]
        self._busy.discard(camera_id)
        self._roster.drop(heard.status)
        self._changes.remove(camera_id)
        if checkpoint in self._places and not self._roster.is_present(checkpoint):
            self._changes.put(silent_tile(checkpoint))

    def _show(self, heard: Heard, now: datetime) -> None:
        if self._roster.is_shown(heard.status.camera_id):
            self._changes.put(self._tile(heard, now))

    def _tile(self, heard: Heard, now: datetime) -> Tile:
        is_stranger = self._roster.is_stranger(heard.status.camera_id)
        minds_plates = bool(self._busy) and is_by_day(self._settings, now)
        return tile_of(heard, self._settings, now, minds_plates=minds_plates, is_stranger=is_stranger)

    def _crowd_tile(self) -> Tile:
        """One line for all that have no tile of their own."""
        many = self._roster.not_shown()
        said = f"另有 {many} 路摄像机未显示：卡口未登记，或超过 max_cameras；请核对盒子的配置，必要时更换 Redis 口令"
        return Tile(checkpoint="未登记", camera_id="", health="warn", problems=(said,))
