"""The child process of `kakou run`: screens the cameras of one group until they end or it is told to stop.

Run by the supervisor as `python -m kakou.box.group`; killed and started again when it hangs.
"""

import contextlib
import logging
import os
import sys
import threading

from kakou.box.booth_teller import booth_teller
from kakou.box.counts import counts_path, save_counts
from kakou.box.orders import Order, run_by_order
from kakou.box.passage_lines import passage_json, passage_line
from kakou.box.processes import sources_by_group
from kakou.box.reporter import STATUS_EVERY_S, CameraReporter
from kakou.box.supervisor import Heartbeat
from kakou.exit_codes import ExitCode
from kakou.process import answer_beside_work, beside, give_way, stop_on_signals, usable_cores
from kakou.wiring.box import Box
from pipeline.errors import SourceError
from pipeline.freed_memory import give_back_now_and_then
from pipeline.reading_pool import BehindReader, ReadingPool
from pipeline.settings import SourceSettings
from pipeline.types import InView, Passage, ScreeningCounts
from pipeline.walk.camera import CameraParts, screen_group

log = logging.getLogger(__name__)


def screen_by_order(order: Order) -> int:
    """Screen the cameras of the group that the order names; return the exit code."""
    sources = sources_by_group(order.settings)[order.name]
    return _screen(Box.build(order.settings, order.redis_url), sources, order)


def _screen(box: Box, sources: list[SourceSettings], order: Order) -> int:
    stop = stop_on_signals()
    heartbeat = Heartbeat(os.environ)
    counts = {source.camera_id: ScreeningCounts() for source in sources}
    reporters = {s.camera_id: CameraReporter(box, s, counts[s.camera_id]) for s in sources}
    file = counts_path(box.settings.state_dir, order.name)
    write_line = LineWriter(order.as_json, order.show_clear_plates)
    with contextlib.ExitStack() as stack:
        outbox = stack.enter_context(box.outbox())
        booth = stack.enter_context(contextlib.closing(booth_teller(box)))
        stack.enter_context(beside(give_back_now_and_then, "memory"))
        reader, cores = box.reader(), min(len(sources), usable_cores())
        pool = ReadingPool([BehindReader(reader, give_way) for _ in range(cores)])

        def build_parts(source: SourceSettings) -> CameraParts:
            in_view = InView()
            reader = pool.reader_for(in_view)
            return box.camera_parts(source, reader, outbox, counts[source.camera_id], in_view, booth.in_view)

        def take(source: SourceSettings, passage: Passage) -> None:
            booth.passed(passage)
            write_line(passage)
            reporters[source.camera_id].passed(passage)

        answer_beside_work()
        failures: dict[str, Exception] = {}
        walk = threading.Thread(
            target=lambda: failures.update(screen_group(sources, box.settings.pipeline, build_parts, take, stop))
        )
        walk.start()
        try:
            while walk.is_alive():
                heartbeat.beat()
                save_counts(file, counts)
                for reporter in reporters.values():
                    heartbeat.beat()  # a name server that is away holds up each of them
                    booth.report(reporter.report(outbox))
                walk.join(STATUS_EVERY_S)
        finally:  # whatever went wrong here: nobody may write to a closed outbox
            if sys.exc_info()[0] is not None:
                stop.set()
            walk.join()
        for reporter in reporters.values():
            reporter.report(outbox)
            reporter.close()
    for camera_id, error in failures.items():
        counts[camera_id].damage = counts[camera_id].damage or str(error)
    save_counts(file, counts)
    return _exit_code(failures, counts)


class LineWriter:
    """Writes whole lines, whichever camera's thread they come from.

    When nobody can take them any more (`kakou run | head`, a full disk), screening goes on without them.
    """

    def __init__(self, as_json: bool, shows_clear_plates: bool) -> None:
        self._format = passage_json if as_json else passage_line
        self._shows_clear_plates = shows_clear_plates
        self._lock = threading.Lock()
        self._is_read = True

    def __call__(self, passage: Passage) -> None:
        line = self._format(passage, shows_clear_plates=self._shows_clear_plates)
        with self._lock:
            if self._is_read:
                self._is_read = self._wrote(line)

    def _wrote(self, line: str) -> bool:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except OSError as error:  # nobody reads it, or the disk that it goes to is full
            if not isinstance(error, BrokenPipeError):
                log.warning("passages are no longer printed: %s", error)
            # The interpreter flushes once more at its end: give it somewhere to write.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return False
        return True


def _exit_code(failures: dict[str, Exception], counts: dict[str, ScreeningCounts]) -> int:
    """Return UNREADABLE for sources that failed or were damaged; raise what is a fault of ours."""
    for camera_id, error in failures.items():
        if not isinstance(error, SourceError):
            raise error
        log.error("%s: %s", camera_id, error)
    damaged = any(each.damage for each in counts.values())
    return ExitCode.UNREADABLE if failures or damaged else ExitCode.OK


if __name__ == "__main__":
    run_by_order(screen_by_order)
