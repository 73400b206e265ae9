"""Which cameras the console keeps a place for: whoever may write to the centre's Redis could invent any number."""

import time
from collections import Counter
from collections.abc import Callable, Container, Iterable
from itertools import islice

from alerts.box_status import BoxStatus
from console.settings import ConsoleSettings

MAX_AT_ONE_PLACE = 64
"""Cameras of one checkpoint: a large toll plaza has some 30 lanes."""
MAX_STRANGERS = 500
"""Cameras of checkpoints that are not registered, where some are."""
STRANGERS_SHOWN = 20
"""Of them, those that get a tile of their own."""
_NEW_AT_ONCE = 500
_REFUSED_FOR_S = 900.0
_REFUSED_KEPT = 50_000
_WAITING_KEPT = 20_000


class Roster:
    """Admits cameras until there are too many; remembers whom it refused for a while, and how many they were."""

    def __init__(self, settings: ConsoleSettings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._registered = frozenset(place.name for place in settings.checkpoint)
        self._max = settings.max_cameras
        self._monotonic = monotonic
        self._at_place: Counter[str] = Counter()
        self._strangers: dict[str, None] = {}
        """The first ones first."""
        self._waiting: dict[str, None] = {}
        """Names that nobody asked about yet, the first ones first."""
        self._refused: dict[int, float] = {}
        """By the hash of the name: when it was refused, the longest ago first."""

    def worth_asking(self, camera_ids: Iterable[str], known: Container[str]) -> list[str]:
        """Return all that are known, and some of the others that were not refused lately; the rest wait their turn."""
        self._forgive()
        old = []
        for camera_id in camera_ids:
            if camera_id in known:
                old.append(camera_id)
            elif hash(camera_id) not in self._refused and len(self._waiting) < _WAITING_KEPT:
                self._waiting[camera_id] = None
        new = list(islice(self._waiting, _NEW_AT_ONCE))
        for camera_id in new:
            del self._waiting[camera_id]
        return list(dict.fromkeys(old + new))

    def admit(self, status: BoxStatus) -> bool:
        """Give a camera that was not known a place, where there is one."""
        is_stranger = self._is_unregistered(status.checkpoint)
        is_full = (
            self._at_place.total() >= self._max
            or self._at_place[status.checkpoint] >= MAX_AT_ONE_PLACE
            or (is_stranger and len(self._strangers) >= MAX_STRANGERS)
        )
        if is_full:
            if len(self._refused) < _REFUSED_KEPT:
                self._refused[hash(status.camera_id)] = self._monotonic()
            return False
        self._at_place[status.checkpoint] += 1
        if is_stranger:
            self._strangers[status.camera_id] = None
        return True

    def drop(self, status: BoxStatus) -> None:
        """A camera that was admitted is known no more."""
        self._at_place[status.checkpoint] -= 1
        if self._at_place[status.checkpoint] <= 0:
            del self._at_place[status.checkpoint]
        self._strangers.pop(status.camera_id, None)

    def is_present(self, checkpoint: str) -> bool:
        return checkpoint in self._at_place

    def is_stranger(self, camera_id: str) -> bool:
        return camera_id in self._strangers

    def is_shown(self, camera_id: str) -> bool:
        if camera_id not in self._strangers:
            return True
        return len(self._strangers) <= STRANGERS_SHOWN or camera_id in list(self._strangers)[:STRANGERS_SHOWN]

    def not_shown(self) -> int:
        """Return how many cameras report and have no tile of their own."""
        return len(self._refused) + max(0, len(self._strangers) - STRANGERS_SHOWN)

    def _is_unregistered(self, checkpoint: str) -> bool:
        return bool(self._registered) and checkpoint not in self._registered

    def _forgive(self) -> None:
        until = self._monotonic() - _REFUSED_FOR_S
        while self._refused and self._refused[first := next(iter(self._refused))] < until:
            del self._refused[first]
