"""One channel's worker with a real Redis; the clock and the channel's far end are scripted."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import redis
from prometheus_client import CollectorRegistry

from alerts.channels.base import ChannelSettings, DeliveryError
from alerts.delivery.channel_queue import ChannelQueue
from alerts.delivery.channel_state import ChannelState, channel_states
from alerts.delivery.metrics import DeliveryMetrics
from alerts.delivery.worker import ChannelWorker
from alerts.envelope import Event, to_cloudevent
from alerts.flagged import Level
from alerts.stream import STREAM_KEY
from tests.alerts_kit import NOON

Script = Callable[[Sequence[Event]], None]


def accept(_: Sequence[Event]) -> None:
    pass


def fail(_: Sequence[Event]) -> None:
    raise DeliveryError("HTTP 500")


class ScriptedChannel:
    """A channel whose far end does what the test says."""

    name = "tested"
    parallel = 1

    def __init__(self) -> None:
        self.script: Script = accept
        self.tried: list[list[str]] = []
        self.delivered: list[str] = []
        self.batch_limit = 1
        self.digest_limit = 1
        self.rest_s = 0.0

    def ready_in_s(self) -> float:
        return self.rest_s

    def deliver(self, events: Sequence[Event]) -> None:
        ids = [one.event_id for one in events]
        self.tried.append(ids)
        self.script(events)
        self.delivered.extend(ids)

    def probe(self) -> None:
        self.script([])

    def close(self) -> None:
        pass


class Scene:
    """One channel, its worker and the clock both look at."""

    def __init__(
        self,
        client: "redis.Redis",
        levels: Sequence[Level] = ("hit", "possible"),
        settings: ChannelSettings | None = None,
    ) -> None:
        self.client = client
        self.channel = ScriptedChannel()
        self.moment = NOON
        self.settings = settings or ChannelSettings(name="tested")
        self.registry = CollectorRegistry()
        self.metrics = DeliveryMetrics(self.registry)
        self.queue = ChannelQueue(client, "tested", "box-1")
        self.worker = self.new_worker(levels)
        self.worker.step()  # The first look makes the group.

    def new_worker(self, levels: Sequence[Level] = ("hit", "possible")) -> ChannelWorker:
        return ChannelWorker(
            self.channel,
            self.queue,
            self.settings.model_copy(update={"levels": tuple(levels)}),
            self.metrics,
            now=self.now,
            clock=self._clock,
            dice=lambda: 0.0,
        )

    def now(self) -> datetime:
        return self.moment

    def _clock(self) -> float:
        return self.moment.timestamp()

    def flag(self, *flagged: Event) -> None:
        for one in flagged:
            self.client.xadd(STREAM_KEY, {"event_id": one.event_id, "event": to_cloudevent(one)})

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.worker.step()

    def pass_time(self, seconds: float, every_s: float = 0.2) -> None:
        """Let time go by; the worker steps whenever it said it would be worth it."""
        end = self.moment + timedelta(seconds=seconds)
        while self.moment < end:
            wait_s = self.worker.step()
            self.moment = min(end, self.moment + timedelta(seconds=max(wait_s, every_s)))

    def state(self) -> ChannelState:
        return channel_states(self.client, ["tested"])[0]


def ids(*flagged: Event) -> list[str]:
    return [one.event_id for one in flagged]
