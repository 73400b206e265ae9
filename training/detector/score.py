"""Scores a detector: greedy one-to-one at IoU 0.5 of axis-aligned boxes, and false plates on clean frames."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from ocr.detector import Detection
from ocr.opening import single_thread_options
from ocr.types import BgrImage, BoundingBox, Corners
from training.detector.clutter import add_clutter
from training.detector.real_scenes import Quads, Scene, load_clean_frames, load_not_plates

MATCH_IOU = 0.5
CLUTTER_ROUNDS = 4


class Detector(Protocol):
    """What is scored: `ocr.detector.PlateDetector` has this form."""

    def detect(self, image: BgrImage, long_side: int = 640, min_score: float = 0.3) -> list[Detection]: ...


@dataclass(frozen=True, slots=True)
class SetScore:
    """How well a set of photos was searched at one threshold."""

    plates: int
    found: int
    false: int
    """Detections that match no labelled plate: an upper bound of the false ones, for not every plate is labelled."""
    corner_error: float
    """Mean distance of the corners of found plates from the truth's, in plate heights."""

    @property
    def recall(self) -> float:
        return self.found / max(1, self.plates)

    @property
    def precision(self) -> float:
        return self.found / max(1, self.found + self.false)


def score_scenes(detector: Detector, scenes: Iterable[Scene], thresholds: tuple[float, ...]) -> list[SetScore]:
    """Search every scene once and score it at each threshold."""
    pairs = [(scene.quads, detector.detect(scene.image, min_score=min(thresholds))) for scene in scenes]
    return [_score_at(pairs, threshold) for threshold in thresholds]


def false_plates(
    detector: Detector, data: Path, thresholds: tuple[float, ...], cluttered: bool, seed: int = 7
) -> tuple[list[int], int]:
    """Count plates found on held-out clean frames, per threshold, and return the number of frames too.

    `cluttered`: held-out not-plates, captions and signs are drawn into the frames first.
    """
    not_plates = load_not_plates(data, "held_out")
    nowhere: Quads = np.zeros((0, 4, 2), np.float32)
    scores: list[float] = []
    frames = 0
    for scene in load_clean_frames(data, "held_out"):
        rng = np.random.default_rng((seed, frames))
        for _ in range(CLUTTER_ROUNDS if cluttered else 0):
            add_clutter(scene.image, nowhere, not_plates, rng)
        scores += [found.score for found in detector.detect(scene.image, min_score=min(thresholds))]
        frames += 1
    return [sum(score >= threshold for score in scores) for threshold in thresholds], frames


def milliseconds(model: Path, height: int, width: int, runs: int = 50) -> float:
    """Return the median time of the network alone on one thread, after ten runs to warm up."""
    session = onnxruntime.InferenceSession(model, single_thread_options(), providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(0).integers(0, 255, (1, height, width, 3), dtype=np.uint8)
    times = []
    for _ in range(runs + 10):
        start = time.perf_counter()
        session.run(None, {"input": picture})
        times.append(time.perf_counter() - start)
    return float(np.median(times[10:])) * 1000


def box_of(quad: Corners) -> BoundingBox:
    """Return the axis-aligned box around a plate."""
    (x1, y1), (x2, y2) = quad.min(axis=0), quad.max(axis=0)
    return BoundingBox(float(x1), float(y1), float(x2), float(y2))


def _score_at(pairs: list[tuple[Quads, list[Detection]]], threshold: float) -> SetScore:
    plates = false = 0
    errors: list[float] = []
    for quads, detections in pairs:
        seen = [each for each in detections if each.score >= threshold]
        matched = _match([box_of(quad) for quad in quads], seen)
        plates += len(quads)
        false += len(seen) - len(matched)
        errors += [_corner_error(quads[i], seen[j].corners) for i, j in matched]
    return SetScore(plates, len(errors), false, float(np.mean(errors)) if errors else float("nan"))


def _match(truth: list[BoundingBox], seen: list[Detection]) -> list[tuple[int, int]]:
    """Pair greedily, best overlap first, each at most once."""
    overlaps = [(t.iou(d.box), i, j) for i, t in enumerate(truth) for j, d in enumerate(seen)]
    pairs: list[tuple[int, int]] = []
    for overlap, i, j in sorted(overlaps, reverse=True):
        if overlap >= MATCH_IOU and all(i != p[0] and j != p[1] for p in pairs):
            pairs.append((i, j))
    return pairs


def _corner_error(truth: Corners, found: Corners) -> float:
    height = (np.linalg.norm(truth[3] - truth[0]) + np.linalg.norm(truth[2] - truth[1])) / 2
    return float(np.linalg.norm(found - truth, axis=1).mean() / height)
