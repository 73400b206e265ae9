"""Works one channel's queue: tries, tries again later, gives up visibly. One channel's trouble is its own."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from alerts.canary import CanaryEvent
from alerts.channels.base import Channel, ChannelSettings, DeliveryError, DigestingChannel
from alerts.delivery.channel_queue import ChannelQueue, Waiting
from alerts.delivery.metrics import DeliveryMetrics
from alerts.delivery.notice_pace import NoticePace
from alerts.delivery.schedule import Breaker, Dice, next_delay_s
from alerts.errors import AlertsError, place_of
from alerts.notice import NoticeEvent
from alerts.stream import StreamError

BLOCK_MS = 500
ADOPT_EVERY_S = 30.0
WITHOUT_REDIS_S = 1.0
PROBE_EVERY_S = 300.0
"""While a receiver fails and nothing is due, one waiting event is tried this often, to notice its return soon."""

log = logging.getLogger(__name__)


class ChannelWorker:
    def __init__(
        self,
        channel: Channel,
        queue: ChannelQueue,
        settings: ChannelSettings,
        metrics: DeliveryMetrics,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        dice: Dice = random.random,
    ) -> None:
        """`now` schedules retries, which outlive the process; `clock` measures rests, which must not jump."""
        self._channel = channel
        self._queue = queue
        self._wants = settings.wants
        self._pace = NoticePace(settings)
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._dice = dice
        self._breaker = Breaker()
        self._has_delivered = False
        """Since this process started: its first success may be the end of an outage that it did not see."""
        self._tried_s = clock()
        self._pool = ThreadPoolExecutor(channel.parallel, thread_name_prefix=channel.name)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; Redis outages are waited out."""
        adopted_s: float | None = None
        while not stop.is_set():
            try:
                if adopted_s is None or self._clock() - adopted_s > ADOPT_EVERY_S:
                    self._queue.adopt(self._now_ms(), is_start=adopted_s is None)
                    adopted_s = self._clock()
                wait_s = self.step(BLOCK_MS)
            except StreamError as error:
                log.warning("channel %s waits: %s", self._channel.name, error)
                wait_s = WITHOUT_REDIS_S * (1 + self._dice())
            stop.wait(min(wait_s, 1.0))

    def close(self) -> None:
        self._pool.shutdown()
        self._channel.close()

    def step(self, block_ms: int = 0) -> float:
        """Try what is waiting now; return how many seconds to wait before the next step makes sense.

        Raises StreamError.
        """
        rest_s = max(self._breaker.rest_left_s(self._clock()), self._channel.ready_in_s())
        if rest_s > 0:
            return rest_s
        why_disabled = self._queue.disabled()
        batch_limit = self._channel.batch_limit  # Asked once: a robot's changes from minute to minute.
        waiting = self._queue.take(self._limit(batch_limit), self._now_ms(), block_ms)
        waiting = self._without_canaries(waiting, is_off=bool(why_disabled))
        if why_disabled:
            self._bury(waiting, f"the channel is off: {why_disabled}")
            return 0.0
        if not waiting and self._breaker.is_open and self._clock() - self._tried_s >= PROBE_EVERY_S:
            waiting = self._queue.take_probe()
        self._pass_over([one for one in waiting if not self._wants(one.entry.event)])
        wanted = [one for one in waiting if self._wants(one.entry.event)]
        self._tell([one for one in wanted if isinstance(one.entry.event, NoticeEvent)])
        if flagged := [one for one in wanted if not isinstance(one.entry.event, NoticeEvent)]:
            self._try(flagged, batch_limit)
        return self._breaker.rest_left_s(self._clock())

    def _without_canaries(self, waiting: Sequence[Waiting], *, is_off: bool) -> list[Waiting]:
        """Let canaries take the test path; one that does not come out is not tried again, and tells by its absence."""
        left = []
        for one in waiting:
            canary = one.entry.event
            if not isinstance(canary, CanaryEvent):
                left.append(one)
                continue
            if not is_off and self._passes_probe():
                self._queue.canary_came_out(canary)
            self._queue.done([one], self._now_ms(), skipped=True)
        return left

    def _passes_probe(self) -> bool:
        try:
            self._channel.probe()
        except AlertsError as error:
            log.warning("channel %s: the canary did not come out: %s", self._channel.name, error)
            return False
        return True

    def _tell(self, notices: list[Waiting]) -> None:
        """Try the notices that may be told now; those that waited come together where the channel knows digests."""
        if not notices:
            return
        digest_limit = self._channel.digest_limit if isinstance(self._channel, DigestingChannel) else 1
        if digest_limit > 1:
            taken = {one.entry.entry_id for one in notices}
            due = self._queue.due(digest_limit, self._now_ms())
            notices = notices + [one for one in due if one.entry.entry_id not in taken and self._is_wanted_notice(one)]
        ready: list[Waiting] = []
        for one in notices:
            if due_at := self._pace.due_at(one.entry.event, self._now()):
                self._queue.hold([one], round(due_at.timestamp() * 1000))
                continue
            if digest_limit == 1 or not ready:
                self._pace.note_told(self._now())  # one message
            ready.append(one)
        if ready:
            self._try(ready, digest_limit)

    def _is_wanted_notice(self, one: Waiting) -> bool:
        return isinstance(one.entry.event, NoticeEvent) and self._wants(one.entry.event)

    def _limit(self, batch_limit: int) -> int:
        if self._breaker.is_open:
            return 1  # One probe; the others keep their place.
        return max(self._channel.parallel, batch_limit)

    def _try(self, waiting: Sequence[Waiting], batch_limit: int) -> None:
        self._note_first_tries(waiting)
        self._tried_s = self._clock()
        batches = [waiting[start : start + batch_limit] for start in range(0, len(waiting), batch_limit)]
        outcomes = list(self._pool.map(self._attempt, batches))
        self._settle([one for batch, error in zip(batches, outcomes, strict=True) if error is None for one in batch])
        if len(waiting) > 1 and batch_limit > 1 and isinstance(self._channel, DigestingChannel):
            self._metrics.digested.labels(self._channel.name).inc(len(waiting))
        failed = [(batch, error) for batch, error in zip(batches, outcomes, strict=True) if error is not None]
        if failed:
            self._rest_after([error for _, error in failed])
        for batch, error in failed:
            for one in batch:
                self._fail(one, error)

    def _attempt(self, batch: Sequence[Waiting]) -> AlertsError | None:
        try:
            self._channel.deliver([one.entry.event for one in batch])
        except AlertsError as error:
            return error
        except Exception as error:  # noqa: BLE001  the outermost loop of a channel: its fault is a failed try
            return DeliveryError(f"通道出错（{place_of(error)}）：这是程序的问题，请报告")
        return None

    def _settle(self, delivered: Sequence[Waiting]) -> None:
        if not delivered:
            return
        self._queue.done(delivered, self._now_ms())
        self._metrics.outcomes.labels(self._channel.name, "delivered").inc(len(delivered))
        is_back = self._breaker.note_success()
        if is_back:
            log.info("channel %s delivers again", self._channel.name)
        if is_back or not self._has_delivered:
            self._queue.bring_forward(self._now_ms())
        self._has_delivered = True

    def _rest_after(self, errors: Sequence[AlertsError]) -> None:
        rests = [error.retry_after_s for error in errors if isinstance(error, DeliveryError) and error.retry_after_s]
        self._breaker.note_failure(self._clock(), max(rests, default=None), self._dice)

    def _fail(self, one: Waiting, error: AlertsError) -> None:
        log.warning("channel %s: event %s failed: %s", self._channel.name, one.entry.event.event_id, error)
        self._metrics.outcomes.labels(self._channel.name, "failed").inc()
        if isinstance(error, DeliveryError) and error.is_gone:
            self._queue.disable("对方答复 410，不再接收")
            log.error("channel %s is off: the receiver answered 410 Gone", self._channel.name)
            self._bury([one], str(error))
            return
        if one.is_probe:
            self._queue.put_back(one)
            return
        delay_s = next_delay_s(one.failures + 1, self._dice)
        if delay_s is None:
            self._bury([one], f"试了 {one.failures + 1} 次，不再试：{error}")
            return
        if isinstance(error, DeliveryError) and error.retry_after_s:
            delay_s = max(delay_s, error.retry_after_s)
        now_ms = self._now_ms()
        self._queue.postpone(one, now_ms + round(delay_s * 1000), now_ms, str(error))

    def _bury(self, waiting: Sequence[Waiting], reason: str) -> None:
        for one in waiting:
            self._queue.bury(one, self._now_ms(), reason)
            self._metrics.outcomes.labels(self._channel.name, "dead").inc()

    def _pass_over(self, waiting: Sequence[Waiting]) -> None:
        if waiting:
            self._queue.done(waiting, self._now_ms(), skipped=True)
            self._metrics.outcomes.labels(self._channel.name, "skipped").inc(len(waiting))

    def _note_first_tries(self, waiting: Sequence[Waiting]) -> None:
        for one in waiting:
            if one.failures == 0:
                age_s = self._now().timestamp() - one.entry.streamed_at.timestamp()
                self._metrics.first_try_s.labels(self._channel.name).observe(max(0.0, age_s))

    def _now_ms(self) -> int:
        return round(self._now().timestamp() * 1000)
