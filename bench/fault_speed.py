"""How fast flagged events travel: draining a backlog, and from the outbox to the first webhook attempt."""

import os
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from alerts.flagged import FlaggedEvent
from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.stream import FlaggedStream
from bench.fault_events import event, events
from bench.fault_rig import FaultRig

CAMERAS = ("cam-1", "cam-2", "cam-3", "cam-4")


@dataclass(frozen=True, slots=True)
class Drain:
    events: int
    relay_s: float
    """Outbox to stream."""
    group_s: float
    """Stream to an acked consumer group."""


@dataclass(frozen=True, slots=True)
class Latencies:
    commit_ms: list[float]
    delivered_ms: list[float]
    """From the acknowledged append to the receiver's fsynced copy, which is after the first attempt arrived."""
    fsync_ms: list[float]
    """A 4 KiB append and fsync on the same disk, taken between the events."""


def drain_backlog(rig: FaultRig, count: int) -> Drain:
    """Measure how long `count` waiting events take into the stream and through a consumer group."""
    rig.start("redis")
    rig.wait_until(rig.is_redis_up, 20, "Redis")
    with Outbox(rig.folder / "backlog.sqlite") as outbox, rig.client() as client:
        fill_fast(outbox, count)
        stream = FlaggedStream(client)
        relay = Relay(outbox, stream)
        started = time.perf_counter()
        while relay.step():
            pass
        relayed = time.perf_counter()
        reader, acked = stream.group("bench", "bench-1"), 0
        while acked < count:
            entries = reader.read(count=500, block_ms=100)
            reader.ack(*entries)
            acked += len(entries)
        return Drain(count, relayed - started, time.perf_counter() - relayed)


def fill_fast(outbox: Outbox, count: int) -> None:
    """Put `count` events into the outbox in one transaction: only the draining is measured."""
    template = event(0)
    outbox._file.connection.execute("BEGIN")
    for number in range(count):
        outbox.append(template.model_copy(update={"event_id": f"{number:032x}"}))
    outbox._file.connection.execute("COMMIT")


def redis_outage(rig: FaultRig, count: int) -> tuple[float, bool]:
    """Return how long `count` events that waited for Redis took to the receiver, and whether each camera's order held.

    The events of a 10-minute outage are appended at once: the backlog is the same, the waiting is not done.
    """
    rig.start("redis", "relay", "deliverer", "receiver")
    rig.wait_until(rig.is_redis_up, 20, "Redis")
    with Outbox(rig.folder / "box" / "outbox.sqlite") as outbox:
        outbox.append(event(10**6))
        rig.wait_until(lambda: len(rig.received()) == 1, 30, "the first delivery")
        rig.kill("redis")
        flagged = [event(number, camera_id=CAMERAS[number % 4]) for number in range(count)]
        for one in flagged:
            outbox.append(one)
    rig.start("redis")
    took_s = rig.wait_until(lambda: len(rig.received()) == count + 1, 300, "the whole backlog at the receiver")
    with rig.client() as client:
        recent = [entry.event for entry in FlaggedStream(client).recent(count + 10)]
    streamed = [one for one in recent if isinstance(one, FlaggedEvent)]
    in_order = all(
        [one.event_id for one in streamed if one.camera_id == camera and one.started_at < event(10**6).started_at]
        == [one.event_id for one in flagged if one.camera_id == camera]
        for camera in CAMERAS
    )
    return took_s, in_order


def measure_latency(rig: FaultRig, count: int, per_s: float) -> Latencies:
    """Append `count` events at `per_s` and see when the receiver had each."""
    rig.start("redis", "relay", "deliverer", "receiver")
    rig.wait_until(rig.is_redis_up, 20, "Redis")
    commits, fsyncs, appended_at = [], [], {}
    with Outbox(rig.folder / "box" / "outbox.sqlite", reserve_bytes=8 * 1024**2) as outbox:
        outbox.append(event(10**6))
        rig.wait_until(lambda: len(rig.received()) == 1, 30, "the first delivery")
        pause, due = threading.Event(), time.perf_counter()
        for number, one in enumerate(events(count)):
            started = time.perf_counter()
            outbox.append(one)
            commits.append((time.perf_counter() - started) * 1000)
            appended_at[one.event_id] = time.time() * 1000
            if number % 10 == 0:
                fsyncs.append(fsync_ms(rig.folder / "fsync"))
            due += 1 / per_s
            pause.wait(max(0.0, due - time.perf_counter()))
    rig.wait_until(lambda: len(rig.received()) == count + 1, 60, "every event at the receiver")
    received = _received_at(rig.folder)
    return Latencies(commits, [received[one] - moment for one, moment in appended_at.items()], fsyncs)


def fsync_ms(path: Path) -> float:
    with path.open("ab", buffering=0) as file:
        started = time.perf_counter()
        file.write(bytes(4096))
        os.fsync(file.fileno())
        return (time.perf_counter() - started) * 1000


def _received_at(folder: Path) -> dict[str, int]:
    connection = sqlite3.connect(folder / "received.sqlite")
    try:
        return dict(connection.execute("SELECT event_id, received_ms FROM received"))
    finally:
        connection.close()
