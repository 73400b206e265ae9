"""Many reads of one plate become one distribution whose probabilities hold.

Log-probabilities are summed (the product of independent experts), weighted by how good each look was. Looks at one
vehicle are not independent, so the sum is tempered: beyond `max_effective_looks` more looks sharpen nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ocr.types import PlateDistribution, PlateRead

OUTLIER_SHARE = 0.005
"""Share of looks that are plainly wrong (glare, half a plate): bounds what one look can veto."""
FULL_WIDTH_PX = 110.0
"""A plate of this width is as readable as any larger one."""
FULL_SHARPNESS = 600.0
"""Variance of the Laplacian of a typical crop (`ocr.rectify.sharpness`); cameras differ, so its square root counts."""
BLURRED_WEIGHT, UNSURE_WEIGHT = 0.3, 0.5
"""What is left of a look without any sharpness, and of one that the detector is not sure of at all. Chosen, not fitted:
what was measured on simulated approaches is the sum's tempering (`TrackSettings.max_effective_looks`)."""
DOUBTED_WEIGHT = 0.1
"""What is left of a look that its reader is not sure of at all: it says little of the plate, but a plate that was found
too wide would count as a near one. On 500 simulated approaches the sum is better for it: log-loss of 16 looks 0.52 to
0.49, of 8 0.82 to 0.80, of two 1.23 to 1.24, error of calibration 0.031 to 0.018 (`bench.match_passages`, the damage of
training)."""
LEAST_WEIGHT = 0.02
"""No look counts for nothing: the only one of a far plate must still give a distribution."""
CONFIDENT = 0.8
"""Both of two distributions must give a character this much for a slot to speak for or against one vehicle."""
UNSURE = -1
SureSlots: TypeAlias = tuple[int, ...]
"""Which column of the alphabet each slot surely shows, or UNSURE."""


@dataclass(frozen=True, slots=True)
class SlotAgreement:
    """How two distributions compare, slot by slot; slots where either is unsure count for neither."""

    same: int
    different: int
    is_province_other: bool = False
    """Whether the first slot, which holds most plates' province, is among the different ones."""

    @property
    def different_numbers(self) -> int:
        """In how many slots they differ behind the province: hardly two vehicles that follow each other do in none."""
        return self.different - self.is_province_other


class PlateFusion:
    """The running sum over the looks of one track."""

    def __init__(self, max_effective_looks: float) -> None:
        self._max_effective_looks = max_effective_looks
        self._first: PlateDistribution | None = None
        self._weight = 0.0
        self._squared_weight = 0.0
        self._log_chars: NDArray[np.float64] = np.zeros(0)
        self._log_styles: NDArray[np.float64] = np.zeros(0)
        self.look_count = 0

    def add(self, read: PlateRead) -> None:
        self._add(read.distribution, look_weight(read), 1)

    def join(self, other: "PlateFusion") -> None:
        """Take over another fusion's looks."""
        if other._first is None:
            return
        if self._first is None:
            self._first = other._first
            self._log_chars = np.zeros_like(other._log_chars)
            self._log_styles = np.zeros_like(other._log_styles)
        self._log_chars = self._log_chars + other._log_chars
        self._log_styles = self._log_styles + other._log_styles
        self._weight += other._weight
        self._squared_weight += other._squared_weight
        self.look_count += other.look_count

    def forget(self) -> None:
        """Leave out what the looks so far have said; they still count as looks."""
        self._first = None
        self._weight = self._squared_weight = 0.0

    def distribution(self) -> PlateDistribution:
        """Return the fused distribution. Raises ValueError before the first look."""
        if self._first is None:
            raise ValueError("nothing was fused yet")
        sharpening = self.effective_looks / self._weight
        return PlateDistribution(
            alphabet=self._first.alphabet,
            char_probs=_softmax(self._log_chars * sharpening),
            styles=self._first.styles,
            style_probs=_softmax(self._log_styles * sharpening),
        )

    @property
    def effective_looks(self) -> float:
        """Kish's effective sample size, square root for correlation, bounded."""
        size = self._weight**2 / self._squared_weight
        return float(min(np.sqrt(size), self._max_effective_looks))

    def _add(self, distribution: PlateDistribution, weight: float, look_count: int) -> None:
        if self._first is None:
            self._first = distribution
            self._log_chars = np.zeros(distribution.char_probs.shape)
            self._log_styles = np.zeros(distribution.style_probs.shape)
        self._log_chars += weight * _safe_log(distribution.char_probs)
        self._log_styles += weight * _safe_log(distribution.style_probs)
        self._weight += weight
        self._squared_weight += weight**2
        self.look_count += look_count


def pooled(weighted: Sequence[tuple[PlateDistribution, float]]) -> PlateDistribution:
    """Return one distribution of several readers' of one plate, all of one alphabet, each counting by its weight."""
    first = weighted[0][0]
    log_chars = sum((weight * _safe_log(one.char_probs) for one, weight in weighted), np.zeros(first.char_probs.shape))
    log_styles = sum((weight * _safe_log(one.style_probs) for one, weight in weighted), np.zeros(len(first.styles)))
    return PlateDistribution(first.alphabet, _softmax(log_chars), first.styles, _softmax(log_styles))


def seconded(own: PlateDistribution, other: PlateDistribution, weight: float, common: float) -> PlateDistribution:
    """Return `own` with a second reader's word, who counts by `weight` and makes a `common` share of the same errors.

    Where both say the same, the second may only have erred alike: that share of what `own` holds possible stays
    possible. Where they differ, they have erred apart, and the product decides.
    """
    product = pooled(((own, 1.0), (other, weight)))
    alike = (own.char_probs * other.char_probs).sum(axis=1, keepdims=True)
    kept = np.minimum(common * alike, 1.0)
    chars = (1.0 - kept) * product.char_probs + kept * own.char_probs
    return PlateDistribution(own.alphabet, chars.astype(np.float32), own.styles, product.style_probs)


def look_weight(read: PlateRead) -> float:
    """Return how much a look counts, above 0.0 to 1.0: by size, sharpness, and how sure detector and reader are."""
    size = min(1.0, read.box.width / FULL_WIDTH_PX) ** 2
    sharp = BLURRED_WEIGHT + (1 - BLURRED_WEIGHT) * min(1.0, (max(read.sharpness, 0.0) / FULL_SHARPNESS) ** 0.5)
    sure = UNSURE_WEIGHT + (1 - UNSURE_WEIGHT) * read.detection_score
    plain = DOUBTED_WEIGHT + (1 - DOUBTED_WEIGHT) * read.confidence
    return float(max(LEAST_WEIGHT, size * sharp * sure * plain))


def slot_agreement(one: PlateDistribution, other: PlateDistribution) -> SlotAgreement:
    """Return in how many slots the two surely show the same character, and in how many surely another."""
    return agreement_of(surely_shown(one), surely_shown(other))


def surely_shown(distribution: PlateDistribution) -> SureSlots:
    probabilities = distribution.char_probs
    shown = np.where(probabilities.max(axis=1) >= CONFIDENT, probabilities.argmax(axis=1), UNSURE)
    return tuple(shown.tolist())


def agreement_of(one: SureSlots, other: SureSlots) -> SlotAgreement:
    """`slot_agreement` of what two distributions of as many slots surely show."""
    same = different = 0
    is_province_other = UNSURE not in (one[0], other[0]) and one[0] != other[0]
    for mine, theirs in zip(one, other, strict=True):
        if mine == theirs:
            same += mine != UNSURE
        else:
            different += UNSURE not in (mine, theirs)
    return SlotAgreement(same, different, is_province_other)


def sure_slots(distribution: PlateDistribution) -> int:
    """Return how many slots show a character surely."""
    return int((distribution.char_probs.max(axis=1) >= CONFIDENT).sum())


def style_probability(distribution: PlateDistribution, style: str) -> float:
    return sum(
        float(probability)
        for name, probability in zip(distribution.styles, distribution.style_probs, strict=True)
        if name == style
    )


def _safe_log(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    mixed = (1.0 - OUTLIER_SHARE) * probabilities.astype(np.float64) + OUTLIER_SHARE / probabilities.shape[-1]
    logs: NDArray[np.float64] = np.log(mixed)
    return logs


def _softmax(logs: NDArray[np.float64]) -> NDArray[np.float32]:
    powers = np.exp(logs - logs.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float32] = (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
    return probabilities
