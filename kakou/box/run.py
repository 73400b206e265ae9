"""A box at work: Redis, the list's heartbeat, the relay, the re-check, and a supervised process a camera group."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import redis

from alerts.aging import DeletableAt
from alerts.errors import AlertsError
from alerts.outbox import OutboxError
from alerts.pictures import PictureMover, PictureShelf
from alerts.relay import Relay
from alerts.stream import FlaggedStream, StreamError, connect
from kakou.box.counts import counts_from_json, counts_path
from kakou.box.monitor import WatchedCamera
from kakou.box.orders import Order, exit_words
from kakou.box.processes import FOR_DEVICES, box_children, counted, new_order, sources_by_group
from kakou.box.stopped import StoppedCameras
from kakou.box.supervisor import Supervisor
from kakou.process import answer_beside_work, beside, keep_private
from kakou.settings import Settings
from kakou.watch.box import watched_box
from kakou.watch.telling import told_box
from kakou.wiring.box import Box
from kakou.wiring.clock import deletable_at, trusted_clock
from kakou.wiring.matching import make_matcher
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import tended_list
from pipeline.freed_memory import give_back_now_and_then
from pipeline.types import ScreeningCounts
from pipeline.walk.flagging import Flagging
from pipeline.walk.recheck import recheck
from pipeline.walk.spool import Spool
from riskdb.own_file import read_own_text
from riskdb.types import RiskDBError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BoxResult:
    """What a box did until its end."""

    counts: dict[str, ScreeningCounts]
    """By camera."""
    given_up: dict[str, int]
    """Processes that could not go on, with their exit codes."""


def run_box(settings: Settings, stop: threading.Event, *, as_json: bool, show_clear_plates: bool) -> BoxResult:
    """Screen every source until all have ended or `stop` is set.

    Raises RedisUnavailableError, OcrError, RiskDBError, OutboxError.
    """
    keep_private(settings.state_dir)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(open_redis(settings))
        if settings.redis_url is None:
            # Our own Redis: nobody else keeps its list alive. A replica's list is tended by the centre.
            try:
                stack.enter_context(tended_list(settings, url, log.warning))
            except RiskDBError as error:  # screened all the same: untended, every passage is unchecked and waits
                log.error("名单无法维护，过车都记为未核对，修复后请重新启动 (the list cannot be tended): %s", error)
        box = Box.build(settings, url)
        stack.enter_context(background(box))
        stack.enter_context(beside(give_back_now_and_then, "memory"))
        for group in counted(settings):
            counts_path(settings.state_dir, group).unlink(missing_ok=True)
        order = new_order(settings, url, as_json=as_json, show_clear_plates=show_clear_plates)
        answer_beside_work()
        given_up = _supervised(box, order, stop, stack)
    return BoxResult(_counts(settings), given_up)


def _supervised(box: Box, order: Order, stop: threading.Event, stack: contextlib.ExitStack) -> dict[str, int]:
    """Keep the processes alive until all are done; return those that were given up, with their exit codes."""
    given_up: dict[str, int] = {}
    stopped = StoppedCameras(stack.enter_context(contextlib.closing(connect(box.stream_url))))

    def note(name: str, code: int, why: str) -> None:
        given_up[name] = code
        sources: list[WatchedCamera] = [*sources_by_group(box.settings).get(name, [])]
        if name in FOR_DEVICES:
            sources = list(box.settings.reads.devices)
        stopped.add(sources, f"{exit_words(code)}：{why}" if why else exit_words(code))

    with stopped.told(), watched_box(box, stopped.reasons), told_box(box):
        Supervisor(box_children(box.settings, order), on_given_up=note).run(stop)
    return given_up


def _counts(settings: Settings) -> dict[str, ScreeningCounts]:
    counts: dict[str, ScreeningCounts] = {}
    for group in counted(settings):
        try:
            counts |= counts_from_json(read_own_text(counts_path(settings.state_dir, group)))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError, AttributeError) as error:  # damaged; the hour's counters have it all
            log.error("the counts of %s cannot be read: %s", group, error)
    return counts


@contextlib.contextmanager
def background(box: Box) -> Iterator[None]:
    """Relay and re-check in threads while the context is open; the last events are relayed before it closes."""
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        outbox = stack.enter_context(box.outbox())
        client = stack.enter_context(contextlib.closing(connect(box.stream_url)))
        kept = timedelta(hours=box.settings.alerts.sent_kept_h)
        relay = Relay(outbox, FlaggedStream(client), sent_kept=kept, deletable_at=_deletable_at(box))
        threads = [
            threading.Thread(target=relay.run, args=(stop,), name="relay"),
            threading.Thread(
                target=_recheck_until,
                args=(stop, box, box.spool(keeps_time=True), box.flagging(outbox)),
                name="recheck",
            ),
        ]
        if box.moves_pictures:
            pictures = _picture_mover(box, stack.enter_context(contextlib.closing(connect(box.stream_url))))
            threads.append(threading.Thread(target=pictures.run, args=(stop,), name="pictures"))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            _relay_the_rest(relay)


def _picture_mover(box: Box, client: "redis.Redis") -> PictureMover:
    kept = timedelta(hours=box.settings.alerts.pictures_kept_h)
    return PictureMover(box.evidence_folder, PictureShelf(client), kept, _deletable_at(box))


def _deletable_at(box: Box) -> DeletableAt:
    """Return what one thread asks; the thread that checks again keeps the mark."""
    return deletable_at(trusted_clock(box.settings, is_keeping=False))


def _relay_the_rest(relay: Relay) -> None:
    try:
        while relay.step():
            pass
    except (StreamError, OutboxError) as error:
        log.warning("events wait in the outbox: %s", error)


def _recheck_until(stop: threading.Event, box: Box, spool: Spool, flagging: Flagging) -> None:
    """Check again what could not be checked: every few seconds, and once more before the end."""
    match = make_matcher(box.settings, box.redis_url)
    is_ending = False
    while not is_ending:
        is_ending = stop.wait(box.settings.pipeline.recheck_every_s)
        spool.look_at_the_time()
        spool.restore_reserve()
        if not spool.waiting():
            continue
        try:
            done = recheck(spool, match, flagging, box.settings.pipeline.hypothesis_count)
        except (AlertsError, OSError) as error:  # the passages stay in the spool
            log.error("re-check stopped: %s", error)
            continue
        if done.clear or done.flagged or done.expired:
            numbers = (done.clear, done.flagged, done.expired, done.waiting)
            log.info("未核对补查: 无风险 %d, 预警 %d, 过期删除 %d, 仍在等待 %d", *numbers)
