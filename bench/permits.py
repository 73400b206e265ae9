"""What does asking for permits cost a lookup?

The same question with and without the permit of its first plate, in turns on one connection. Run
`python -m bench.permits` (ten seconds).
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.list_reader import KEY, SETTINGS
from bench.lookup import load_list, random_entries
from bench.report import Report, bench_options
from kakou.wiring.embedded_redis import embedded_redis
from riskdb.digest import PlateDigester
from riskdb.hotset import keys
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.permit_store import PermitStore
from riskdb.hotset.redis_link import RedisLink, open_writer
from riskdb.permits import PERMIT_CLASS
from riskdb.types import Permit

ENTRIES, PERMITS, CANDIDATES = 1_000_000, 100_000, 32
ROUNDS, REPEATS = 25, 1_500
PERMIT = Permit("370211000001", 0, 2_000_000_000, "青岛至日照", ("泊里", "隐珠"), "蔬菜", "黄岛区指挥部")


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--entries", type=int, default=ENTRIES, metavar="N")
    options = parser.parse_args()
    report = Report("risk list: permits")
    with tempfile.TemporaryDirectory(prefix="kakou-bench-") as folder, embedded_redis(Path(folder)) as url:
        load_list(url, random_entries(options.entries))
        _load_permits(url)
        _measure(url, options.entries, report)
    report.finish(options)


def _load_permits(url: str) -> None:
    digester, link = PlateDigester(KEY), open_writer(url)
    value = f"[{PERMIT.as_json()}]".encode()
    plates = (f"鲁B{number:05d}" for number in range(PERMITS))
    PermitStore(link).show("1", ((digester.digest(PERMIT_CLASS, plate), value) for plate in plates))
    link.close()


def _measure(url: str, entries: int, report: Report) -> None:
    link = RedisLink(url, timeout_s=5.0, connect_timeout_s=5.0)
    hot_set, digester = HotSet(link, lambda: KEY, SETTINGS), PlateDigester(KEY)
    marker = hot_set.state().marker
    digests = [digester.digest("02", f"粤B{number:05d}") for number in range(CANDIDATES)]
    with_permit, without = (digester.digest(PERMIT_CLASS, plate) for plate in ("鲁B00007", "粤B00007"))
    ways: dict[str, Callable[[], object]] = {
        "without permits": lambda: link.ask_members(keys.HOT_KEY, marker, digests),
        "with permits, none held": lambda: link.ask_members_and_field(
            keys.HOT_KEY, marker, digests, keys.PERMITS_KEY, without
        ),
        "with permits, one held": lambda: link.ask_members_and_field(
            keys.HOT_KEY, marker, digests, keys.PERMITS_KEY, with_permit
        ),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, ask in ways.items():
            found[name].append(_p50_us(ask))
    for name, samples in found.items():
        report.add_row(f"{CANDIDATES} candidates a question", entries=entries, how=name, p50_us=round(min(samples), 1))
    _measure_walk(url, report)


_Answer = tuple[bytes, None]


class _PlainLink(RedisLink):
    """Asks as before there were permits."""

    def ask_members_and_field(
        self, key: bytes, first: bytes, members: Sequence[bytes], *_: bytes
    ) -> tuple[bytes, None]:
        return self.ask_members(key, first, members), None


def _measure_walk(url: str, report: Report) -> None:
    """The lookup as the walk makes it: 32 texts in two classes, their digests made on the way."""
    now, found = datetime.now(UTC), dict[str, list[float]]()
    ways = {"without permits": (_PlainLink, "粤"), "none held": (RedisLink, "粤"), "one held": (RedisLink, "鲁")}
    for _ in range(ROUNDS):
        for name, (kind, province) in ways.items():
            hot_set = HotSet(kind(url, timeout_s=5.0, connect_timeout_s=5.0), lambda: KEY, SETTINGS)
            texts = [f"{province}B{number:05d}" for number in range(CANDIDATES)]
            plates = [(plate_class, text) for text in texts for plate_class in ("01", "02")]
            found.setdefault(name, []).append(_p50_us(lambda: hot_set.reasons_of(plates, now), REPEATS // 5))  # noqa: B023  called here and now
    for name, samples in found.items():
        report.add_row("lookup: 32 texts, two classes", how=name, p50_us=round(min(samples), 1))
    value = f"[{PERMIT.as_json()}]".encode()
    reading = min(_p50_us(lambda: Permit.all_of_json(value)) for _ in range(ROUNDS))
    report.add_row("lookup: 32 texts, two classes", how="reading the one, once a passage", p50_us=round(reading, 1))
    for name in ("none held", "one held"):
        # The best round of each: other work comes and goes.
        ratio = min(found[name]) / min(found["without permits"])
        report.add_bar(f"lookup p50, {name} / without permits", ratio, 1.1, "at most")


def _p50_us(ask: Callable[[], object], repeats: int = REPEATS) -> float:
    samples = []
    for _ in range(repeats):
        started = time.perf_counter_ns()
        ask()
        samples.append(time.perf_counter_ns() - started)
    return median(samples) / 1000


if __name__ == "__main__":
    main()
