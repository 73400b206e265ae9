"""How reads are scored against the truth; pure functions, unit-tested."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ocr.grammar import PROVINCES
from ocr.types import BoundingBox, PlateRead

MIN_IOU = 0.5


@dataclass(frozen=True, slots=True)
class TruePlate:
    """A labelled plate."""

    text: str
    box: BoundingBox


@dataclass(frozen=True, slots=True)
class PlateResult:
    """What became of one labelled plate."""

    truth: TruePlate
    read: PlateRead | None
    """The detection that covers it; None when it was not found."""

    @property
    def is_exact(self) -> bool:
        return self.read is not None and canonical(self.read.text) == canonical(self.truth.text)

    @property
    def is_exact_without_province(self) -> bool:
        return self.read is not None and without_province(self.read.text) == without_province(self.truth.text)

    @property
    def has_right_province(self) -> bool:
        return self.read is not None and self.read.text[:1] == self.truth.text[:1]


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """What became of one photo."""

    plates: tuple[PlateResult, ...]
    detections: int
    is_exact: bool
    """Some labelled plate of the photo is read exactly."""
    is_exact_without_province: bool
    elapsed_ms: float


def canonical(text: str) -> str:
    """Return NFKC, upper case, letters, digits and Han only, with O = 0 and I = 1."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(c for c in folded if c.isalnum()).replace("O", "0").replace("I", "1")


def without_province(text: str) -> str:
    folded = canonical(text)
    return folded[1:] if folded[:1] in PROVINCES else folded


def score_photo(truths: Sequence[TruePlate], reads: Sequence[PlateRead], elapsed_ms: float) -> PhotoResult:
    """Pair detections with labels one to one and compare all texts of the photo."""
    pairs = match_boxes([truth.box for truth in truths], [read.box for read in reads])
    plates = tuple(
        PlateResult(truth, reads[pairs[index]] if index in pairs else None) for index, truth in enumerate(truths)
    )
    texts = {canonical(read.text) for read in reads}
    bare = {without_province(read.text) for read in reads}
    return PhotoResult(
        plates=plates,
        detections=len(reads),
        is_exact=any(canonical(truth.text) in texts for truth in truths),
        is_exact_without_province=any(without_province(truth.text) in bare for truth in truths),
        elapsed_ms=elapsed_ms,
    )


def match_boxes(truths: Sequence[BoundingBox], found: Sequence[BoundingBox]) -> dict[int, int]:
    """Return index of truth → index of found: greedy by falling IoU, one to one, IoU at least MIN_IOU."""
    overlaps = sorted(
        ((truth.iou(box), i, j) for i, truth in enumerate(truths) for j, box in enumerate(found)), reverse=True
    )
    pairs: dict[int, int] = {}
    for overlap, i, j in overlaps:
        if overlap >= MIN_IOU and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Reads whose confidence lies in one tenth."""

    low: float
    count: int
    mean_confidence: float
    exact_share: float


def reliability(confidences: Sequence[float], exact: Sequence[bool], bins: int = 10) -> list[ReliabilityBin]:
    """Return the non-empty bins of a reliability table; a confidence of 1.0 belongs to the last one."""
    table = []
    for index in range(bins):
        low, high = index / bins, (index + 1) / bins
        members = [k for k, c in enumerate(confidences) if low <= c < high or (index == bins - 1 and c >= high)]
        if members:
            table.append(
                ReliabilityBin(
                    low,
                    len(members),
                    sum(confidences[k] for k in members) / len(members),
                    sum(exact[k] for k in members) / len(members),
                )
            )
    return table


def share(hits: int, total: int) -> str:
    """Return "97.3 % (249/256)"; the denominator is always printed."""
    return f"{100 * hits / total:.1f} % ({hits}/{total})" if total else "- (0)"
