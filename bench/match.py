"""How many listed vehicles does the match find in spite of misreads, and how many others does it flag?

Synthetic passages of one city's vehicles are read by the shipped recogniser; 10,000 plates of that city are listed at
random, again and again. The bar is judged on the walk's own decisions: it flags a vehicle when its text has settled,
and looks again at the end, when all looks are fused; and on damage as heavy as that of real crops. Fewer looks (of a
vehicle half hidden) and the heavier damage of training are shown beside it.

Run `python -m bench.match` (a quarter of an hour at first, then two minutes: the readings are kept in `--cache`).
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.development_sets import DEFAULT_FOLDER
from bench.match_densities import Masses, add_bars, add_densities
from bench.match_passages import (
    CITY,
    LOOKS,
    STRENGTHS,
    Codes,
    load_passages,
    near_looks_exact,
    neighbours,
    plate_code,
    random_plates,
)
from bench.report import Report, bench_options, require_data
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
WALK = f"the walk ({LOOKS} looks)"
JUDGED = f"damage as real, {WALK}"


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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--passages", type=int, default=1500, metavar="N")
    parser.add_argument("--densities", action="store_true", help="recall, false alerts and precision by list share")
    parser.add_argument("--draws", type=int, default=DRAWS, metavar="N", help="lists drawn")
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="development data folder")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kakou-bench")
    options = parser.parse_args(arguments)
    require_data(parser, options.data)
    report = Report("risk list: match in spite of misreads")
    rule = MatchRule.of(RiskSettings())
    if options.densities:
        _measure_densities(options, rule, report)
        report.finish(options)
        return
    for damage, strength in STRENGTHS.items():
        passages = load_passages(shipped_models(), options.data, options.cache, options.passages, strength)
        near = round(near_looks_exact(passages), 4)
        report.add_row(
            "set-up", passages=damage, plates=len(passages), near_looks_exact=near, listed=LISTED, issued=ISSUED
        )
        for count in (1, 2, 3, 5):
            name = f"{damage}, {count} looks"
            _measure(name, [[_reading(p.text, p.fused(count)) for p in passages]], rule, report)
        settled = [_reading(p.text, p.settled()) for p in passages]
        whole = [_reading(p.text, p.fused(LOOKS)) for p in passages]
        _measure(f"{damage}, {WALK}", [settled, whole], rule, report)
    report.finish(options)


def _measure_densities(options: argparse.Namespace, rule: MatchRule, report: Report) -> None:
    """1 and 3 looks, and the walk's own decisions over all looks of a whole passage."""
    passages = load_passages(
        shipped_models(), options.data, options.cache, options.passages, STRENGTHS["damage as real"]
    )
    rules = {f"table: {rule.share_of(CITY):.2f}": rule, "one for all: 0.20": replace(rule, issued_shares={})}
    whole = Masses.of([_row(_reading(p.text, p.fused(LOOKS))) for p in passages])
    settled = Masses.of([_row(_reading(p.text, p.settled())) for p in passages])
    kinds = {
        f"{count} looks": [Masses.of([_row(_reading(p.text, p.fused(count))) for p in passages])] for count in (1, 3)
    }
    found = add_densities({**kinds, WALK: [settled, whole]}, rules, options.draws, report)
    add_bars(WALK, found, next(iter(rules)), report)


def _row(reading: Reading) -> tuple[int, Codes, NDArray[np.float64]]:
    return reading.truth, reading.codes, reading.probabilities


def _measure(name: str, decisions: Sequence[Sequence[Reading]], rule: MatchRule, report: Report) -> None:
    """Add what the ways to match find; `decisions` are the readings at each moment when the walk decides.

    Only this match uses the earlier ones: a vehicle flagged at any moment stays flagged.
    """
    readings = decisions[-1]
    count = len(readings)
    truths = np.array([reading.truth for reading in readings])
    soft, exact, near = _soft(decisions, rule), _exact(readings), _near(readings)
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
    if name == JUDGED:
        ours = scores["this match"]
        report.add_bar(f"recall of listed, {name}", ours.found / count, 0.99, "at least")
        alerts = ours.false_alerts / (count * DRAWS) * 10_000
        report.add_bar(f"false alerts in 10,000, {name}", alerts, 1.0, "at most")


Flags: TypeAlias = NDArray[np.bool_]
"""Shape (passages,)."""
Way = Callable[[Codes, Codes | None], Score]
"""Called with the listed plates; without truths they are the truths themselves, and finds count."""


def _soft(decisions: Sequence[Sequence[Reading]], rule: MatchRule) -> Way:
    moments = [_soft_once(readings, rule) for readings in decisions]

    def match(listed: Codes, truths: Codes | None) -> Score:
        flags = [moment(listed, truths) for moment in moments]
        flagged = int(np.logical_or.reduce([any_level for any_level, _ in flags]).sum())
        hits = int(np.logical_or.reduce([hit for _, hit in flags]).sum())
        return Score(flagged, hits) if truths is None else Score(false_alerts=flagged)

    return match


def _soft_once(readings: Sequence[Reading], rule: MatchRule) -> Callable[[Codes, Codes | None], tuple[Flags, Flags]]:
    """Return a function that says which passages one moment flags, and which of them are hits."""
    codes = np.concatenate([reading.codes for reading in readings])
    probabilities = np.concatenate([reading.probabilities for reading in readings])
    owner = np.repeat(np.arange(len(readings)), [len(reading.codes) for reading in readings])
    truths_of_rows = np.array([reading.truth for reading in readings])[owner]
    possible, hit = (rule.needed(level, rule.share_of(CITY)) for level in (rule.possible_at, rule.hit_at))

    def match(listed: Codes, truths: Codes | None) -> tuple[Flags, Flags]:
        is_listed = codes == truths_of_rows if truths is None else np.isin(codes, listed)
        mass = np.bincount(owner, probabilities * is_listed, minlength=len(readings))
        return mass >= possible, mass >= hit

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
