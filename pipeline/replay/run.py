"""A replay from its units to its results, in an order and with contents that depend on the footage alone."""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from pydantic import ValidationError

from pipeline.replay.engine import ReplayEngine, UnitTask
from pipeline.replay.records import ReplayResult, RunRecord, UnitResult
from pipeline.replay.stopwatch import OnProgress
from pipeline.replay.units import ReplayUnit
from riskdb.whole_file import whole_file

MAX_PART_AGE_S = 24 * 3600
"""Parts hold plates of vehicles that matched nothing: no longer than the spool of unchecked passages."""


class PartStore:
    """Results of finished units, kept until the whole run is done, so that it can be resumed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, fingerprint: str) -> UnitResult | None:
        try:
            return UnitResult.model_validate_json((self._folder / f"{fingerprint}.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def save(self, result: UnitResult) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._folder / f"{result.fingerprint}.json"
        with whole_file(target) as partial:
            partial.write_text(result.model_dump_json(), encoding="utf-8")

    def clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def clear_old(self) -> None:
        """Delete parts that nobody resumed within a day."""
        for path in self._folder.glob("*.json"):
            if time.time() - path.stat().st_mtime > MAX_PART_AGE_S:
                path.unlink(missing_ok=True)


def replay(
    units: Sequence[ReplayUnit],
    run: RunRecord,
    engine: ReplayEngine,
    parts: PartStore,
    on_progress: OnProgress,
    on_done: Callable[[UnitResult], None],
    stop: Event,
) -> ReplayResult:
    """Screen every unit that `parts` does not hold already; what is done by the time of `stop` stays in `parts`."""
    tasks = [UnitTask(unit, fingerprint_of(run, unit)) for unit in units]
    results = {task.fingerprint: kept for task in tasks if (kept := parts.load(task.fingerprint)) is not None}
    for result in results.values():
        on_done(result)
    missing = [task for task in tasks if task.fingerprint not in results]
    for result in engine.run(missing, on_progress, stop) if missing else ():
        parts.save(result)
        results[result.fingerprint] = result
        on_done(result)
    finished = tuple(results[task.fingerprint] for task in tasks if task.fingerprint in results)
    return ReplayResult(run, finished, is_complete=len(finished) == len(tasks))


def fingerprint_of(run: RunRecord, unit: ReplayUnit) -> str:
    """Return a mark that changes with the footage, the models, the settings and the list."""
    state = _state(unit.path)
    around = [f"{each.path.absolute()}\0{_state(each.path)}" for each in (*unit.before, *unit.after)]
    piece = f"{unit.start}\0{unit.container_time}\0{unit.from_ms}\0{unit.until_ms}"
    parts = (run.model_dump_json(exclude={"videos"}), str(unit.path.absolute()), unit.video, piece, state, *around)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "unreadable"
    return f"{status.st_size}\0{status.st_mtime_ns}"
