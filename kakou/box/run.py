"""A box at work: Redis, the list's heartbeat, the relay, the re-check, and a supervised process a camera group."""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import redis

from alerts.errors import AlertsError
from alerts.outbox import Outbox, OutboxError
from alerts.pictures import PictureMover, PictureShelf
from alerts.relay import Relay
from alerts.stream import FlaggedStream, StreamError, connect
from kakou.box.group import counts_path, group_of
from kakou.box.passage_lines import counts_from_json
from kakou.box.supervisor import ChildCommand, Supervisor
from kakou.exit_codes import ExitCode
from kakou.settings import DEFAULT_PATH, Settings
from kakou.wiring.box import Box
from kakou.wiring.matching import make_matcher
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import tended_list
from pipeline.types import ScreeningCounts
from pipeline.walk.recheck import recheck

FINAL_CODES = frozenset({int(ExitCode.OK), int(ExitCode.UNREADABLE), int(ExitCode.CONFIG), int(ExitCode.INTEGRITY)})
"""A child that ends with one of these would end the same way again."""

log = logging.getLogger(__name__)


def run_box(
    settings: Settings, config: Path | None, stop: threading.Event, *, as_json: bool, show_clear_plates: bool
) -> dict[str, ScreeningCounts]:
    """Screen every source until all have ended or `stop` is set; return the counts by camera.

    Raises RedisUnavailableError, OcrError, RiskDBError, OutboxError.
    """
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(open_redis(settings))
        if settings.redis_url is None:
            # Our own Redis: nobody else keeps its list alive. A replica's list is tended by the centre.
            stack.enter_context(tended_list(settings, url, log.warning))
        box = Box.build(settings, url)
        stack.enter_context(background(box))
        groups = list(dict.fromkeys(group_of(source) for source in settings.sources))
        for group in groups:
            counts_path(settings.state_dir, group).unlink(missing_ok=True)
        flags = [*(["--json"] if as_json else []), *(["--show-clear-plates"] if show_clear_plates else [])]
        children = [_child(group, config or DEFAULT_PATH, url, flags) for group in groups]
        Supervisor(children).run(stop)
    return _counts(settings, groups)


def _child(group: str, config: Path, url: str, flags: list[str]) -> ChildCommand:
    command = [sys.executable, "-m", "kakou.box.group", "--config", str(config), "--group", group]
    command += ["--redis-url", url, "--parent", str(os.getpid()), *flags]
    return ChildCommand(group, command, final_codes=FINAL_CODES)


def _counts(settings: Settings, groups: list[str]) -> dict[str, ScreeningCounts]:
    counts: dict[str, ScreeningCounts] = {}
    for group in groups:
        with contextlib.suppress(FileNotFoundError):
            counts |= counts_from_json(counts_path(settings.state_dir, group).read_text(encoding="utf-8"))
    return counts


@contextlib.contextmanager
def background(box: Box) -> Iterator[None]:
    """Relay and re-check in threads while the context is open; the last events are relayed before it closes."""
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        outbox = stack.enter_context(box.outbox())
        client = stack.enter_context(contextlib.closing(connect(box.stream_url)))
        kept = timedelta(hours=box.settings.alerts.sent_kept_h)
        relay = Relay(outbox, FlaggedStream(client), sent_kept=kept)
        threads = [
            threading.Thread(target=relay.run, args=(stop,), name="relay"),
            threading.Thread(target=_recheck_until, args=(stop, box, outbox), name="recheck"),
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
    return PictureMover(box.evidence_folder, PictureShelf(client), kept)


def _relay_the_rest(relay: Relay) -> None:
    try:
        while relay.step():
            pass
    except (StreamError, OutboxError) as error:
        log.warning("events wait in the outbox: %s", error)


def _recheck_until(stop: threading.Event, box: Box, outbox: Outbox) -> None:
    """Check again what could not be checked: every few seconds, and once more before the end."""
    spool, flagging = box.spool(), box.flagging(outbox)
    match = make_matcher(box.settings, box.redis_url)
    is_ending = False
    while not is_ending:
        is_ending = stop.wait(box.settings.pipeline.recheck_every_s)
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
