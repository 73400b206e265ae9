"""What each process measures, in the names of the table of metrics."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.delivery.metrics import outbox_metrics
from alerts.notices.keeper import kept_notices
from alerts.outbox import Outbox, OutboxError
from kakou.box.canary_result import read_result, result_path
from kakou.watch.metrics_table import BY_NAME
from pipeline.types import ScreeningCounts
from riskdb.hotset.hotset import HotSet
from riskdb.types import RiskDBError

Sample = tuple[tuple[str, ...], float]
"""Values of the labels, and the value."""


def family(name: str, samples: Iterable[Sample]) -> Metric:
    """Return a metric of the table with its samples."""
    kind = BY_NAME[name]
    maker = CounterMetricFamily if kind.kind == "counter" else GaugeMetricFamily
    metric = maker(name, kind.says, labels=list(kind.labels))
    for labels, value in samples:
        metric.add_metric(list(labels), float(value))
    return metric


class NoticeCollector(Collector):
    """The notices that this machine keeps in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def collect(self) -> Iterator[Metric]:
        counts: dict[tuple[str, ...], float] = {}
        for one in kept_notices(self._path):
            key = (one.notice, one.severity)
            counts[key] = counts.get(key, 0) + 1
        yield family("kakou_notice_active", counts.items())


class ListCollector(Collector):
    """The list as a reader sees it; nothing while it is not valid."""

    def __init__(self, open_hot_set: Callable[[], HotSet]) -> None:
        self._open_hot_set = open_hot_set

    def collect(self) -> Iterator[Metric]:
        try:
            state = self._open_hot_set().state()
        except RiskDBError:
            return
        yield family("kakou_list_vehicles", [((), state.count)])
        yield family("kakou_list_age_seconds", [((), state.age_s(time.time()))])


class BoxCollector(Collector):
    """Cameras, passages, outbox, spool and canary of a box."""

    def __init__(self, counts: Callable[[], dict[str, ScreeningCounts]], outbox: Outbox, state_dir: Path) -> None:
        self._counts = counts
        self._outbox = outbox
        self._state_dir = state_dir

    def collect(self) -> Iterator[Metric]:
        counts = self._counts()
        yield from _cameras(counts)
        yield family(
            "kakou_passages_total",
            [
                ((name, outcome), getattr(one, outcome))
                for name, one in counts.items()
                for outcome in ("clear", "flagged", "unchecked")
            ],
        )
        yield family("kakou_spool_waiting", [((), len(list((self._state_dir / "spool").glob("*.unchecked"))))])
        if (last := read_result(result_path(self._state_dir))) and not last.lost_in:
            yield family("kakou_canary_age_seconds", [((), time.time() - last.sent_at.timestamp())])
        try:
            yield from list(outbox_metrics(self._outbox))
        except OutboxError:
            return


def _cameras(counts: dict[str, ScreeningCounts]) -> Iterator[Metric]:
    values: dict[str, Callable[[ScreeningCounts], float]] = {
        "kakou_camera_frames_total": lambda one: one.frames,
        "kakou_camera_looks_total": lambda one: one.looked_at,
        "kakou_camera_dropped_total": lambda one: one.dropped,
        "kakou_camera_picture_age_seconds": lambda one: one.age_s,
        "kakou_camera_good": lambda one: one.camera_quality == "good",
    }
    for name, value in values.items():
        yield family(name, [((camera,), value(one)) for camera, one in counts.items()])


class ConsoleCollector(Collector):
    """The console's screens and its feed."""

    def __init__(self, screens: Callable[[], int], trouble: Callable[[], str]) -> None:
        self._screens = screens
        self._trouble = trouble

    def collect(self) -> Iterator[Metric]:
        yield family("kakou_console_screens", [((), self._screens())])
        yield family("kakou_console_events_come_in", [((), not self._trouble())])
