"""Finds plates in a picture: a score and four corners for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ocr.providers import require_in_use, require_providers
from ocr.types import BgrImage, BoundingBox, Corners, OcrError

STRIDE = 8
"""Pixels of the network's input for each cell of its output."""
MULTIPLE = 32
PAD_VALUE = 114
MIN_SIDE_PX = 4


@dataclass(frozen=True, slots=True)
class Detection:
    """Something that looks like a plate."""

    corners: Corners
    score: float

    @property
    def box(self) -> BoundingBox:
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        return BoundingBox(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


class PlateDetector:
    """One small network over a scaled picture; see ocr/models/detector.md for its input and output."""

    def __init__(self, model: Path, providers: Sequence[str] = ("CPUExecutionProvider",)) -> None:
        require_providers(providers)
        try:
            self._session = onnxruntime.InferenceSession(model, single_thread_options(), providers=list(providers))
        except Exception as error:
            raise OcrError(f"detector model {model} cannot be loaded: {error}") from error
        require_in_use(self._session, providers)

    def detect(
        self, image: BgrImage, long_side: int = 640, min_score: float = 0.3, max_overlap: float = 0.4
    ) -> list[Detection]:
        """Return the plates of a picture, best first, in its own pixels.

        `long_side`: the picture is scaled so that its longer side has this many pixels, never enlarged by more
        than four times; `max_overlap`: of two detections with a higher IoU, only the better one stays.
        """
        if min(image.shape[:2]) < MIN_SIDE_PX:
            return []
        scaled, scale = _scale(image, long_side)
        output = self._session.run(["out"], {"input": _pad(scaled)})[0][0]
        detections = [Detection(_clip(corners / scale, image), score) for corners, score in _decode(output, min_score)]
        return _suppress(detections, max_overlap)


def single_thread_options() -> onnxruntime.SessionOptions:
    """One thread a session: processes share the cores, and spinning threads would steal them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def _scale(image: BgrImage, long_side: int) -> tuple[BgrImage, NDArray[np.float32]]:
    height, width = image.shape[:2]
    factor = min(long_side / max(height, width), 4.0)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    halved = _halve_towards(image, size)
    # What was halved is smooth already; without that, bilinear would alias.
    method = cv2.INTER_AREA if factor < 1 and halved is image else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(halved, size, interpolation=method), np.uint8)
    return scaled, np.array([size[0] / width, size[1] / height], np.float32)


def _halve_towards(image: BgrImage, size: tuple[int, int]) -> BgrImage:
    """Return the picture halved as often as it is at least twice as large: averages of 2 x 2 are cheap.

    Measured on 1080p to 640 x 360: 1.2 ms, against 2.7 ms for the area average in one step.
    """
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    return image


def _pad(scaled: BgrImage) -> NDArray[np.uint8]:
    height, width = scaled.shape[:2]
    padded = np.full((1, -(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE, 3), PAD_VALUE, np.uint8)
    cv2.cvtColor(scaled, cv2.COLOR_BGR2RGB, dst=padded[0, :height, :width])
    return padded


def _decode(output: NDArray[np.float32], min_score: float) -> list[tuple[Corners, float]]:
    """Return corners (in input pixels) and score of each local maximum of the score map."""
    score_map = output[0]
    peaks = (score_map >= cv2.dilate(score_map, np.ones((3, 3), np.uint8))) & (score_map >= min_score)
    found = []
    for row, column in np.argwhere(peaks):
        centre = np.array([column, row], np.float32) * STRIDE + STRIDE / 2
        found.append((output[1:, row, column].reshape(4, 2) + centre, float(score_map[row, column])))
    return found


def _clip(corners: Corners, image: BgrImage) -> Corners:
    return np.clip(corners, 0, [image.shape[1], image.shape[0]]).astype(np.float32)


def _suppress(detections: list[Detection], max_overlap: float) -> list[Detection]:
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda one: -one.score):
        box = detection.box
        if box.width < MIN_SIDE_PX or box.height < MIN_SIDE_PX / 2:
            continue
        if all(box.iou(other.box) <= max_overlap for other in kept):
            kept.append(detection)
    return kept
