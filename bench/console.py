"""How soon is an event on every open screen? `python -m bench.console`

A real `kakou console` process on a real Redis; screens are HTTP connections that read the live stream as a browser
does and note when each case arrives. Beside that the cameras of a city report, and somebody takes steps of cases, in a
process of his own. All senders and screens run in this one, so their own work is in the delays. The open cases are not
due for a day: what the clock does to cases that nobody looks at is no part of this.
"""

import argparse
import asyncio
import hashlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import redis
from argon2 import PasswordHasher

from alerts.envelope import to_cloudevent
from alerts.flagged import EventReason, FlaggedEvent
from alerts.stream import STREAM_KEY
from bench.console_load import Desk, Load, Usage, place_of, report_for_ever, stepping, working
from bench.report import Report, bench_options, percentile
from console.cases.filtering import Group
from console.lists.keeper_office import KeeperOffice
from console.parts import Console, build_console
from console.settings import ConsoleSettings
from console.types import SYSTEM, Actor, Role
from console.web.access import COOKIE
from kakou.settings import Settings
from kakou.wiring.embedded_redis import embedded_redis
from kakou.wiring.risk import open_keeper

PASSWORD = "correct horse battery"
_PLATE = re.compile(rb'"plate_text":"([^"]+)"')
_SEED_BATCH = 200
_SETTLE_S = 5.0
DAY_S = 86_400


@dataclass(slots=True)
class Screens:
    """What all screens together have seen."""

    delays_s: list[float] = field(default_factory=list)
    seen: list[set[bytes]] = field(default_factory=list)
    resyncs: int = 0
    read: int = 0
    """Bytes, of all."""
    opened: int = 0


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--screens", type=int, default=200)
    parser.add_argument("--cameras", type=int, default=1000, help="each reports every --status-every-s")
    parser.add_argument("--status-every-s", type=float, default=5.0)
    parser.add_argument("--open-cases", type=int, default=20_000, help="before the run")
    parser.add_argument("--events-per-s", type=int, default=100)
    parser.add_argument("--step-every-s", type=float, default=0.5, help="a person takes a step of a case so often")
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, embedded_redis(Path(folder, "redis")) as url:
        report = _measured(options, Path(folder), url)
    report.finish(options)


def _measured(options: argparse.Namespace, folder: Path, url: str) -> Report:
    client = redis.Redis.from_url(url)
    console = prepared(folder, client, options.open_cases, DAY_S)
    cookie = console.sessions.log_in("officer", PASSWORD, "", "bench", datetime.now(UTC))
    session = console.sessions.find(cookie, datetime.now(UTC))
    assert session is not None
    process, address = started(folder, url, DAY_S, [place_of(camera) for camera in range(options.cameras)])
    load, stop, usage = Load(), threading.Event(), Usage(psutil.Process(process.pid))
    boxes = (redis.Redis.from_url(url), options.cameras, options.status_every_s, load, stop)
    desk = Desk(address, cookie, session.csrf_token, options.step_every_s, options.open_cases)
    jobs = [threading.Thread(target=report_for_ever, args=boxes)] if options.cameras else []
    try:
        with working(*jobs, stop=stop), stepping(desk, load):
            screens, sent = asyncio.run(_run(options, address, cookie, client, usage))
        stored = _stored(console, client)
    finally:
        process.terminate()
        process.wait(timeout=20)
    return _report(options, screens, sent, load, usage, stored)


def prepared(folder: Path, client: "redis.Redis", cases: int, patience_s: float = 60.0) -> Console:
    """Return a console with an officer and open cases, which are overdue after `patience_s`."""
    settings = ConsoleSettings(confirm_timeout_s=patience_s)
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    office = KeeperOffice(lambda: open_keeper(Settings(state_dir=folder), publishes=False))
    console = build_console(settings, folder, client, office, lambda: datetime.now(UTC), hasher)
    now = datetime.now(UTC)
    token = console.accounts.create("officer", "值班员", Role.OFFICER, "", SYSTEM, now)
    console.accounts.redeem(token, "", PASSWORD, "", now)
    for start in range(0, cases, _SEED_BATCH):
        count = min(_SEED_BATCH, cases - start)
        console.intake.take([event(f"旧{start + number:06}") for number in range(count)], datetime.now(UTC))
    return console


def event(text: str) -> FlaggedEvent:
    now = datetime.now(UTC)
    reason = EventReason(
        area="999902", area_name="示例高风险区", level="high", visited_from=now - timedelta(days=3),
        visited_until=now - timedelta(days=2), declared_from=now - timedelta(days=4), declared_until=None,
        source="示例来源", expires_at=now + timedelta(days=10),
    )  # fmt: skip
    return FlaggedEvent(
        event_id=hashlib.blake2b(text.encode(), digest_size=16).hexdigest(), camera_id="卡口-入", checkpoint="一号卡口",
        level="hit", text=text, plate_class="02", confidence=0.9, char_probs=(0.9,) * len(text), probability=0.95,
        why=f"读作 {text}，名单中有 {text}", reasons=(reason,), list_version=1, models={"reader": "0" * 64},
        captured_at=now, started_at=now, arrived_at=now, decided_at=now,
    )  # fmt: skip


def started(
    folder: Path, url: str, patience_s: float = 60.0, places: Sequence[str] = (), more: str = ""
) -> tuple[subprocess.Popen[str], str]:
    """Start a console that knows these checkpoints; `more` are lines of its settings."""
    config = folder / "kakou.toml"
    registered = "".join(
        f'[[console.checkpoint]]\nname = "{place}"\ngrid_code = "000000"\n' for place in dict.fromkeys(places)
    )
    console = f"[console]\nport = 0\nconfirm_timeout_s = {patience_s}\n{more}{registered}"
    config.write_text(f'state_dir = "{folder}"\nredis_url = "{url}"\n{console}', encoding="utf-8")
    command = [sys.executable, "-m", "kakou.main", "console", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().split()[-1]
    with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as http:  # bound is not yet listening
        http.get(f"{address}/healthz").raise_for_status()
    return process, address


async def _run(
    options: argparse.Namespace, address: str, cookie: str, client: "redis.Redis", usage: Usage
) -> tuple[Screens, dict[bytes, float]]:
    screens = Screens()
    sent: dict[bytes, float] = {}
    readers = [asyncio.create_task(read_screen(address, cookie, screens, sent)) for _ in range(options.screens)]
    while screens.opened < options.screens:
        await asyncio.sleep(0.1)
    sender = threading.Thread(target=_send, args=(client, options.events_per_s, options.seconds, sent))
    usage.begin()
    sender.start()
    until = time.monotonic() + options.seconds + _SETTLE_S
    while time.monotonic() < until:
        usage.look()
        await asyncio.sleep(1)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return screens, sent


def _send(client: "redis.Redis", rate: int, seconds: int, sent: dict[bytes, float]) -> None:
    start = time.monotonic()
    for number in range(rate * seconds):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        made = event(f"新{number:06}")
        sent[made.text.encode()] = time.monotonic()
        client.xadd(STREAM_KEY, {"event_id": made.event_id, "event": to_cloudevent(made)})


async def read_screen(address: str, cookie: str, screens: Screens, sent: dict[bytes, float]) -> None:
    """Read one live stream and note every new case once."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port, limit=2**22)
    writer.write(f"GET /screen/stream HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {COOKIE}={cookie}\r\n\r\n".encode())
    seen: set[bytes] = set()
    screens.seen.append(seen)
    kind = b""
    async for line in reader:
        screens.read += len(line)
        if line.startswith(b"event: "):
            screens.opened += not kind  # the first message: from now on nothing may be missed
            kind = line[7:].strip()
            screens.resyncs += kind == b"resync"
        elif line.startswith(b"data: ") and kind == b"cases":
            now = time.monotonic()
            for plate in _PLATE.findall(line):
                if plate not in seen and plate in sent:
                    seen.add(plate)
                    screens.delays_s.append(now - sent[plate])


def _stored(console: Console, client: "redis.Redis") -> int:
    """Return how many of the sent events are cases, once the stream's group has no work left."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        group = client.xinfo_groups(STREAM_KEY)[0]
        if not group["pending"] and not group["lag"]:
            break
        time.sleep(0.2)
    everybody = Actor(None, "bench", Role.OFFICER, "")
    views = console.cases.newest(everybody, Group.OPEN, 1_000_000)
    return sum(view.plate_text.startswith("新") for view in views)


def _report(
    options: argparse.Namespace, screens: Screens, sent: dict[bytes, float], load: Load, usage: Usage, stored: int
) -> Report:
    report = Report(
        f"console: {options.cameras} cameras, {options.screens} screens, {options.open_cases} open cases, "
        f"{options.events_per_s} events/s, {options.seconds} s"
    )
    wanted, shown = len(sent) * options.screens, sum(map(len, screens.seen))
    delays, steps = screens.delays_s or [float("inf")], load.steps_s or [float("inf")]
    memory = usage.rss_mib
    report.add_row(
        "screens", sent=len(sent), lost=len(sent) - stored, shown=shown, of=wanted, resyncs=screens.resyncs,
        p50_ms=percentile(delays, 0.5) * 1000, p95_ms=percentile(delays, 0.95) * 1000,
        p99_ms=percentile(delays, 0.99) * 1000, mib_a_screen=screens.read / 2**20 / max(1, options.screens),
    )  # fmt: skip
    report.add_row(
        "console", reports=load.reports, steps=len(load.steps_s), steps_refused=load.refused,
        step_p50_ms=percentile(steps, 0.5) * 1000, step_p95_ms=percentile(steps, 0.95) * 1000,
        cores=usage.cores, rss_begin_mib=memory[0], rss_end_mib=memory[-1],
    )  # fmt: skip
    report.add_bar("events lost", len(sent) - stored, 0, "at most")
    report.add_bar("share of events shown on every screen", shown / wanted if wanted else 1.0, 1.0, "at least")
    report.add_bar("screen p99 (s)", percentile(delays, 0.99), 2.0, "at most")
    report.add_bar("a case step p95 (ms)", percentile(steps, 0.95) * 1000, 200.0, "at most")
    report.add_bar("console, cores on average", usage.cores, 1.0, "at most")
    report.add_bar("memory growth, second quarter to last (MiB)", usage.growth_mib(), 20.0, "at most")
    return report


if __name__ == "__main__":
    main()
