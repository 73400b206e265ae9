"""What does a city need? 81 posts of 4 lanes against one real centre, at the peak of a holiday: `python -m bench.city`

Posts speak the product's own protocols (`bench.city_posts`); the centre is Redis with a list of 1,000,000, `kakou risk
serve`, `kakou deliver`, `kakou console`. First the cameras only report, then vehicles pass; each server's share of the
processors, memory and traffic is taken from the kernel and from Redis, and from the two what a province of 3,450 nodes
needs is computed (`bench.city_province`). Everything runs on this one machine, the posts' own work included.
"""

import asyncio
import json
import re
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console as Terminal

from bench.city_plan import END, Plan, small
from bench.city_province import add_province
from bench.city_rig import CityRig
from bench.city_usage import Meter, Span, add_usage
from bench.console import PASSWORD, prepared
from bench.console_load import Desk, Load, stepping
from bench.report import Report, bench_options, percentile
from console.web.access import COOKIE

_PLATE = re.compile(rb'"plate_text":"([^"]+)"')
_SETTLE_S = 60.0
messages = Terminal(stderr=True, highlight=False)


@dataclass(slots=True)
class Screens:
    """What the open screens have seen."""

    first_s: list[dict[str, float]] = field(default_factory=list)
    """By screen: when each plate was first shown, on the clock that all processes share."""
    lanes: int = 0
    """Lane passages, of all screens."""
    read: int = 0
    """Bytes, of all screens."""
    opened: int = 0


@dataclass(slots=True)
class Played:
    """What the posts saw, all processes together."""

    begun_s: dict[str, float] = field(default_factory=dict)
    event_ids: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    late_s: float = 0.0
    reports: int = 0
    reports_late_s: float = 0.0
    pending: int = 0

    @classmethod
    def read(cls, rig: CityRig) -> "Played":
        played = cls()
        for part in rig.players:
            said = json.loads((rig.folder / f"{part}.json").read_text(encoding="utf-8"))
            played.begun_s |= said["begun_s"]
            played.event_ids |= set(said["event_ids"])
            played.outcomes.update(said["outcomes"])
            played.counted.update(said["counted"])
            played.wrong += said["wrong"]
            played.pending += said["pending"]
            played.reports += said["reports"]
            played.late_s = max(played.late_s, said["late_s"])
            played.reports_late_s = max(played.reports_late_s, said["reports_late_s"])
        return played


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a run gave."""

    played: Played
    screens: Screens
    load: Load
    quiet: Span
    peak: Span
    at_console: set[str]
    """Event ids."""
    at_channel: list[str]
    hours: int
    """Passages that the console's counters have."""


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--small", action="store_true", help="12 posts for half a minute, 10,000 listed: for a test")
    parser.add_argument("--minutes", type=float, default=10.0, help="of traffic")
    parser.add_argument("--listed", type=int, default=1_000_000)
    parser.add_argument("--one-redis", action="store_true", help="boxes copy the Redis that also holds the events")
    options = parser.parse_args()
    plan = Plan(
        posts=81, lanes=4, listed=options.listed, passages_per_s=106.0, flagged_per_s=3.0, seconds=options.minutes * 60,
        quiet_s=60.0, processes=3, screens=20, step_every_s=1.0,
        is_list_apart=not options.one_redis,
    )  # fmt: skip
    plan = small(plan) if options.small else plan
    with tempfile.TemporaryDirectory(prefix="kakou-city-") as folder, CityRig(Path(folder), plan) as rig:
        outcome = run(rig)
    report_of(plan, outcome).finish(options)


def run(rig: CityRig) -> Outcome:
    messages.print(f"{rig.plan.listed:,} vehicles come onto the list …")
    rig.begin()
    console = prepared(rig.centre_state, rig.client(), 0)
    cookie = console.sessions.log_in("officer", PASSWORD, "", "bench", datetime.now(UTC))
    session = console.sessions.find(cookie, datetime.now(UTC))
    assert session is not None
    console.database.close()
    rig.start("console")
    address = rig.console_address()
    messages.print(f"{rig.plan.cameras} cameras begin to report …")
    rig.play()
    load, screens, meter = Load(), Screens(), Meter(rig)
    desk = Desk(address, cookie, session.csrf_token, rig.plan.step_every_s, round(rig.plan.seconds * 3))
    quiet, peak = asyncio.run(_watched(rig, address, cookie, screens, meter, desk, load))
    played = Played.read(rig)
    at_console, hours = _settled(rig, played)
    return Outcome(played, screens, load, quiet, peak, at_console, rig.received(), hours)


async def _watched(
    rig: CityRig, address: str, cookie: str, screens: Screens, meter: Meter, desk: Desk, load: Load
) -> tuple[Span, Span]:
    """Let it happen before open screens; return what the servers used while it was quiet, and at the peak."""
    readers = [asyncio.create_task(_read_screen(address, cookie, screens)) for _ in range(rig.plan.screens)]
    while screens.opened < rig.plan.screens:
        await asyncio.sleep(0.1)
    quiet = await _span(meter, screens, rig.plan.quiet_s)
    messages.print(f"vehicles pass, {rig.plan.passages_per_s:g} a second …")
    rig.begin_traffic()
    await asyncio.sleep(1.0)  # what is passing has a case before somebody takes a step of it
    with ExitStack() as stack:
        stack.enter_context(stepping(desk, load))
        peak = await _span(meter, screens, rig.plan.seconds - 1.0)
        await asyncio.to_thread(stack.close)  # screens go on being read while the person leaves
    (rig.folder / END).touch()
    done = [rig.folder / f"{part}.json" for part in rig.players]
    await asyncio.to_thread(rig.wait_until, lambda: all(path.exists() for path in done), 300, "the end of the posts")
    await asyncio.sleep(3.0)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return quiet, peak


async def _span(meter: Meter, screens: Screens, seconds: float) -> Span:
    before, read = await asyncio.to_thread(meter.look), screens.read
    await asyncio.sleep(seconds)
    span = (await asyncio.to_thread(meter.look)).since(before)
    return replace(span, screens_bytes=screens.read - read)


async def _read_screen(address: str, cookie: str, screens: Screens) -> None:
    """Read one live stream as a browser does."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port, limit=2**23)
    writer.write(f"GET /screen/stream HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {COOKIE}={cookie}\r\n\r\n".encode())
    first_s: dict[str, float] = {}
    screens.first_s.append(first_s)
    kind = b""
    async for line in reader:
        screens.read += len(line)
        if line.startswith(b"event: "):
            screens.opened += not kind
            kind = line[7:].strip()
            screens.lanes += kind == b"lane"
        elif line.startswith(b"data: ") and kind == b"cases":
            now = time.monotonic()
            for plate in _PLATE.findall(line):
                first_s.setdefault(plate.decode(), now)


def _settled(rig: CityRig, played: Played) -> tuple[set[str], int]:
    """Wait until console and channel have every event and the counters every passage, or give up; return both."""
    found: tuple[set[str], int] = (set(), 0)
    passed = played.counted.total()

    def is_settled() -> bool:
        nonlocal found
        time.sleep(0.5)
        found = _at_console(rig)
        return played.event_ids <= found[0] and found[1] >= passed and played.event_ids <= set(rig.received())

    with suppress(TimeoutError):
        rig.wait_until(is_settled, _SETTLE_S, "every event everywhere")
    return found


def _at_console(rig: CityRig) -> tuple[set[str], int]:
    path = rig.centre_state / "console.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        events = {str(row[0]) for row in connection.execute("SELECT event_id FROM flagged_events")}
        (passed,) = connection.execute("SELECT sum(clear + flagged + unchecked) FROM passage_hours").fetchone()
    return events, int(passed or 0)


def report_of(plan: Plan, outcome: Outcome) -> Report:
    report = Report(
        f"a city: {plan.posts} posts x {plan.lanes} lanes, {plan.listed:,} listed, {plan.passages_per_s:g} passages/s, "
        f"{plan.flagged_per_s:g} flagged/s, {plan.seconds:g} s, {plan.screens} screens"
    )
    played, load = outcome.played, outcome.load
    delays = _delays(outcome)
    wanted = len(played.begun_s) * plan.screens
    lost = len(played.event_ids - outcome.at_console) + len(played.event_ids - set(outcome.at_channel))
    doubled = len(outcome.at_channel) - len(set(outcome.at_channel))
    passed = played.outcomes.total()
    report.add_row(
        "what came of it", passages=passed, flagged=len(played.event_ids), unchecked=played.outcomes["unchecked"],
        wrong=played.wrong, events_lost=lost, doubled=doubled, passages_counted=outcome.hours,
        behind_the_script_s=round(played.late_s, 2), reports=played.reports,
    )  # fmt: skip
    steps = load.steps_s or [float("inf")]
    report.add_row(
        "event to screen", shown=len(delays), of=wanted, p50_s=percentile(delays, 0.5), p95_s=percentile(delays, 0.95),
        p99_s=percentile(delays, 0.99), steps=len(load.steps_s), steps_refused=load.refused,
        step_p50_ms=percentile(steps, 0.5) * 1000, step_p95_ms=percentile(steps, 0.95) * 1000,
        lanes_a_screen=round(outcome.screens.lanes / plan.screens),
    )  # fmt: skip
    add_usage(report, plan, outcome.quiet, outcome.peak)
    add_province(report, plan, outcome.quiet, outcome.peak)
    report.add_bar("events lost (console and channel)", lost, 0, "at most")
    report.add_bar("events doubled at the channel", doubled, 0, "at most")
    report.add_bar("passages lost (script, and the console's counters)", passed - outcome.hours, 0, "at most")
    report.add_bar("passages decided wrongly or unchecked", played.wrong + played.outcomes["unchecked"], 0, "at most")
    report.add_bar("share of events shown on every screen", len(delays) / wanted if wanted else 0.0, 1.0, "at least")
    report.add_bar("event to screen p99 (s)", percentile(delays, 0.99), 2.0, "at most")
    return report


def _delays(outcome: Outcome) -> list[float]:
    begun_s = outcome.played.begun_s
    found = [
        first_s[text] - at_s for first_s in outcome.screens.first_s for text, at_s in begun_s.items() if text in first_s
    ]
    return found or [float("inf")]


if __name__ == "__main__":
    main()
