"""The relay notes as sent only what the stream has said that it took."""

import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from alerts.outbox import Outbox
from alerts.relay import BATCH, Relay
from alerts.stream import FlaggedStream, StreamError
from tests.alerts_kit import NOON, event, events


class Unwilling(FlaggedStream):
    """A stream that takes nothing: another relay was faster, or Redis failed in the middle."""

    failure: StreamError | None = None

    def append(self, outbox_id, after_seq, rows):  # noqa: ARG002  the signature of what it stands in for
        if self.failure:
            raise self.failure
        return False


@pytest.fixture
def outbox(tmp_path: Path):
    with Outbox(tmp_path / "outbox.sqlite", now=lambda: NOON) as opened:
        yield opened


def test_rows_that_the_stream_did_not_take_stay_pending(outbox: Outbox, redis_client: "redis.Redis"):
    stream = Unwilling(redis_client)
    outbox.append(event())
    assert Relay(outbox, stream).step() == 0
    stream.failure = StreamError("cannot add")
    with pytest.raises(StreamError):
        Relay(outbox, stream).step()
    assert outbox.pending_count() == 1
    assert outbox.sent_seq() == 0


def test_a_backlog_goes_in_batches_and_in_order(outbox: Outbox, redis_client: "redis.Redis"):
    for item in events(BATCH + 2):
        outbox.append(item)
    stream = FlaggedStream(redis_client)
    relay = Relay(outbox, stream)
    assert [relay.step(), relay.step(), relay.step()] == [BATCH, 2, 0]
    assert [entry.event for entry in stream.recent(BATCH + 9)] == events(BATCH + 2)


def test_tidying_forgets_what_was_sent_long_ago_and_nothing_else(tmp_path: Path, redis_client: "redis.Redis"):
    with Outbox(tmp_path / "outbox.sqlite", now=lambda: NOON) as outbox:
        outbox.append(event(0))
        relay = Relay(
            outbox, FlaggedStream(redis_client), sent_kept=timedelta(hours=1), deletable_at=lambda: datetime.now(UTC)
        )
        relay.step()
        outbox.append(event(1))
        relay._tidy()
        assert [row.event_id for row in outbox.after(0, 9)] == [event(1).event_id]


def test_what_was_sent_a_moment_ago_is_kept(outbox: Outbox, redis_client: "redis.Redis"):
    outbox.append(event(0))
    relay = Relay(
        outbox,
        FlaggedStream(redis_client),
        sent_kept=timedelta(hours=1),
        deletable_at=lambda: NOON + timedelta(minutes=30),
    )
    relay.step()
    relay._tidy()
    assert [row.event_id for row in outbox.after(0, 9)] == [event(0).event_id]


def test_an_outbox_that_was_copied_sends_its_own_events_too(tmp_path: Path, redis_client: "redis.Redis"):
    """As a box does that was made from another one's disk, or came back from a backup."""
    stream, copied = FlaggedStream(redis_client), tmp_path / "copy.sqlite"
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        outbox.append(event(0))
    shutil.copyfile(tmp_path / "outbox.sqlite", copied)
    for path, its_own in ((tmp_path / "outbox.sqlite", event(1)), (copied, event(2))):
        with Outbox(path) as outbox:
            outbox.append(its_own)
            while Relay(outbox, stream).step():
                pass
    assert {entry.event.event_id for entry in stream.recent(9)} == {event(number).event_id for number in range(3)}


class Recovering(FlaggedStream):
    """A stream that is away at first; what it takes ends the relay."""

    stop = threading.Event()
    is_away = True

    def append(self, outbox_id, after_seq, rows):
        if self.is_away:
            self.is_away = False
            raise StreamError("cannot add")
        self.stop.set()
        return super().append(outbox_id, after_seq, rows)


def test_a_relay_waits_until_the_stream_is_back(outbox: Outbox, redis_client: "redis.Redis"):
    outbox.append(event())
    stream = Recovering(redis_client)
    Relay(outbox, stream).run(stream.stop)
    assert [entry.event for entry in stream.recent(9)] == [event()]
