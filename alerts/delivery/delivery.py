"""Everything that `kakou deliver` keeps running: the relay, one worker per channel, and the trimming."""

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import redis
from prometheus_client import CollectorRegistry

from alerts.aging import DeletableAt, nothing_is_deletable
from alerts.channels.base import Channel
from alerts.channels.build import build_channels
from alerts.channels.lane import LaneChannel, LaneSettings
from alerts.delivery.channel_queue import ChannelQueue
from alerts.delivery.lane_worker import LaneWorker
from alerts.delivery.metrics import DeliveryMetrics, QueueCollector
from alerts.delivery.worker import ChannelWorker
from alerts.errors import place_of
from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.settings import AlertsSettings, AnyChannel
from alerts.stream import FlaggedStream, StreamError

TRIM_EVERY_S = 60.0
RESTART_AFTER_S = 1.0
STOP_WAIT_S = 90.0
"""Longer than the longest time limit of one attempt."""

Job = Callable[[threading.Event], None]
log = logging.getLogger(__name__)


class Delivery:
    """Built from the settings; `run` blocks until it is told to stop."""

    def __init__(
        self,
        settings: AlertsSettings,
        client: "redis.Redis",
        outbox: Outbox,
        now: Callable[[], datetime],
        consumer: str | None = None,
        trim_by: DeletableAt = nothing_is_deletable,
        forget_by: DeletableAt = nothing_is_deletable,
    ) -> None:
        """`consumer` names this deliverer to the groups, the host's name when None.

        `trim_by` and `forget_by` tell two threads, of the stream and of the outbox, what is old enough to go.

        Raises ChannelConfigError, EgressError.
        """
        self.registry = CollectorRegistry()
        self._settings = settings
        self._stream = FlaggedStream(client)
        self._trim_by = trim_by
        metrics = DeliveryMetrics(self.registry)
        names = [channel.name for channel in settings.channels if not isinstance(channel, LaneSettings)]
        self.registry.register(QueueCollector(client, names, outbox))
        self.relay = Relay(
            outbox, self._stream, sent_kept=timedelta(hours=settings.sent_kept_h), deletable_at=forget_by
        )
        self._jobs: list[tuple[str, Job]] = [("relay", self.relay.run), ("trim", self._trim)]
        self._workers: list[ChannelWorker | LaneWorker] = []
        for one, channel in zip(settings.channels, build_channels(settings, now), strict=True):
            queue = ChannelQueue(client, one.name, consumer or socket.gethostname())
            worker = _worker(one, channel, queue, outbox, metrics, now)
            self._workers.append(worker)
            self._jobs.append((one.name, worker.run))

    def run(self, stop: threading.Event) -> None:
        threads = [
            threading.Thread(target=_keep_running, args=(name, job, stop), name=name, daemon=True)
            for name, job in self._jobs
        ]
        for thread in threads:
            thread.start()
        stop.wait()
        for thread in threads:
            thread.join(STOP_WAIT_S)
        for worker in self._workers:
            worker.close()

    def is_stream_there(self) -> bool:
        """Return whether the stream answers."""
        try:
            self._stream.dead_count()
        except StreamError:
            return False
        return True

    def _trim(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                if by := self._trim_by():
                    self._trim_once(by)
            except StreamError as error:
                log.warning("trimming waits: %s", error)
            stop.wait(TRIM_EVERY_S)

    def _trim_once(self, by: datetime) -> None:
        self._stream.trim(by - timedelta(hours=self._settings.stream_kept_h))
        if dropped := self._stream.trim_dead(by - timedelta(hours=self._settings.dead_kept_h)):
            log.error("%d dead letters were deleted unread: they were too old to be kept", dropped)


def _keep_running(name: str, job: Job, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            job(stop)
        except Exception as error:  # noqa: BLE001 - the outermost loop: one job's fault must not end the others
            log.error("%s starts again after %s", name, place_of(error))
            stop.wait(RESTART_AFTER_S)


def _worker(
    settings: AnyChannel,
    channel: Channel,
    queue: ChannelQueue,
    outbox: Outbox,
    metrics: DeliveryMetrics,
    now: Callable[[], datetime],
) -> ChannelWorker | LaneWorker:
    if isinstance(settings, LaneSettings) and isinstance(channel, LaneChannel):
        return LaneWorker(outbox, channel, settings, metrics, now)
    return ChannelWorker(channel, queue, settings, metrics, now=now)


def unknown_channels(stream: FlaggedStream, settings: AlertsSettings) -> Sequence[str]:
    """Return channels that still have a queue but left the settings: their queue holds the stream's oldest events."""
    known = {f"channel:{channel.name}" for channel in settings.channels}
    groups = [state.group for state in stream.groups()]
    return [group.removeprefix("channel:") for group in groups if group.startswith("channel:") and group not in known]
