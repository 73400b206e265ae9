"""Delivery as Prometheus sees it. Labels name channels, never a plate, an event or a checkpoint."""

from collections.abc import Iterator

import redis
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.delivery.channel_state import ChannelState, channel_states
from alerts.outbox import Outbox, OutboxError
from alerts.stream import FlaggedStream, StreamError

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class DeliveryMetrics:
    """What the channel workers count in this process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.outcomes = Counter(
            "kakou_alerts_deliveries",
            "Events by what became of a try: delivered, failed, skipped (level, replay, too old), dead.",
            ("channel", "outcome"),
            registry=registry,
        )
        self.digested = Counter(
            "kakou_alerts_digested",
            "Events that a group chat got as part of a digest.",
            ("channel",),
            registry=registry,
        )
        self.first_try_s = Histogram(
            "kakou_alerts_first_try_seconds",
            "From the event's arrival in the stream to the first try to deliver it.",
            ("channel",),
            buckets=SECONDS,
            registry=registry,
        )


class QueueCollector(Collector):
    """Reads the queues at each scrape. A source that cannot be asked shows as kakou_alerts_source_up 0."""

    def __init__(self, client: "redis.Redis", names: list[str], outbox: Outbox | None) -> None:
        self._client = client
        self._names = names
        self._outbox = outbox

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("kakou_alerts_source_up", "Whether a queue could be asked.", labels=["source"])
        stream_metrics: list[Metric] = []
        try:
            stream_metrics = list(_stream_metrics(self._client, self._names))
            up.add_metric(["stream"], 1)
        except StreamError:
            up.add_metric(["stream"], 0)
        of_outbox: list[Metric] = []
        if self._outbox is not None:
            try:
                of_outbox = list(outbox_metrics(self._outbox))
                up.add_metric(["outbox"], 1)
            except OutboxError:
                up.add_metric(["outbox"], 0)
        yield up
        yield from stream_metrics
        yield from of_outbox


def outbox_metrics(outbox: Outbox) -> Iterator[Metric]:
    """Yield the outbox's queue. Raises OutboxError."""
    yield GaugeMetricFamily(
        "kakou_outbox_pending", "Events on the box that the stream does not have.", value=outbox.pending_count()
    )
    yield GaugeMetricFamily(
        "kakou_outbox_oldest_seconds",
        "Age of the oldest of them, 0 when there is none.",
        value=outbox.oldest_pending_s(),
    )
    yield GaugeMetricFamily(
        "kakou_outbox_reserve_held", "1 while disk space is set aside for events.", value=outbox.is_reserve_held()
    )


def _stream_metrics(client: "redis.Redis", names: list[str]) -> Iterator[Metric]:
    states = channel_states(client, names)
    now_ms = _redis_now_ms(client)
    yield GaugeMetricFamily(
        "kakou_alerts_dead_letters",
        "Events given up and waiting for a person.",
        value=FlaggedStream(client).dead_count(),
    )
    gave_up = CounterMetricFamily("kakou_alerts_gave_up", "Dead letters of a channel so far.", labels=["channel"])
    for state in states:
        gave_up.add_metric([state.name], state.dead)
    yield gave_up
    yield _gauge("waiting", "Events not delivered yet.", [(state, state.waiting) for state in states])
    yield _gauge("retrying", "Events waiting for another try.", [(state, state.retrying) for state in states])
    yield _gauge("disabled", "1 when the receiver said 410.", [(state, bool(state.disabled)) for state in states])
    yield _gauge(
        "oldest_seconds",
        "Age of the oldest event not delivered, 0 when there is none.",
        [(state, max(0, now_ms - state.oldest_ms) / 1000 if state.oldest_ms else 0) for state in states],
    )
    yield _gauge(
        "last_success_timestamp_seconds",
        "When a delivery last succeeded.",
        [(state, state.last_success_ms / 1000) for state in states if state.last_success_ms],
    )


def _gauge(name: str, help_text: str, values: list[tuple[ChannelState, float]]) -> Metric:
    metric = GaugeMetricFamily(f"kakou_alerts_{name}", help_text, labels=["channel"])
    for state, value in values:
        metric.add_metric([state.name], float(value))
    return metric


def _redis_now_ms(client: "redis.Redis") -> float:
    # Stream ids carry Redis' clock, so ages are measured on it.
    seconds, microseconds = client.time()
    return seconds * 1000 + microseconds / 1000
