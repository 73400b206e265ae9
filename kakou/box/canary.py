"""The child process of `kakou run` that sends the canary (自检车) through, every few minutes.

What became of it stands in `run/canary.json` of the state folder; the supervisor's looks say what is missing.
"""

import logging
import os
import time
from collections.abc import Callable
from datetime import datetime

from alerts.errors import AlertsError
from alerts.outbox import Outbox
from kakou.box.canary_result import CanaryResult, keep_result, result_path
from kakou.box.orders import Order, run_by_order
from kakou.box.supervisor import Heartbeat
from kakou.exit_codes import ExitCode
from kakou.process import give_way, stop_on_signals
from kakou.settings import Settings
from kakou.utc import utc_now
from kakou.watch.identity import box_origin
from kakou.wiring.box import Box
from kakou.wiring.matching import open_hot_set
from ocr.types import OcrError
from pipeline.errors import SourceError
from pipeline.freed_memory import give_back_freed_memory
from pipeline.walk.canary import CanaryMissedError, CanarySink, CanaryWalk
from riskdb.match import MatchRule
from riskdb.types import RiskDBError

BEAT_EVERY_S = 5.0
AGAIN_AFTER_S = 60.0
"""A canary that was missed is sent again soon: an end is worth knowing, too."""
log = logging.getLogger(__name__)


def canary_walk(box: Box, outbox: Outbox) -> CanaryWalk:
    """Return the walk of the canary through this box's own parts."""
    settings = box.settings
    return CanaryWalk(
        build_reader=box.reader,
        risk_list=open_hot_set(settings, box.redis_url),
        rule=MatchRule.of(settings.risk),
        sink=CanarySink(outbox.append, box_origin()),
        track=settings.pipeline.track,
        checkpoint=settings.cameras[0][1],
    )


def send_canary(walk: CanaryWalk, outbox: Outbox, now: Callable[[], datetime]) -> CanaryResult:
    """Send one; whatever keeps it from the outbox is named. What its reading took of memory is the system's again."""
    result = _send(walk, outbox, now)
    give_back_freed_memory()
    return result


def _send(walk: CanaryWalk, outbox: Outbox, now: Callable[[], datetime]) -> CanaryResult:
    sent_at = now()
    try:
        sent_at = walk.send(sent_at)
        return CanaryResult(sent_at=sent_at, seq=outbox.last_seq())
    except CanaryMissedError as error:
        lost_in = error.link
    except RiskDBError as error:
        log.warning("canary: %s", error)
        lost_in = "list"
    except AlertsError as error:
        log.warning("canary: %s", error)
        lost_in = "outbox"
    except (OcrError, SourceError) as error:
        log.warning("canary: %s", error)
        lost_in = "reader"
    return CanaryResult(sent_at=sent_at, lost_in=lost_in)


def send_by_order(order: Order) -> int:
    """Send canaries until told to stop."""
    give_way()  # a second of reading, and vehicles of nobody's: real ones go first
    stop, heartbeat = stop_on_signals(), Heartbeat(os.environ)
    box = Box.build(order.settings, order.redis_url)
    with box.outbox() as outbox:
        walk = canary_walk(box, outbox)
        due = time.monotonic()
        while not stop.is_set():
            heartbeat.beat()
            if time.monotonic() >= due:
                due = time.monotonic() + _rest_s(order.settings, _sent(walk, outbox, order.settings))
            stop.wait(BEAT_EVERY_S)
    return ExitCode.OK


def _rest_s(settings: Settings, result: CanaryResult) -> float:
    every_s = settings.watch.canary_minutes * 60.0
    return min(every_s, AGAIN_AFTER_S) if result.lost_in else every_s


def _sent(walk: CanaryWalk, outbox: Outbox, settings: Settings) -> CanaryResult:
    result = send_canary(walk, outbox, utc_now)
    keep_result(result_path(settings.state_dir), result)
    return result


if __name__ == "__main__":
    run_by_order(send_by_order)
