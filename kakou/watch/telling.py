"""What each process tells of itself, put together."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from alerts.notices.keeper import notices_path
from kakou.settings import Settings
from kakou.watch.box import counts_of
from kakou.watch.collectors import BoxCollector, ConsoleCollector, ListCollector, NoticeCollector
from kakou.watch.endpoint import told
from kakou.watch.health import Health, Pulse, WalkHealth
from kakou.wiring.matching import open_hot_set
from riskdb.settings import HEARTBEAT_S
from riskdb.types import RiskDBError

if TYPE_CHECKING:  # whoever has one has loaded its libraries
    from alerts.delivery.delivery import Delivery
    from console.parts import Console
    from kakou.wiring.box import Box

ASKED_AGAIN_S = 1.0
FEED_PATIENCE_S = 60.0
TICKS_MISSED = 4


class Remembered:
    """One look for everybody who asks within a second, from whatever thread."""

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._last: Health | None = None
        self._looked_at = 0.0

    def __call__(self) -> Health:
        with self._lock:
            if self._last is None or time.monotonic() - self._looked_at > ASKED_AGAIN_S:
                self._last, self._looked_at = self._look(), time.monotonic()
            return self._last


@contextlib.contextmanager
def told_box(box: "Box") -> Iterator[None]:
    """Tell of a box: alive while every camera that sends is screened, ready while its list is valid."""
    settings = box.settings
    walk = WalkHealth(lambda: counts_of(settings), tuple(one.camera_id for one in settings.sources if one.is_live))

    def look() -> Health:
        return Health(walk.look(), _list_fault(settings, box.redis_url))

    with box.outbox() as outbox:
        collectors = (
            BoxCollector(lambda: counts_of(settings), outbox, settings.state_dir),
            ListCollector(lambda: open_hot_set(settings, box.redis_url)),
            NoticeCollector(notices_path(settings.state_dir, "box")),
        )
        with told(settings.watch.run_port, Remembered(look), *collectors):
            yield


@contextlib.contextmanager
def told_list(settings: Settings, url: str, pulse: Pulse) -> Iterator[None]:
    """Tell of the list's keeper: alive while it turns, ready while readers find a valid list."""

    def look() -> Health:
        return Health(_words(pulse.fault()), _list_fault(settings, url))

    with told(settings.watch.risk_port, Remembered(look), ListCollector(lambda: open_hot_set(settings, url))):
        yield


def list_pulse() -> Pulse:
    return Pulse("名单维护", TICKS_MISSED * HEARTBEAT_S + FEED_PATIENCE_S)


@contextlib.contextmanager
def told_console(settings: Settings, built: "Console") -> Iterator[None]:
    """Tell of the console: alive while its feed turns, ready while events come in."""

    def look() -> Health:
        silent_s = time.monotonic() - built.feed.turned_at
        return Health(
            _words(f"事件流: {silent_s:.0f} s" if silent_s > FEED_PATIENCE_S else ""), _words(built.feed.trouble)
        )

    collectors = (
        ConsoleCollector(lambda: len(built.hub.sessions()), lambda: built.feed.trouble),
        NoticeCollector(notices_path(settings.state_dir, "centre")),
    )
    with told(settings.watch.console_port, Remembered(look), *collectors):
        yield


@contextlib.contextmanager
def told_delivery(settings: Settings, delivery: "Delivery") -> Iterator[None]:
    """Tell of the delivery: alive while its relay turns, ready while the stream answers."""

    def look() -> Health:
        silent_s = time.monotonic() - delivery.relay.turned_at
        fault = f"转发: {silent_s:.0f} s" if silent_s > FEED_PATIENCE_S else ""
        return Health(_words(fault), _words("" if delivery.is_stream_there() else "事件流（Redis）没有应答"))

    with told(settings.watch.deliver_port, Remembered(look), registry=delivery.registry):
        yield


def _list_fault(settings: Settings, url: str) -> tuple[str, ...]:
    try:
        open_hot_set(settings, url).state()
    except RiskDBError as error:
        return (f"名单: {error}",)
    return ()


def _words(fault: str) -> tuple[str, ...]:
    return (fault,) if fault else ()
