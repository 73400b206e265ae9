"""Looks, again and again, and says what has begun and what has ended."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import redis

from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.notices.keeper import NoticeKeeper
from kakou.watch.checks import CANNOT_LOOK, Check

VERSION = version("kakou")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class NoticeWatch:
    """The looks of one machine. One thread only."""

    keeper: NoticeKeeper
    checks: Sequence[Check]
    board: NoticeBoard
    now: Callable[[], datetime]
    canary_every_s: float = 0.0

    def run(self, stop: threading.Event, every_s: float) -> None:
        while not stop.wait(every_s):
            self.step()

    def step(self) -> None:
        """Look at everything once, and tell the board."""
        for check in self.checks:
            try:
                found = list(check.look())
            except CANNOT_LOOK as error:
                log.debug("%s cannot be looked at: %s", ", ".join(check.notices), error)
                continue
            self.keeper.observe(check.notices, found, self.now())
        try:
            self.board.report(self._report())
        except redis.RedisError as error:
            log.debug("the notices cannot be shown: %s", error)

    def _report(self) -> NoticeReport:
        return NoticeReport(
            origin=self.keeper.origin,
            place=self.keeper.place,
            version=VERSION,
            reported_at=self.now(),
            active=self.keeper.active,
            canary_every_s=self.canary_every_s,
        )
