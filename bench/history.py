"""An hour in which everything goes wrong, at random from a seed: `python -m bench.history --minutes 60 --seeds 1 2 3`.

Real processes, real kills, a model that knows what each passage should have come to. No listed vehicle may end clear,
no event may be lost or come twice at console or webhook, nothing of a clear vehicle may be found on any disk.
Needs Redis 7, libfaketime for the clocks and root for the full disk; what is missing is left out and said.
"""

import argparse
import json
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from alerts.outbox import Outbox
from bench.history_faults import FAULTS, RESTARTED, Faults
from bench.history_model import NEAR_S, History, ListModel, Seen, violations
from bench.history_people import People
from bench.history_rig import PARTS, HistoryRig
from bench.history_traces import console_events, traces
from bench.report import Report, bench_options

PLATE_COUNT = 240
LISTABLE = 120
DIGITS, LETTERS = "0123456789", "ABCDEFGHJKLMNPQRSTUVWXYZ"
SETTLE_S = 90.0
messages = Console(stderr=True, highlight=False)


@dataclass(slots=True)
class Outcome:
    """What came of one history."""

    history: History
    problems: list[str]
    faults: Counter[str] = field(default_factory=Counter)


def run(folder: Path, seed: int, length_s: float) -> Outcome:
    """Let it happen, heal everything, and hold what arrived against the model."""
    dice, model = random.Random(seed), ListModel()
    plates = invented_plates(dice)
    with HistoryRig(folder, seed) as rig:
        people = _begin(rig, plates, model)
        faults = Faults(rig, random.Random(seed + 1))
        problems = _live(people, faults, dice, length_s)
        problems += faults.heal()
        # A channel that is well again is told so by the next event; what waits for its next try comes forward then.
        before = len(rig.received())
        with suppress(TimeoutError):
            rig.wait_until(_slowly(lambda: len(rig.received()) > before), SETTLE_S, "another event at the receiver")
        (folder / "quiet").touch()
        problems += _settle(rig, people)
        problems += people.at_fault()
        history = _history(rig, faults)
        never = {seen.text for seen in history.seen} - set(plates[:LISTABLE])
        for part in PARTS[::-1]:
            if rig.is_running(part):
                rig.stop(part)
        problems += traces(rig, people.digests(never))
    return Outcome(history, [*problems, *violations(history, model)], faults.count)


def invented_plates(dice: random.Random) -> list[str]:
    """Return plates of a city letter that no city of the province has; any two differ in three places or more."""
    plates: list[str] = []
    while len(plates) < PLATE_COUNT:
        text = "鲁W" + "".join(dice.choice(DIGITS) for _ in range(3)) + "".join(dice.choice(LETTERS) for _ in range(2))
        if all(sum(one != other for one, other in zip(text, plate, strict=True)) > 2 for plate in plates):
            plates.append(text)
    return plates


def _begin(rig: HistoryRig, plates: list[str], model: ListModel) -> People:
    (rig.folder / "plates").write_text("\n".join(plates), encoding="utf-8")
    rig.start("redis")
    rig.wait_until(rig.is_redis_up, 60, "the centre's Redis")
    rig.start("serve")
    key = rig.centre_state / "plate.key"
    rig.wait_until(key.exists, 120, "the plate key")
    shutil.copy(key, rig.box_state / "plate.key")
    people = People(rig.folder, rig.redis_url, rig.box_redis_url, plates[:LISTABLE], model)
    rig.start("replica", "receiver", "deliverer", "console", "box")
    people.begin()
    rig.wait_until(people.is_settled, SETTLE_S, "the first list at the box")
    rig.wait_until(lambda: bool(rig.received()), SETTLE_S, "the first event at the receiver")
    return people


def _live(people: People, faults: Faults, dice: random.Random, length_s: float) -> list[str]:
    problems: list[str] = []
    ends_at = time.monotonic() + length_s
    pause = threading.Event()
    act_at = fault_at = time.monotonic()
    while (now_s := time.monotonic()) < ends_at:
        people.look()
        if now_s >= act_at:
            messages.print(f"{now_s - ends_at:7.1f} s  {people.act(dice)}")
            act_at = now_s + dice.uniform(4, 12)
        if now_s >= fault_at:
            messages.print(f"{now_s - ends_at:7.1f} s  [red]{faults.strike()}[/red]")
            fault_at = now_s + dice.uniform(3, 9)
        faults.end_due()
        problems += faults.unexpected_ends()
        pause.wait(0.2)
    return problems


def _settle(rig: HistoryRig, people: People) -> list[str]:
    """Wait until everything has arrived; what hasn't in time is a problem."""
    problems = []
    for what, holds in (
        ("every vehicle is decided", lambda: not _in_view(rig)),
        ("every change of the list is at the box", people.is_settled),
        ("every unchecked passage is checked", lambda: not any((rig.box_state / "spool").glob("*.unchecked"))),
        ("the stream has every event", lambda: _unsent(rig) == 0),
        ("the receiver has every event", lambda: _kept(rig) <= set(rig.received())),
        ("the console has every event", lambda: _kept(rig) <= set(console_events(rig))),
    ):
        try:
            rig.wait_until(_slowly(holds), SETTLE_S, what)
        except TimeoutError:
            problems.append(f"not so within {SETTLE_S:.0f} s of quiet: {what}")
    return problems


def _in_view(rig: HistoryRig) -> set[str]:
    """Return the vehicles that came into view in the last seconds and haven't been decided."""
    lines = [json.loads(line) for line in (rig.folder / "seen").read_text(encoding="utf-8").splitlines()[-60:]]
    decided = {line["text"] for line in lines if "outcome" in line}
    since_s = time.monotonic() - NEAR_S
    return {line["text"] for line in lines if line["begun_s"] > since_s} - decided


def _slowly(holds: Callable[[], bool]) -> Callable[[], bool]:
    """Ask only every half second: whoever waits takes the others' time."""

    def ask() -> bool:
        threading.Event().wait(0.5)
        return holds()

    return ask


def _unsent(rig: HistoryRig) -> int:
    with Outbox(rig.box_state / "outbox.sqlite") as outbox:
        return outbox.pending_count()


def _kept(rig: HistoryRig) -> set[str]:
    with Outbox(rig.box_state / "outbox.sqlite") as outbox:
        return {row.event_id for row in outbox.after(0, 10**9)}


def _history(rig: HistoryRig, faults: Faults) -> History:
    lines = [json.loads(line) for line in (rig.folder / "seen").read_text(encoding="utf-8").splitlines()]
    return History(
        begun=[(line["text"], line["begun_s"]) for line in lines if "outcome" not in line],
        seen=[Seen(**line) for line in lines if "outcome" in line],
        disturbed_s=faults.disturbed_s,
        webhook=[*rig.received(), *rig.applied_twice()],
        console=console_events(rig),
    )


def bench(report: Report, options: argparse.Namespace) -> None:
    for seed in options.seeds:
        folder = Path(tempfile.mkdtemp(prefix="kakou-history-"))
        outcome = run(folder, seed, options.minutes * 60)
        seen = Counter(each.outcome for each in outcome.history.seen)
        report.add_row(
            f"{options.minutes:g} minutes", seed=seed, passages=len(outcome.history.seen), flagged=seen["flagged"],
            clear=seen["clear"], unchecked=seen["unchecked"], webhook=len(set(outcome.history.webhook)),
            console=len(outcome.history.console), faults=outcome.faults.total() - outcome.faults[RESTARTED],
            violations=len(outcome.problems),
        )  # fmt: skip
        for kind in (*FAULTS, RESTARTED):
            report.add_row("faults", seed=seed, kind=kind, times=outcome.faults[kind])
        for problem in outcome.problems:
            messages.print(f"[red]violation[/red] (seed {seed}, logs in {folder}): {problem}", soft_wrap=True)
        report.add_bar(f"violations, seed {seed}", len(outcome.problems), 0, "at most")
        if not outcome.problems:
            with suppress(OSError):
                shutil.rmtree(folder)


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    report = Report("History: everything goes wrong, and nothing that was promised")
    bench(report, options)
    report.finish(options)


if __name__ == "__main__":
    main()
