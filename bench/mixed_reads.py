"""Two readers of one plate, a camera and our own: do both together find more than either, with no more false alerts?

Simulated: the camera's text is wrong in 5 % of the passages and does not say where, our own reading in 3 %, three in
ten of them sure of it; three in ten errors of ours are the camera's, too. Half of the wrong characters look like the
right one. The default of
`reads.camera_weight` comes from here: `python -m bench.mixed_reads --weights`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from bench.report import Report, bench_options
from ocr.grammar import DIGITS, SERIAL
from ocr.grammar import STYLES as PLATE_STYLES
from ocr.types import PlateDistribution
from ocr.wrong_length import match_hypotheses
from pipeline.reads.beliefs import ALPHABET, LOOKALIKES, SLOTS, distribution_of
from pipeline.reads.camera_read import CameraRead
from pipeline.reads.settings import ReadsSettings
from pipeline.walk.fusion import seconded
from riskdb.match import MatchRule, match_plate
from riskdb.settings import RiskSettings
from riskdb.types import ListedReasons, RiskReason

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LISTED = 10_000
CAMERA_WRONG, OWN_WRONG, COMMON, BLIND = 0.05, 0.03, 0.3, 0.3
REASON = RiskReason(
    "370211-001", "某街道", "high", NOW - timedelta(days=3), NOW - timedelta(days=2), NOW - timedelta(days=5), None,
    "bench", NOW + timedelta(days=9),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passing:
    """What both readers say of one vehicle."""

    is_listed: bool
    camera: PlateDistribution
    own: PlateDistribution


class DenseList:
    """10,000 listed plates of one city: one innocent vehicle in five has a listed neighbour."""

    def __init__(self, plates: set[str]) -> None:
        self._plates = plates

    def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> ListedReasons:  # noqa: ARG002  the list's signature
        return ListedReasons(1, tuple((REASON,) if text in self._plates else () for _, text in plates))


def simulated(count: int, seed: int = 7) -> tuple[list[Passing], DenseList]:
    rng = np.random.default_rng(seed)
    listed = {_plate(rng) for _ in range(LISTED)}
    ordered = sorted(listed)
    passings = []
    for number in range(count):
        is_listed = number % 2 == 0
        text = ordered[int(rng.integers(len(ordered)))] if is_listed else _unlisted(rng, listed)
        passings.append(_passing(rng, text, is_listed=is_listed))
    return passings, DenseList(listed)


def _plate(rng: np.random.Generator) -> str:
    """Return a plate as it is issued: mostly digits."""
    serial = "".join(str(rng.choice(list(DIGITS if rng.random() < 0.8 else SERIAL))) for _ in range(5))
    return "鲁B" + serial


def _unlisted(rng: np.random.Generator, listed: set[str]) -> str:
    while (text := _plate(rng)) in listed:
        pass
    return text


def _passing(rng: np.random.Generator, text: str, *, is_listed: bool) -> Passing:
    is_camera_wrong = rng.random() < CAMERA_WRONG
    slot = int(rng.integers(2, 7))
    wrong = _misread(rng, text[slot])
    said = text[:slot] + wrong + text[slot + 1 :] if is_camera_wrong else text
    # Of our errors, so many are those that the camera makes, too.
    share = OWN_WRONG * COMMON / CAMERA_WRONG if is_camera_wrong else OWN_WRONG * (1 - COMMON) / (1 - CAMERA_WRONG)
    own_slot, own_wrong = (slot, wrong) if is_camera_wrong else (int(rng.integers(2, 7)), "")
    is_own_wrong = rng.random() < share
    own = _own(rng, text, own_slot, (own_wrong or _misread(rng, text[own_slot])) if is_own_wrong else None)
    camera = distribution_of(CameraRead(text=said, raw_text=said, style="blue", score=0.97))
    assert camera is not None
    return Passing(is_listed, camera, own)


def _misread(rng: np.random.Generator, character: str) -> str:
    alike = [c for c in LOOKALIKES.get(character, "") if c in SERIAL]
    others = [c for c in (alike if alike and rng.random() < 0.5 else SERIAL) if c != character]
    return str(rng.choice(others))


def _own(rng: np.random.Generator, text: str, slot: int, wrong: str | None) -> PlateDistribution:
    """Return a calibrated reading: where it is wrong it is mostly unsure, and knows the right one as second best."""
    probs = np.full((SLOTS, len(ALPHABET)), 1e-4, np.float32)
    for position in range(SLOTS):
        character = text[position] if position < len(text) else ALPHABET[-1]
        probs[position, ALPHABET.index(character)] = 0.97 + 0.029 * rng.random()
    if wrong is not None:
        is_blind = rng.random() < BLIND
        sure = 0.97 + 0.025 * rng.random() if is_blind else 0.5 + 0.45 * rng.random()
        probs[slot] = 1e-4
        probs[slot, ALPHABET.index(wrong)] = sure
        probs[slot, ALPHABET.index(text[slot])] = (0.05 if is_blind else 0.9) * (1 - sure)
    probs /= probs.sum(axis=1, keepdims=True)
    styles = np.full(len(PLATE_STYLES), 0.02 / (len(PLATE_STYLES) - 1), np.float32)
    styles[PLATE_STYLES.index("blue")] = 0.98
    return PlateDistribution(ALPHABET, probs, PLATE_STYLES, styles)


def scores(distributions: Sequence[tuple[bool, PlateDistribution]], listed: DenseList) -> tuple[float, int]:
    """Return the recall of listed vehicles, and how many others were flagged."""
    rule = MatchRule.of(RiskSettings())
    found = alarms = total = 0
    for is_listed, distribution in distributions:
        is_flagged = match_plate(match_hypotheses(distribution, 32), listed, rule, NOW) is not None
        total += is_listed
        found += is_listed and is_flagged
        alarms += is_flagged and not is_listed
    return found / max(1, total), alarms


def bench(report: Report, options: argparse.Namespace) -> None:
    passings, listed = simulated(options.passages)
    settings = ReadsSettings()
    camera = scores([(one.is_listed, one.camera) for one in passings], listed)
    own = scores([(one.is_listed, one.own) for one in passings], listed)
    weights = (0.3, 0.4, 0.5, 0.6, 0.75) if options.weights else (settings.camera_weight,)
    report.add_row("mixed passages", reader="camera alone", weight=None, recall=camera[0], false_alerts=camera[1])
    report.add_row("mixed passages", reader="ours alone", weight=None, recall=own[0], false_alerts=own[1])
    for weight in weights:
        fused = [(one.is_listed, seconded(one.own, one.camera, weight, settings.common_errors)) for one in passings]
        recall, alarms = scores(fused, listed)
        report.add_row("mixed passages", reader="both", weight=weight, recall=recall, false_alerts=alarms)
        if weight == settings.camera_weight:
            report.add_bar("fused recall of listed", recall, max(camera[0], own[0]), "at least")
            report.add_bar("fused false alerts", alarms, min(camera[1], own[1]), "at most")


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--passages", type=int, default=4000)
    parser.add_argument("--weights", action="store_true", help="try several weights")
    options = parser.parse_args()
    report = Report(f"Mixed passages: {options.passages} simulated, half of them listed, {LISTED} listed of one city")
    bench(report, options)
    report.finish(options)


if __name__ == "__main__":
    main()
