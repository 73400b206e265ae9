"""Is the vehicle in the pictures a listed one? One answer for all the ways to read its plate.

P(listed | images) = w·L / (w·L + Σ ρ·u): L is the probability of the readings that are listed, u that of each other,
ρ the share of its city's plate numbers that are issued (a listed plate certainly exists, another text only with
probability ρ), w how often a listed vehicle passes compared with any other one. The probabilities are the reader's,
calibrated. The province is a character like any other: it is never a risk feature, and never guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from riskdb.issued import ISSUED_SHARES
from riskdb.settings import RiskSettings
from riskdb.types import Alternative, Hypothesis, ListedReasons, MatchLevel, RiskList, RiskMatch, RiskReason

ALTERNATIVES_KEPT = 5
"""Readings that an event carries beside the listed ones."""
WORTH_SAYING = 0.01
"""A rival reading below this probability is not mentioned."""
_SURELY = 0.999
"""Sums of many small probabilities are not exact; what is this near to a match is asked about."""
AREA_LEVEL_NAMES = {"high": "高风险区", "medium": "中风险区"}


@dataclass(frozen=True, slots=True)
class MatchRule:
    """How sure a match must be."""

    issued_share: float
    listed_traffic_ratio: float
    hit_at: float
    possible_at: float
    issued_shares: Mapping[str, float] = field(default_factory=dict)
    """Of cities, by the first two characters of their plates; `issued_share` holds for all others."""

    @classmethod
    def of(cls, settings: RiskSettings) -> "MatchRule":
        shares = {**ISSUED_SHARES, **settings.issued_shares}
        return cls(settings.issued_share, settings.listed_traffic_ratio, settings.hit_at, settings.possible_at, shares)

    def share_of(self, text: str) -> float:
        """Return which share of its city's numbers is issued."""
        return self.issued_shares.get(text[:2], self.issued_share)

    def posterior(self, listed: float, other: float | None = None) -> float:
        """Return how probable it is that the vehicle is listed, from the probability of its listed readings.

        `other` is that of all others, each times the share of its city; None: all others are of one unnamed city.
        """
        certain = self.listed_traffic_ratio * listed
        other = self.issued_share * max(0.0, 1.0 - listed) if other is None else other
        return certain / (certain + other) if certain > 0.0 else 0.0

    def needed(self, posterior: float, issued_share: float | None = None) -> float:
        """Return how probable the listed readings must be for a posterior: the inverse of `posterior`."""
        other = (self.issued_share if issued_share is None else issued_share) * posterior
        return other / (self.listed_traffic_ratio * (1.0 - posterior) + other)

    def enough(self, ranked: Sequence[Hypothesis]) -> int:
        """Return how many of the readings decide: were all below them listed, it would be no match."""
        asked = other = 0.0
        for count, one in enumerate(ranked, 1):
            asked += one.probability
            other += self.share_of(one.text) * one.probability
            if self.posterior(max(0.0, 1.0 - asked), other) < self.possible_at * _SURELY:
                return count
        return len(ranked)

    def level(self, probability: float) -> MatchLevel | None:
        if probability >= self.hit_at:
            return "hit"
        return "possible" if probability >= self.possible_at else None


def match_plate(
    hypotheses: Sequence[Hypothesis], risk_list: RiskList, rule: MatchRule, now: datetime
) -> RiskMatch | None:
    """Return the match, or None when the vehicle is not on the list.

    `hypotheses` are the readings of one vehicle's plate; their probabilities sum to 1 at most, and the rest counts as
    unlisted. `now` decides what has expired. Raises RiskDBError when the list could not be asked.
    """
    if not hypotheses:
        return None
    ranked = sorted(hypotheses, key=lambda h: -h.probability)
    answer = _asked(ranked[: rule.enough(ranked)], risk_list, now)
    if not any(answer.reasons):
        return None
    if len(answer.reasons) < len(ranked):
        answer = _asked(ranked, risk_list, now)
    listed = [(h, reasons) for h, reasons in zip(ranked, answer.reasons, strict=True) if reasons]
    probability = rule.posterior(*_weighed(ranked, answer.reasons, rule))
    level = rule.level(probability)
    if level is None:
        return None
    best, reasons = listed[0]
    return RiskMatch(
        level=level,
        probability=probability,
        text=best.text,
        plate_class=best.plate_class,
        reasons=reasons,
        alternatives=_alternatives(ranked, answer.reasons),
        why=_explain(ranked, best, reasons[0], probability),
        list_version=answer.version,
        permits=answer.permits,
    )


def _asked(ranked: Sequence[Hypothesis], risk_list: RiskList, now: datetime) -> ListedReasons:
    return risk_list.reasons_of([(h.plate_class, h.text) for h in ranked], now)


def _weighed(
    ranked: Sequence[Hypothesis], reasons: Sequence[tuple[RiskReason, ...]], rule: MatchRule
) -> tuple[float, float]:
    """Return the probability of the listed readings, and that of all others, each times the share of its city.

    What no reading accounts for counts like the readings together.
    """
    listed = sum(h.probability for h, why in zip(ranked, reasons, strict=True) if why)
    unlisted = [(h.probability, rule.share_of(h.text)) for h, why in zip(ranked, reasons, strict=True) if not why]
    every = sum(h.probability for h in ranked)
    share = sum(h.probability * rule.share_of(h.text) for h in ranked) / every if every else rule.issued_share
    rest = max(0.0, 1.0 - every) * share
    return listed, sum(probability * one for probability, one in unlisted) + rest


def _alternatives(ranked: Sequence[Hypothesis], reasons: Sequence[tuple[RiskReason, ...]]) -> tuple[Alternative, ...]:
    return tuple(
        Alternative(h.text, h.plate_class, h.probability, bool(why))
        for position, (h, why) in enumerate(zip(ranked, reasons, strict=True))
        if position < ALTERNATIVES_KEPT or why
    )


def _explain(ranked: Sequence[Hypothesis], best: Hypothesis, reason: RiskReason, probability: float) -> str:
    stay = f"{reason.area_name}（{AREA_LEVEL_NAMES[reason.level]}）"
    top = ranked[0]
    percent = f"在名单的概率 {probability:.0%}"
    if top.text == best.text:
        rival = _rival(ranked, best.text)
        return f"识别为 {_with_share(ranked, top.text)}{rival}，名单中有此号牌，曾到过{stay}，{percent}"
    return (
        f"识别最可能为 {_with_share(ranked, top.text)}，名单中有 {_with_share(ranked, best.text)}，"
        f"差别：{_differences(ranked, top.text, best.text)}，曾到过{stay}，{percent}"
    )


def _rival(ranked: Sequence[Hypothesis], text: str) -> str:
    rival = next((h.text for h in ranked if h.text != text and h.probability >= WORTH_SAYING), None)
    return "" if rival is None else f"，次选 {_with_share(ranked, rival)}"


def _with_share(ranked: Sequence[Hypothesis], text: str) -> str:
    """Return a text and its probability over all plate classes."""
    return f"{text}（{sum(h.probability for h in ranked if h.text == text):.0%}）"


def _differences(ranked: Sequence[Hypothesis], read: str, listed: str) -> str:
    """Say where two readings differ and how probable each character is there."""
    if len(read) != len(listed):
        return f"长度 {len(read)} 与 {len(listed)}"
    parts = []
    for position, (seen, known) in enumerate(zip(read, listed, strict=True)):
        if seen != known:
            shares = [_share(ranked, len(read), position, character) for character in (seen, known)]
            parts.append(f"第{position + 1}位 {seen} {shares[0]:.0%} / {known} {shares[1]:.0%}")
    return "、".join(parts) or "号牌种类"


def _share(ranked: Sequence[Hypothesis], length: int, position: int, character: str) -> float:
    return sum(h.probability for h in ranked if len(h.text) == length and h.text[position] == character)
