"""What every screen shows beside the cases: whole where a screen opens, then only what changed."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from console.situation.boxes import BoxWatch
from console.situation.figures import CaseFigures, figures_of, open_by_place, open_within, overdue_by_grid
from console.situation.hours import HourBook, Passed
from console.situation.statistics import Statistics, local_day
from console.situation.tile_changes import TileChange
from console.store.database import Database

_COUNT_AGAIN_S = 30.0
"""Cases also change where no screen is told: another console on the same database, what is erased."""

Parts: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Counted:
    """The cases of a moment, for screens of any area."""

    figures: CaseFigures
    overdue: dict[str, int]
    open: dict[tuple[str, str], int]
    day: datetime
    changes: int
    """`LiveHub.changes` when they were counted."""
    until: float

    def parts(self, scope: str, passed: Passed) -> Parts:
        overdue = sum(count for code, count in self.overdue.items() if code.startswith(scope))
        today = self.figures.of(scope, passed).model_dump() | {"overdue": overdue}
        return {"today": today, "grids": open_within(self.open, scope)}


class ScreenState:
    """`turn` is for one thread; `whole` may be called from any."""

    def __init__(
        self,
        database: Database,
        boxes: BoxWatch,
        hours: HourBook,
        said: Callable[[], Parts],
        changes: Callable[[], int],
        now: Callable[[], datetime],
    ) -> None:
        """`said` returns what there is to say beside counts, by name; `changes` grows whenever cases change."""
        self._database = database
        self._statistics = Statistics(database)
        self._boxes = boxes
        self._hours = hours
        self._said = said
        self._changes = changes
        self._now = now
        self._counted: _Counted | None = None
        self._sent: dict[str, Parts] = {}
        """By area: what its screens were told last."""

    def whole(self, scope: str) -> str:
        """Return everything, as JSON: tiles and their revision, counts of the day, open cases by grid."""
        now = self._now()
        revision, tiles = self._boxes.whole(now)
        day = self._statistics.counts(local_day(now), now + timedelta(hours=1), scope)
        document = {
            "revision": revision,
            "tiles": [tile.model_dump(mode="json") for tile in tiles],
            "today": day.model_dump() | {"overdue": self._statistics.overdue(scope)},
            "grids": self._statistics.open_by_grid(scope),
            **self._said(),
            "now": now.isoformat(),
        }
        return json.dumps(document, ensure_ascii=False)

    def changed_tiles(self) -> str | None:
        """Return what all screens have to change in their tiles, as JSON; None: nothing."""
        change = self._boxes.changes(self._now())
        return None if change is None else _tiles_json(change)

    def turn(self, scopes: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield an area and what its screens have to change beside the tiles, as JSON."""
        scopes, now = set(scopes), self._now()
        self._sent = {scope: sent for scope, sent in self._sent.items() if scope in scopes}
        if not scopes:
            return
        counted, passed = self._count(now), self._hours.passed_since(local_day(now))
        for scope in scopes:
            parts = counted.parts(scope, passed) | self._said()
            before = self._sent.get(scope, {})
            changed = {name: part for name, part in parts.items() if before.get(name) != part}
            if changed:
                self._sent[scope] = parts
                yield scope, json.dumps(changed | {"now": now.isoformat()}, ensure_ascii=False)

    def _count(self, now: datetime) -> _Counted:
        """Count the cases anew where some changed; otherwise the old counts hold."""
        changes, day, old = self._changes(), local_day(now), self._counted
        if old is not None and (old.changes, old.day) == (changes, day) and time.monotonic() < old.until:
            return old
        with self._database.reading() as session:
            figures = figures_of(session, day, now + timedelta(days=1))
            overdue, by_place = overdue_by_grid(session), open_by_place(session)
        self._counted = _Counted(figures, overdue, by_place, day, changes, time.monotonic() + _COUNT_AGAIN_S)
        return self._counted


def _tiles_json(change: TileChange) -> str:
    tiles = ",".join(tile.model_dump_json() for tile in change.tiles)
    return f'{{"revision":{change.revision},"changed":[{tiles}],"gone":{json.dumps(change.gone)}}}'
