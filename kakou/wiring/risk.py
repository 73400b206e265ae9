"""Builds the parts of the risk list from the settings, for every command that needs them."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alerts.log_tail import say_lost_tail
from kakou.process import give_way, keep_private
from kakou.settings import Settings
from kakou.wiring.clock import trusted_clock
from kakou.wiring.matching import key_path, sunset_watch
from kakou.wiring.redis import open_redis
from ocr.grammar import normalise_plate, plate_classes_of
from riskdb.clock import Clock
from riskdb.hotset.list_store import ListStore
from riskdb.hotset.publish import Publisher
from riskdb.hotset.redis_link import open_writer
from riskdb.hotset.tending import ListTender, tend
from riskdb.keeper import RiskKeeper
from riskdb.record.record import RiskRecord
from riskdb.record.rotation import own_key
from riskdb.rule import ListRule
from riskdb.settings import HEARTBEAT_S
from riskdb.system_words import system_words
from riskdb.types import RiskDBError


class OcrGrammar:
    """ocr's plate grammar as riskdb asks for it."""

    def normalise(self, text: str) -> str:
        return normalise_plate(text)

    def classes_of(self, text: str) -> tuple[str, ...]:
        return plate_classes_of(text)


def record_path(settings: Settings) -> Path:
    return settings.state_dir / "risk.sqlite"


@dataclass(frozen=True, slots=True)
class RiskParts:
    """The record, its key, and the publisher when a Redis was given."""

    record: RiskRecord
    key: bytes
    clock: Clock
    publisher: Publisher | None

    def required_publisher(self) -> Publisher:
        if self.publisher is None:
            raise RiskDBError("这一步需要 Redis：设 REDIS_URL 或 redis_url")
        return self.publisher


def open_parts(
    settings: Settings, url: str | None, stack: contextlib.ExitStack, *, accepts_smaller: bool = False
) -> RiskParts:
    """Open record and key, and a publisher on the Redis at `url`, or at `[risk] list_url` where that is set; `stack`
    closes them. Raises RiskDBError.

    With `accepts_smaller` the list may be replaced by any other, even that of a new record.
    """
    clock = trusted_clock(settings)
    keep_private(settings.state_dir)
    sunset_watch(settings).require_open()
    say_lost_tail(record_path(settings), "请核对最近的导入和风险区公布，缺少的重新登记")
    record = stack.enter_context(RiskRecord(record_path(settings)))
    key = own_key(record, key_path(settings))
    if url is None:
        return RiskParts(record, key, clock, None)
    link = stack.enter_context(contextlib.closing(open_writer(settings.risk.list_url or url)))
    most_shrink = 1.0 if accepts_smaller else settings.risk.most_shrink
    publisher = Publisher(record, ListStore(link), ListRule.of(settings.risk), clock, most_shrink)
    return RiskParts(record, key, clock, publisher)


@contextlib.contextmanager
def open_keeper(settings: Settings, url: str | None = None, *, publishes: bool = True) -> Iterator[RiskKeeper]:
    """Yield the keeper of the list; without `url` on the configured or an embedded Redis.

    With `publishes` False no Redis is touched. Raises RiskDBError, RedisUnavailableError.
    """
    with contextlib.ExitStack() as stack:
        if publishes and url is None:
            url = stack.enter_context(open_redis(settings))
        parts = open_parts(settings, url if publishes else None, stack)
        yield RiskKeeper(parts.record, parts.key, OcrGrammar(), settings.risk, parts.publisher, parts.clock)


@contextlib.contextmanager
def tended_list(
    settings: Settings,
    url: str,
    on_message: Callable[[str], None],
    *,
    accepts_smaller: bool = False,
    on_turn: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Tend the list in a thread of its own while the context is open: heartbeat, rebuild, sweep.

    The first tick is done when the context is entered, so that readers find a list. Raises RiskDBError.
    """
    stop = threading.Event()
    is_ready = threading.Event()
    failure: list[RiskDBError] = []

    def work() -> None:
        give_way()
        with contextlib.ExitStack() as stack:
            try:
                tender = _tender(settings, url, on_message, stack, accepts_smaller)
                tender.tick()
                if tender.is_empty():
                    on_message("风险名单为空，查不出任何车辆：请导入行程记录（kakou risk import）并公布风险区")
            except RiskDBError as error:
                failure.append(error)
                return
            except sqlite3.Error as error:
                failure.append(RiskDBError(f"读不了行程库（{system_words(error)}）：从备份放回"))
                return
            finally:
                is_ready.set()
            stop.wait(HEARTBEAT_S)
            tend(tender, HEARTBEAT_S, stop, lambda error: on_message(str(error)), on_turn)

    thread = threading.Thread(target=work, name="risk-tender", daemon=True)
    thread.start()
    is_ready.wait()
    try:
        if failure:
            raise failure[0]
        yield
    finally:
        stop.set()
        thread.join(timeout=10)


def _tender(
    settings: Settings,
    url: str,
    on_message: Callable[[str], None],
    stack: contextlib.ExitStack,
    accepts_smaller: bool,
) -> ListTender:
    parts = open_parts(settings, url, stack, accepts_smaller=accepts_smaller)
    publisher = parts.required_publisher()
    publisher.require_own_list()  # said at the start: later it would only be a message
    return ListTender(parts.record, publisher, settings.risk, on_message, parts.clock)
