"""The match at any density: what is found and what is falsely alerted as more and more of a city is listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.match_passages import CITY, Codes, random_plates
from bench.report import Report
from riskdb.match import MatchRule

ISSUED = 3_000_000
SHARES = (0.001, 0.003, 0.01, 0.033, 0.1, 0.33)
"""Of the city's vehicles that are listed."""
JUDGED_SHARE = 0.033
MOST_PRECISE_UP_TO = 0.1


@dataclass(frozen=True, slots=True)
class Masses:
    """The readings of many passages in one row: whose they are, and how probable."""

    codes: Codes
    probabilities: NDArray[np.float64]
    owner: NDArray[np.int64]
    truths: Codes
    """Of the passages."""

    @classmethod
    def of(cls, readings: Sequence[tuple[int, Codes, NDArray[np.float64]]]) -> "Masses":
        """`readings`: truth, codes and probabilities of each passage."""
        counts = [len(codes) for _, codes, _ in readings]
        return cls(
            np.concatenate([codes for _, codes, _ in readings]), np.concatenate([each for *_, each in readings]),
            np.repeat(np.arange(len(readings)), counts), np.array([truth for truth, *_ in readings]),
        )  # fmt: skip

    def posteriors(self, listed: Codes | None, rule: MatchRule) -> NDArray[np.float64]:
        """Return P(listed) of each passage, its own plate listed (None) or only others."""
        is_listed = self.codes == self.truths[self.owner] if listed is None else np.isin(self.codes, listed)
        mass = np.bincount(self.owner, self.probabilities * is_listed, minlength=len(self.truths))
        certain = rule.listed_traffic_ratio * mass
        other = rule.share_of(CITY) * np.maximum(0.0, 1.0 - mass)
        found: NDArray[np.float64] = np.divide(certain, certain + other, out=np.zeros_like(mass), where=certain > 0)
        return found


Found: TypeAlias = dict[tuple[str, str, float], tuple[float, float, float]]
"""Of passages, rule and listed share: recall, false alerts in 10,000 and precision."""


def add_densities(
    passages: Mapping[str, Sequence[Masses]], rules: Mapping[str, MatchRule], draws: int, report: Report
) -> Found:
    """Add a row for each kind of passages, rule and share.

    `passages` are the readings when the walk decides: what is flagged at any of these moments stays flagged. All kinds
    are passages of the same vehicles.
    """
    found: Found = {}
    ways = [(name, rule_name) for name in passages for rule_name in rules]
    truths = next(iter(passages.values()))[0].truths
    of_listed = {way: _highest(passages[way[0]], None, rules[way[1]]) for way in ways}
    for share in SHARES:
        rng, said = np.random.default_rng(29), {way: list[NDArray[np.float64]]() for way in ways}
        for _ in range(draws):
            listed = np.setdiff1d(random_plates(rng, round(share * ISSUED)), truths)
            for name, rule_name in ways:
                said[name, rule_name].append(_highest(passages[name], listed, rules[rule_name]))
        for name, rule_name in ways:
            of_others = np.concatenate(said[name, rule_name])
            found[name, rule_name, share] = _add_row(
                name, rule_name, rules[rule_name], share, of_listed[name, rule_name], of_others, report
            )
    return found


def _highest(moments: Sequence[Masses], listed: Codes | None, rule: MatchRule) -> NDArray[np.float64]:
    highest: NDArray[np.float64] = np.max([moment.posteriors(listed, rule) for moment in moments], axis=0)
    return highest


def _add_row(
    name: str,
    rule_name: str,
    rule: MatchRule,
    share: float,
    of_listed: NDArray[np.float64],
    of_others: NDArray[np.float64],
    report: Report,
) -> tuple[float, float, float]:
    """Of alerts, `said` is the mean posterior and `precision` the share that is right: equal where it is calibrated."""
    true, false = of_listed >= rule.possible_at, of_others >= rule.possible_at
    recall, false_share = float(true.mean()), float(false.mean())
    right, wrong = share * recall, (1 - share) * false_share
    precision = right / (right + wrong) if right + wrong else 1.0
    weighed = share * float((of_listed * true).mean()) + (1 - share) * float((of_others * false).mean())
    report.add_row(
        "the match by density", passages=name, issued=rule_name, listed_share=share, recall=round(recall, 4),
        false_alerts_in_10_000=round(false_share * 10_000, 2), precision=round(precision, 4),
        said=round(weighed / (right + wrong), 4) if right + wrong else 0.0,
    )  # fmt: skip
    return recall, false_share * 10_000, precision


def add_bars(name: str, found: Found, judged: str, report: Report) -> None:
    recall, false_alerts, _ = found[name, judged, JUDGED_SHARE]
    report.add_bar(f"recall at {JUDGED_SHARE:.1%} listed, {name}", recall, 0.997, "at least")
    report.add_bar(f"false alerts in 10,000 at {JUDGED_SHARE:.1%} listed, {name}", false_alerts, 2.5, "at most")
    worst = min(found[name, judged, share][2] for share in SHARES if share <= MOST_PRECISE_UP_TO)
    report.add_bar(f"precision at any share up to {MOST_PRECISE_UP_TO:.0%}, {name}", worst, 0.99, "at least")
