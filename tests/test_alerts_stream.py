import contextlib
import shutil
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from alerts.envelope import to_cloudevent
from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.stream import DEAD_KEY, STREAM_KEY, FlaggedStream, StreamError, connect
from tests.alerts_kit import event, events, wait_until


@pytest.fixture
def stream(redis_client: "redis.Redis") -> FlaggedStream:
    return FlaggedStream(redis_client)


@pytest.fixture
def outbox(tmp_path: Path):
    with Outbox(tmp_path / "outbox.sqlite") as opened:
        yield opened


def relayed(outbox: Outbox, stream: FlaggedStream, *appended: object) -> None:
    for item in appended:
        outbox.append(item)  # type: ignore[arg-type]  # a broken item is what is tested
    relay = Relay(outbox, stream)
    while relay.step():
        pass


def test_the_relay_moves_events_in_order(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(5))
    assert [entry.event for entry in stream.recent(10)] == events(5)
    assert outbox.pending_count() == 0


def test_a_relay_that_died_before_it_could_note_its_success_sends_nothing_twice(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(3))
    outbox.mark_sent(0)
    relayed(outbox, stream)
    assert len(stream.recent(10)) == 3


def test_two_boxes_from_one_disk_image_both_get_their_events_through(tmp_path: Path, stream: FlaggedStream):
    with Outbox(tmp_path / "image.sqlite") as image:
        name = image.outbox_id
    for box in ("a", "b", "c"):
        shutil.copy(tmp_path / "image.sqlite", tmp_path / f"{box}.sqlite")
    sent = []
    for box, count in (("a", 4), ("b", 2), ("c", 6)):
        with Outbox(tmp_path / f"{box}.sqlite") as outbox:
            mine = [event(number, camera_id=f"cam-{box}") for number in range(count)]
            relayed(outbox, stream, *mine)
            relayed(outbox, stream)
            assert outbox.pending_count() == 0
            assert (outbox.outbox_id == name) is (box == "a")
            sent += mine
    assert [entry.event.event_id for entry in stream.recent(100)] == [one.event_id for one in sent]


def test_an_outbox_from_a_backup_gets_its_new_events_through(tmp_path: Path, stream: FlaggedStream):
    path, backup = tmp_path / "outbox.sqlite", tmp_path / "backup.sqlite"
    with Outbox(path) as outbox:
        relayed(outbox, stream, *events(2))
        with contextlib.closing(sqlite3.connect(path)) as live, contextlib.closing(sqlite3.connect(backup)) as kept:
            live.backup(kept)
        relayed(outbox, stream, event(10), event(11))
    for old in tmp_path.glob("outbox.sqlite*"):
        old.unlink()
    shutil.copy(backup, path)
    with Outbox(path) as outbox:
        relayed(outbox, stream, event(20), event(21))
        assert outbox.pending_count() == 0
    wanted = {one.event_id for one in (*events(2), event(10), event(11), event(20), event(21))}
    assert {entry.event.event_id for entry in stream.recent(100)} == wanted


def test_a_number_that_an_earlier_build_wrote_is_gone_on_from(
    outbox: Outbox, stream: FlaggedStream, redis_client: "redis.Redis"
):
    relayed(outbox, stream, *events(3))
    redis_client.set(f"events:relayed:{outbox.outbox_id}", 3)
    relayed(outbox, stream, event(7))
    assert len(stream.recent(10)) == 4


def test_two_relays_on_one_outbox_send_nothing_twice(outbox: Outbox, stream: FlaggedStream):
    for item in events(3):
        outbox.append(item)
    rows = outbox.after(0, 10)
    assert stream.append(outbox.outbox_id, 0, rows)
    assert not stream.append(outbox.outbox_id, 0, rows)
    assert len(stream.recent(10)) == 3


def test_two_relays_at_work_at_once_send_everything_once_and_in_order(
    outbox: Outbox, redis_url: str, stream: FlaggedStream, caplog: pytest.LogCaptureFixture
):
    stop = threading.Event()
    with connect(redis_url) as one, connect(redis_url) as two:
        relays = [Relay(outbox, FlaggedStream(client)) for client in (one, two)]
        threads = [threading.Thread(target=relay.run, args=(stop,)) for relay in relays]
        for thread in threads:
            thread.start()
        for item in events(200):
            outbox.append(item)
        wait_until(lambda: outbox.pending_count() == 0)
        stop.set()
        for thread in threads:
            thread.join()
    assert [entry.event for entry in stream.recent(1000)] == events(200)
    assert "relay waits" not in caplog.text


def test_a_wiped_redis_gets_every_kept_event_again(outbox: Outbox, stream: FlaggedStream, redis_client: "redis.Redis"):
    relayed(outbox, stream, *events(4))
    redis_client.flushall()
    relayed(outbox, stream, event(4))
    assert [entry.event for entry in stream.recent(10)] == events(5)


def test_a_group_reads_what_came_before_it_existed(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(3))
    reader = stream.group("console", "console-1")
    assert reader.read(block_ms=1) == []
    assert [entry.event for entry in reader.read(block_ms=1)] == events(3)


def read_all(stream: FlaggedStream, group: str = "console", consumer: str = "console-1") -> list[str]:
    reader = stream.group(group, consumer)
    entries = reader.read(block_ms=1) or reader.read(block_ms=1)
    return [entry.event.event_id for entry in entries]


def test_two_consumers_of_a_group_share_its_events(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(2))
    assert len(read_all(stream, consumer="one")) == 2
    assert read_all(stream, consumer="two") == []


def test_entries_of_a_dead_consumer_are_claimed(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(2))
    read_all(stream, consumer="died")
    reader = stream.group("console", "lives")
    assert [entry.event for entry in reader.claim(min_idle_ms=0)] == events(2)


def test_an_acked_entry_is_never_claimed(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(2))
    reader = stream.group("console", "one")
    reader.read(block_ms=1)
    reader.ack(*reader.read(block_ms=1))
    assert reader.claim(min_idle_ms=0) == []
    assert reader.unacked() == []


def test_a_restarted_consumer_finds_what_it_had_not_acked(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(2))
    read_all(stream)
    assert [entry.event for entry in stream.group("console", "console-1").unacked()] == events(2)


@pytest.mark.parametrize(
    "fields",
    [
        {"event": b"not json"},
        {"other": b"field"},
        {"event": to_cloudevent(event()).replace(b"flagged.v1", b"flagged.v9")},
        {"event": b"x" * 200_000},
    ],
)
def test_what_cannot_be_understood_goes_to_the_dead_letters(
    stream: FlaggedStream, redis_client: "redis.Redis", fields: dict[str, bytes]
):
    redis_client.xadd(STREAM_KEY, fields)  # type: ignore[arg-type]  # redis-py wants a wider dict
    redis_client.xadd(STREAM_KEY, {"event": to_cloudevent(event(1))})
    assert read_all(stream) == [event(1).event_id]
    [letter] = stream.dead()
    assert letter.group == "console"
    assert letter.event is None
    assert stream.groups()[0].pending == 1


def test_a_dead_letter_is_revived_for_its_group_alone(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, event())
    for group in ("console", "channel:a"):
        reader = stream.group(group, "one")
        reader.read(block_ms=1)
        [entry] = reader.read(block_ms=1)
        if group == "channel:a":
            reader.bury(entry, "gave up")
        else:
            reader.ack(entry)
    assert stream.revive(stream.dead()[0].dead_id)
    assert stream.dead() == []
    assert read_all(stream, "console") == []
    assert read_all(stream, "channel:a", "one") == [event().event_id]
    assert [entry.event for entry in stream.recent(10)] == [event()]


def test_reviving_an_unknown_letter_changes_nothing(stream: FlaggedStream):
    assert not stream.revive("1-1")


def test_nothing_is_trimmed_that_the_slowest_group_still_needs(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(4))
    fast, slow = stream.group("fast", "one"), stream.group("slow", "one")
    for reader in (fast, slow):
        reader.read(block_ms=1)
    fast.ack(*fast.read(block_ms=1))
    read = slow.read(count=3, block_ms=1)
    slow.ack(read[0])
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert stream.trim(tomorrow) == 1
    assert [entry.event for entry in stream.recent(10)] == events(4)[1:]


def test_nothing_young_is_trimmed(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(2))
    reader = stream.group("console", "one")
    reader.read(block_ms=1)
    reader.ack(*reader.read(block_ms=1))
    assert stream.trim(datetime.now(UTC) - timedelta(hours=1)) == 0


def test_nothing_is_trimmed_while_nobody_reads(outbox: Outbox, stream: FlaggedStream):
    relayed(outbox, stream, *events(2))
    assert stream.trim(datetime.now(UTC) + timedelta(days=1)) == 0


def test_following_goes_past_what_cannot_be_understood(stream: FlaggedStream, redis_client: "redis.Redis"):
    redis_client.xadd(STREAM_KEY, {"event": b"nonsense"})
    entries, next_id = stream.follow("0-0", 1)
    assert entries == []
    assert stream.follow(next_id, 1) == ([], next_id)


def test_a_redis_that_is_not_there_is_an_error_that_says_so(tmp_path: Path):
    with connect(f"unix://{tmp_path}/nothing.sock") as client, pytest.raises(StreamError, match="不成"):
        FlaggedStream(client).recent(1)


def test_dead_letters_are_kept_until_somebody_deals_with_them(stream: FlaggedStream, redis_client: "redis.Redis"):
    redis_client.xadd(STREAM_KEY, {"event": b"nonsense"})
    read_all(stream)
    stream.trim(datetime.now(UTC) + timedelta(days=1))
    assert redis_client.xlen(DEAD_KEY) == stream.dead_count() == 1


def test_dead_letters_that_nobody_dealt_with_go_after_their_time(stream: FlaggedStream, redis_client: "redis.Redis"):
    redis_client.xadd(STREAM_KEY, {"event": b"nonsense"})
    read_all(stream)
    assert stream.trim_dead(datetime.now(UTC) - timedelta(days=30)) == 0
    assert stream.trim_dead(datetime.now(UTC) + timedelta(seconds=1)) == 1
