"""Nothing of the alerts is deleted for its age by a clock that jumped, and all of it is once the time is trusted."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from alerts.delivery.delivery import Delivery
from alerts.groups import GroupReader
from alerts.outbox import Outbox
from alerts.pictures import PictureMover, PictureShelf
from alerts.relay import Relay
from alerts.settings import AlertsSettings
from alerts.stream import DEAD_KEY, STREAM_KEY, FlaggedStream, StreamError, connect
from kakou.wiring.clock import deletable_at
from riskdb.clock import TrustedClock
from tests.alerts_kit import event
from tests.clock_kit import Machine

DAY_S = 86_400.0
AHEAD_S = 40 * DAY_S
"""Further than anything here is kept."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, wall_s=datetime.now(UTC).timestamp() - 3600)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.sqlite") as opened:
        yield opened


@dataclass(slots=True)
class Jump:
    """A clock that has run for an hour and is then 40 days ahead."""

    machine: Machine
    clock: TrustedClock

    def holds(self) -> None:
        for _ in range(20):
            self.machine.goes_on(60)
            self.clock.look()


@pytest.fixture
def jump(machine: Machine) -> Jump:
    clock = machine.held_clock()
    machine.wall_s += AHEAD_S
    return Jump(machine, clock)


def assert_goes_only_when_the_jump_holds(jump: Jump, count: Callable[[], int], tidy: Callable[[], object]) -> None:
    before = count()
    tidy()
    assert count() == before > 0
    jump.holds()
    tidy()
    assert count() == 0


def test_a_sent_event_is_forgotten_by_trusted_time(outbox: Outbox, redis_client: redis.Redis, jump: Jump):
    outbox.append(event(0))
    relay = Relay(outbox, FlaggedStream(redis_client), deletable_at=deletable_at(jump.clock))
    relay.step()
    assert_goes_only_when_the_jump_holds(jump, lambda: len(outbox.after(0, 9)), relay._tidy)


def test_stream_and_dead_letters_are_trimmed_by_trusted_time(outbox: Outbox, redis_url: str, jump: Jump):
    with connect(redis_url) as client:
        asked, trim_by = threading.Event(), deletable_at(jump.clock)

        def ask() -> datetime | None:
            asked.set()
            return trim_by()

        client.xadd(DEAD_KEY, {"group": "console", "event": b"{}"})
        first, _ = (client.xadd(STREAM_KEY, {"event_id": one, "event": b"{}"}) for one in "ab")
        reader = GroupReader(client, "console", "c1")
        reader.read(block_ms=0)  # makes the group
        reader.read(block_ms=0)  # takes both, which are dead letters at once
        delivery = Delivery(AlertsSettings(), client, outbox, lambda: datetime.now(UTC), trim_by=ask)

        def trim_once() -> None:
            stop = threading.Event()
            asked.clear()
            thread = threading.Thread(target=delivery._trim, args=(stop,))
            thread.start()
            assert asked.wait(10)
            stop.set()
            thread.join()

        def count() -> int:
            return int(client.xlen(DEAD_KEY)) + len(client.xrange(STREAM_KEY, first, first))

        assert_goes_only_when_the_jump_holds(jump, count, trim_once)


def without_a_line(mover: PictureMover, now: datetime | None) -> None:
    with pytest.raises(StreamError):
        mover.step(now)


def picture(folder: Path, written: float) -> Path:
    path = folder / "2026-11-24" / "e1-plate.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"jpeg")
    os.utime(path, (written, written))
    return path


def test_a_picture_that_waits_is_deleted_by_trusted_time(tmp_path: Path, jump: Jump):
    path = picture(tmp_path, jump.machine.wall_s - AHEAD_S)
    ask = deletable_at(jump.clock)
    mover = PictureMover(tmp_path, PictureShelf(connect("redis://127.0.0.1:1")), timedelta(days=7), ask)
    without_a_line(mover, ask())
    assert path.is_file()
    jump.holds()
    assert mover.step(ask()) == 0
    assert not path.exists()


@pytest.mark.parametrize("written", [1000.0, 2.0**32])
def test_a_picture_that_a_wrong_clock_dated_is_kept_from_now_on(tmp_path: Path, machine: Machine, written: float):
    path, ask = picture(tmp_path, written), deletable_at(machine.held_clock())
    mover = PictureMover(tmp_path, PictureShelf(connect("redis://127.0.0.1:1")), timedelta(days=7), ask)
    without_a_line(mover, ask())
    assert path.is_file()
    assert mover.step(datetime.fromtimestamp(machine.wall_s + 8 * DAY_S, UTC)) == 0
    assert not path.exists()


def test_where_nobody_says_what_time_it_is_nothing_is_deleted(
    tmp_path: Path, outbox: Outbox, redis_client: redis.Redis
):
    outbox.append(event(0))
    relay = Relay(outbox, FlaggedStream(redis_client), sent_kept=timedelta(days=-1))
    relay.step()
    relay._tidy()
    assert len(outbox.after(0, 9)) == 1
    path = picture(tmp_path, 1000.0)
    without_a_line(PictureMover(tmp_path, PictureShelf(connect("redis://127.0.0.1:1")), timedelta(days=7)), None)
    assert path.is_file()


def test_what_was_written_before_the_time_was_known_is_kept_as_long_as_anything(
    tmp_path: Path, redis_client: redis.Redis
):
    now, before = datetime.now(UTC), datetime(1970, 1, 2, tzinfo=UTC)
    with Outbox(tmp_path / "a.sqlite", now=lambda: before) as outbox:
        outbox.append(event(0))
        outbox.mark_sent(1)
        assert outbox.forget_sent(now - timedelta(days=7), now) == 0
        assert outbox.forget_sent(now - timedelta(days=7), now) == 0
        assert outbox.forget_sent(now + timedelta(minutes=1), now) == 1
    redis_client.xadd(DEAD_KEY, {"group": "console", "event_id": "x", "reason": "y", "event": "z"}, id="86400000-0")
    stream = FlaggedStream(redis_client)
    for _ in range(2):
        assert stream.trim_dead(now - timedelta(days=7)) == 0
        assert [letter.event_id for letter in stream.dead()] == ["x"]
    assert stream.trim_dead(now + timedelta(minutes=1)) == 1
