"""Files that a recorder cut out of one recording: each is a unit of its own that knows what comes before and after."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.replay.units import ReplayUnit, Segment
from pipeline.video.capture_time import capture_start

TOUCH_S = 2.0
"""Names tell whole seconds, and a recorder needs a moment to open its next file."""
BEFORE_MS = 65_000.0
"""As much as `UnitWindow` looks at before a piece: the longest that a parked vehicle may be hidden, and a little."""
AFTER_MS = 120_000.0


def link_segments(units: Iterable[ReplayUnit], length_ms_of: Callable[[Path], float]) -> list[ReplayUnit]:
    """Tell each file which ones its recording goes on in, before and after it, where their times touch.

    Only files of one folder whose name or container tells when they began, and how long they are.
    """
    linked = list(units)
    by_folder: defaultdict[Path, list[int]] = defaultdict(list)
    for place, unit in enumerate(linked):
        if unit.start is None and unit.path.is_file():
            by_folder[unit.path.parent].append(place)
    for places in by_folder.values():
        for recording in _recordings([linked[place] for place in places], length_ms_of) if len(places) > 1 else ():
            for index, (unit, _) in enumerate(recording):
                before = tuple(_within(recording[:index][::-1], BEFORE_MS))[::-1]
                after = tuple(_within(recording[index + 1 :], AFTER_MS))
                length_ms = recording[index][1] if after else 0.0
                linked[linked.index(unit)] = replace(unit, before=before, after=after, length_ms=length_ms)
    return linked


def _recordings(
    units: list[ReplayUnit], length_ms_of: Callable[[Path], float]
) -> Iterator[list[tuple[ReplayUnit, float]]]:
    """Yield each run of files that touch, with their lengths; files that touch nothing are left out."""
    timed = sorted((started, place) for place, unit in enumerate(units) if (started := _start(unit)) is not None)
    run: list[tuple[ReplayUnit, float]] = []
    ends: datetime | None = None
    for started, place in timed if len(timed) > 1 else ():
        if ends is None or abs((started - ends).total_seconds()) > TOUCH_S:
            if len(run) > 1:
                yield run
            run = []
        length_ms = length_ms_of(units[place].path)
        run.append((units[place], length_ms))
        ends = started + timedelta(milliseconds=length_ms) if length_ms else None
    if len(run) > 1:
        yield run


def _start(unit: ReplayUnit) -> datetime | None:
    try:
        started, found_in = capture_start(unit.path, None, unit.container_time)
    except OSError:
        return None
    return started if found_in != "file time" else None


def _within(neighbours: list[tuple[ReplayUnit, float]], reach_ms: float) -> Iterator[Segment]:
    for unit, length_ms in neighbours:
        if reach_ms <= 0:
            return
        yield Segment(unit.path, length_ms)
        reach_ms -= length_ms
