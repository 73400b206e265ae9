"""What a lookup costs in a large list against a small one, each in a server of its own and asked in turn.

Every question is of other vehicles, as at a checkpoint: one that is asked again and again finds its part of the list
in the processor's cache, whatever the size. The machine's moods meet both sizes.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from statistics import median

from bench.list_reader import SETTINGS, patient_hot_set
from bench.lookup_walk import CANDIDATES, ROUNDS, add_sample, sure_readings, time_each, unsure_plates
from bench.report import Report
from bench.yardstick import Sample
from riskdb.match import MatchRule, match_plate

QUESTIONS = 5000
"""Of each kind; a round asks 1,100 of them and the next one goes on where it stopped."""
REPEATS = 1000
MOST_GROWTH = 1.3


def measure_growth(lists: dict[int, tuple[str, Sequence[bytes]]], report: Report) -> None:
    """`lists` has of each size its server and listed digests, some of each question's."""
    small, large = min(lists), max(lists)
    calls = {size: _calls(url, listed) for size, (url, listed) in lists.items()}
    found: dict[tuple[str, int], list[Sample]] = {}
    for turn in range(2 * ROUNDS):
        for name in calls[small]:
            for size in sorted(lists, reverse=bool(turn % 2)):
                found.setdefault((name, size), []).append(time_each(calls[size][name], REPEATS, 1))
    for name in calls[small]:
        for size in (small, large):
            add_sample(report, "asked in turn, other vehicles each time", size, name, found[name, size])
        pairs = zip(found[name, large], found[name, small], strict=True)
        ratio = median(at_large.p50_ms / at_small.p50_ms for at_large, at_small in pairs)
        report.add_bar(f"{name}: p50 at {large:,} / at {small:,}", ratio, MOST_GROWTH, "at most")


def _calls(url: str, listed: Sequence[bytes]) -> dict[str, Callable[[], object]]:
    hot_set, now, rule, rng = patient_hot_set(url), datetime.now(UTC), MatchRule.of(SETTINGS), random.Random(url)
    numbers = [rng.sample(range(100_000), CANDIDATES) for _ in range(QUESTIONS)]
    return {
        "read of 32": _each(partial(hot_set.members, _read(listed, rng)) for _ in numbers),
        "the walk's question, nothing sure": _each(
            partial(hot_set.reasons_of, unsure_plates(some), now) for some in numbers
        ),
        "the walk's question, read surely": _each(
            partial(match_plate, sure_readings(some), hot_set, rule, now) for some in numbers
        ),
    }


def _each(questions: Iterable[Callable[[], object]]) -> Callable[[], object]:
    """Return what asks the next question, and after the last one the first again."""
    waiting = cycle(list(questions))
    return lambda: next(waiting)()


def _read(listed: Sequence[bytes], rng: random.Random) -> list[bytes]:
    """Return digests of which half are listed."""
    half = CANDIDATES // 2
    return [*rng.sample(listed, half), *(rng.randbytes(16) for _ in range(half))]
