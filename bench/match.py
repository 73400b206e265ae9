"""How many listed vehicles does the match find in spite of misreads, and how many others does it flag?

Synthetic plates of one city are read by the shipped recogniser; 10,000 plates of that city are listed at random, again
and again. Run `python -m bench.match` (some minutes at first, then seconds: the readings are kept in `--cache`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.match_passages import CODE_SPACE, Codes, load_passages, neighbours, plate_code, random_plates
from bench.report import Report, bench_options
from ocr.hypotheses import PlateHypothesis
from ocr.models_folder import shipped_models
from ocr.types import PlateDistribution
from ocr.wrong_length import match_hypotheses
from riskdb.match import MatchRule
from riskdb.settings import RiskSettings

LISTED = 10_000
ISSUED = 3_000_000
DRAWS = 300
"""Lists drawn: each passage is an innocent one against each of them."""
CANDIDATES = 32
BINS = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """What one passage's hypotheses come to."""

    truth: int
    codes: Codes
    """Shape (candidates,), -1 for plates of another city."""
    probabilities: NDArray[np.float64]

    @property
    def best(self) -> int:
        return int(self.codes[0]) if len(self.codes) else -1


@dataclass(slots=True)
class Score:
    """Counts of one way to match."""

    found: int = 0
    hits: int = 0
    """Found, and held for certain."""
    false_alerts: int = 0


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--passages", type=int, default=1500, metavar="N")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="development data folder")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kakou-bench")
    options = parser.parse_args()
    report = Report("risk list: match in spite of misreads")
    passages = load_passages(shipped_models(), options.data, options.cache, options.passages)
    rule = MatchRule.of(RiskSettings())
    report.add_row("set-up", plates=len(passages), listed=LISTED, issued=ISSUED, space=CODE_SPACE, lists=DRAWS)
    for name, readings in (
        ("one look", [_reading(p.text, p.single) for p in passages]),
        ("two looks fused", [_reading(p.text, p.two) for p in passages]),
        ("five looks fused", [_reading(p.text, p.fused) for p in passages]),
    ):
        _measure(name, readings, rule, report)
    report.finish(options)


def _measure(name: str, readings: Sequence[Reading], rule: MatchRule, report: Report) -> None:
    count = len(readings)
    truths = np.array([reading.truth for reading in readings])
    soft, exact, near = _soft(readings, rule), _exact(readings), _near(readings)
    rng = np.random.default_rng(23)
    scores = {"exact": exact(truths, None), "edit distance 1": near(truths, None), "this match": soft(truths, None)}
    for _ in range(DRAWS):
        listed = np.setdiff1d(random_plates(rng, LISTED), truths)
        for score, way in zip(scores.values(), (exact, near, soft), strict=True):
            score.false_alerts += way(listed, truths).false_alerts
    for way_name, score in scores.items():
        report.add_row(
            "recall of listed, false alerts among others",
            passages=name,
            match=way_name,
            recall=round(score.found / count, 4),
            of_these_hits=round(score.hits / count, 4),
            false_alerts_in_10_000=round(score.false_alerts / (count * DRAWS) * 10_000, 2),
        )
    in_top = sum(reading.truth in reading.codes for reading in readings) / count
    report.add_row("truth among the 32 readings", passages=name, share=round(in_top, 4))
    _add_calibration(name, readings, report)
    if name == "five looks fused":
        ours = scores["this match"]
        report.add_bar("recall of listed, fused", ours.found / count, 0.99, "at least")
        report.add_bar("false alerts in 10,000, fused", ours.false_alerts / (count * DRAWS) * 10_000, 1.0, "at most")


Way = Callable[[Codes, Codes | None], Score]
"""Called with the listed plates; without truths they are the truths themselves, and finds count."""


def _soft(readings: Sequence[Reading], rule: MatchRule) -> Way:
    codes = np.concatenate([reading.codes for reading in readings])
    probabilities = np.concatenate([reading.probabilities for reading in readings])
    owner = np.repeat(np.arange(len(readings)), [len(reading.codes) for reading in readings])

    def match(listed: Codes, truths: Codes | None) -> Score:
        is_listed = codes == truths_of_rows if truths is None else np.isin(codes, listed)
        mass = np.bincount(owner, probabilities * is_listed, minlength=len(readings))
        levels = [rule.level(rule.posterior(float(m))) if m > 0 else None for m in mass]
        flagged = sum(level is not None for level in levels)
        return Score(flagged, levels.count("hit")) if truths is None else Score(false_alerts=flagged)

    truths_of_rows = np.array([reading.truth for reading in readings])[owner]
    return match


def _exact(readings: Sequence[Reading]) -> Way:
    best = np.array([reading.best for reading in readings])

    def match(listed: Codes, truths: Codes | None) -> Score:
        if truths is None:
            found = int((best == listed).sum())
            return Score(found, found)
        return Score(false_alerts=int(np.isin(best, listed).sum()))

    return match


def _near(readings: Sequence[Reading]) -> Way:
    reach = [np.append(neighbours(r.best), r.best) if r.best >= 0 else np.zeros(0, np.int64) for r in readings]
    codes, owner = np.concatenate(reach), np.repeat(np.arange(len(reach)), [len(each) for each in reach])

    def match(listed: Codes, truths: Codes | None) -> Score:
        if truths is None:
            found = sum(int(truth) in set(each.tolist()) for truth, each in zip(listed, reach, strict=True))
            return Score(found, found)
        return Score(false_alerts=len(np.unique(owner[np.isin(codes, listed)])))

    return match


def _reading(text: str, distribution: PlateDistribution | None) -> Reading:
    hypotheses = [] if distribution is None else match_hypotheses(distribution, CANDIDATES)
    by_code: dict[int, float] = {}
    for hypothesis in hypotheses:
        code = _code(hypothesis)
        by_code[code] = by_code.get(code, 0.0) + hypothesis.probability
    ranked = sorted(by_code.items(), key=lambda item: -item[1])
    return Reading(
        plate_code(text),
        np.array([code for code, _ in ranked], dtype=np.int64),
        np.array([probability for _, probability in ranked]),
    )


def _code(hypothesis: PlateHypothesis) -> int:
    return plate_code(hypothesis.text)


def _add_calibration(name: str, readings: Sequence[Reading], report: Report) -> None:
    """Add a reliability table: how often the first reading is right, by how probable it is said to be."""
    sure = np.array([r.probabilities[0] if len(r.codes) else 0.0 for r in readings])
    right = np.array([r.best == r.truth for r in readings])
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    error = 0.0
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            said, is_so = float(sure[inside].mean()), float(right[inside].mean())
            error += abs(said - is_so) * float(inside.mean())
            row = {"plates": int(inside.sum()), "said": round(said, 3), "right": round(is_so, 3)}
            report.add_row(f"reliability, {name}", probability=f"{number / BINS:.1f}-{(number + 1) / BINS:.1f}", **row)
    report.add_row("expected calibration error", passages=name, ece=round(error, 4))


if __name__ == "__main__":
    main()
