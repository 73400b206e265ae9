"""The reader: a picture in, plate reads out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ocr.detector import Detection, PlateDetector
from ocr.grammar import PROVINCES
from ocr.hypotheses import grammar_mass, top_hypotheses
from ocr.models_folder import ModelFiles
from ocr.recognizer import CPU_PROVIDERS, PlateRecognizer
from ocr.rectify import CROP_HEIGHT, CROP_WIDTH, MARGIN, inner_corners, rectify, sharpness
from ocr.second_look import TIGHTER, WIDER, averaged
from ocr.two_line import stitch_two_lines
from ocr.types import BgrImage, Corners, PlateDistribution, PlateRead

TWO_LINE_SUFFIX = "two_line"
NOT_PLATE = "not_plate"
SAME_PLATE_IOU = 0.3


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """What the reader accepts. The thresholds come from `python -m bench.accuracy` on the development photos."""

    detector_long_side_px: int = 640
    second_long_side_px: int = 1280
    """A large photo is searched again at this size, for small plates; 0 never does (a video's next frame is nearer)."""
    second_above_px: int = 900
    """Photos whose longer side exceeds this are searched twice."""
    second_min_confidence: float = 0.3
    """What only the second search finds must be readable: at twice the size more things look like plates."""
    min_score: float = 0.3
    """Detections below this score are not looked at."""
    min_confidence: float = 0.05
    """A detection is dropped when its weakest character is less probable than this..."""
    sure_score: float = 0.9
    """...unless the detector itself is this sure: then an unreadable plate is still a plate."""
    look_again_below: float = 0.9
    """A plate whose weakest character is less probable than this is looked at again; 0.0 never does."""
    max_not_plate: float = 0.5
    """A detection is dropped when the recogniser holds it for no plate with more than this probability."""


class PlateReader:
    """Detector, rectification and recogniser in a row. Not thread-safe; build one for each process."""

    def __init__(
        self, detector: PlateDetector, recognizer: PlateRecognizer, settings: ReaderSettings | None = None
    ) -> None:
        self.settings = settings or ReaderSettings()
        self._detector = detector
        self._recognizer = recognizer

    @classmethod
    def from_models(
        cls,
        models: ModelFiles,
        settings: ReaderSettings | None = None,
        providers: Sequence[str] = CPU_PROVIDERS,
        hub_model: str | None = None,
    ) -> "PlateReader":
        """Load the models; `hub_model` names a recogniser of the fast-plate-ocr hub in place of ours.

        Raises OcrError.
        """
        recognizer = (
            PlateRecognizer.from_hub(hub_model, providers)
            if hub_model
            else PlateRecognizer.from_files(models.recognizer, models.recognizer_config, providers)
        )
        return cls(PlateDetector(models.detector, providers), recognizer, settings)

    def read(self, image: BgrImage) -> list[PlateRead]:
        """Return the plates of a photo or a video frame, best detection first."""
        settings, long_side = self.settings, max(image.shape[:2])
        reads = self._read_at(image, settings.detector_long_side_px)
        if not settings.second_long_side_px or long_side <= settings.second_above_px:
            return reads
        closer = self._read_at(image, min(settings.second_long_side_px, long_side))
        return _merge(reads, [read for read in closer if read.confidence >= settings.second_min_confidence])

    def read_crop(self, crop: BgrImage) -> PlateRead | None:
        """Return the plate that fills `crop`, or None when it does not look like a plate at all."""
        height, width = crop.shape[:2]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        distribution = self._recognizer.recognize([crop])[0]
        if _is_two_line(distribution):
            distribution = self._recognize_two_lines(crop, distribution)
        detection, crop_sharpness = Detection(corners, 1.0), sharpness(crop)
        read = _build_read(detection, distribution, crop_sharpness)
        if read is None or self._is_no_plate(distribution):
            return None
        return self._look_again(read, crop, inner_corners(width, height))

    def _read_at(self, image: BgrImage, long_side: int) -> list[PlateRead]:
        detections = self._detector.detect(image, long_side, self.settings.min_score)
        crops = [rectify(image, detection.corners) for detection in detections]
        reads = []
        for detection, crop, distribution in zip(detections, crops, self._recognizer.recognize(crops), strict=True):
            if self._is_no_plate(distribution):
                continue
            if _is_two_line(distribution):
                distribution = self._recognize_two_lines(_upright(image, detection.corners), distribution)
            read = _build_read(detection, distribution, sharpness(crop))
            if read is not None and self._is_wanted(read):
                reads.append(self._look_again(read, image, detection.corners))
        return reads

    def _look_again(self, read: PlateRead, image: BgrImage, corners: Corners) -> PlateRead:
        """Return the read of all looks where the first one was unsure, else `read` itself."""
        if read.confidence >= self.settings.look_again_below:
            return read
        first = read.distribution
        if _is_two_line(first):
            looks = [self._recognize_two_lines(_upright(image, corners, margin), first) for margin in (WIDER, TIGHTER)]
        else:
            looks = self._recognizer.recognize([rectify(image, corners, margin=margin) for margin in (WIDER, TIGHTER)])
        detection = Detection(read.corners, read.detection_score)
        return _build_read(detection, averaged([first, *looks]), read.sharpness) or read

    def _recognize_two_lines(self, crop: BgrImage, whole: PlateDistribution) -> PlateDistribution:
        """Read the stitched lines; the style stays that of the whole plate, where the layout can be seen."""
        stitched = self._recognizer.recognize([stitch_two_lines(crop)])[0]
        return replace(stitched, style_probs=whole.style_probs)

    def _is_no_plate(self, distribution: PlateDistribution) -> bool:
        return _style_probability(distribution, NOT_PLATE) > self.settings.max_not_plate

    def _is_wanted(self, read: PlateRead) -> bool:
        return read.confidence >= self.settings.min_confidence or read.detection_score >= self.settings.sure_score


def _upright(image: BgrImage, corners: Corners, margin: tuple[float, float] = MARGIN) -> BgrImage:
    """Cut a two-line plate out large enough to be parted."""
    return rectify(image, corners, 2 * CROP_WIDTH, 3 * CROP_HEIGHT, margin)


def _merge(reads: list[PlateRead], closer: list[PlateRead]) -> list[PlateRead]:
    """Add what a closer look found; where both see a plate, the surer read stays."""
    merged = list(reads)
    for read in closer:
        same = [k for k, other in enumerate(merged) if read.box.iou(other.box) > SAME_PLATE_IOU]
        if all(read.confidence > merged[k].confidence for k in same):
            merged = [other for k, other in enumerate(merged) if k not in same] + [read]
    return merged


def _build_read(detection: Detection, distribution: PlateDistribution, crop_sharpness: float) -> PlateRead | None:
    if not set(PROVINCES) & set(distribution.alphabet):
        return _build_foreign_read(detection, distribution, crop_sharpness)
    best = next(iter(top_hypotheses(distribution, 1)), None)
    if best is None:
        return None
    char_probs = _char_probs(distribution, best.text)
    return PlateRead(
        text=best.text,
        plate_class=best.plate_class,
        box=detection.box,
        corners=detection.corners,
        distribution=distribution,
        char_probs=char_probs,
        confidence=min(min(char_probs), grammar_mass(distribution)),
        detection_score=detection.score,
        sharpness=crop_sharpness,
    )


def _build_foreign_read(
    detection: Detection, distribution: PlateDistribution, crop_sharpness: float
) -> PlateRead | None:
    """Read an alphabet without provinces plainly: the Chinese grammar says nothing about it."""
    best = distribution.char_probs.argmax(axis=1)
    text = "".join(distribution.alphabet[column] for column in best).rstrip(distribution.alphabet[-1])
    if not text:
        return None
    char_probs = _char_probs(distribution, text)
    return PlateRead(
        text,
        "99",
        detection.box,
        detection.corners,
        distribution,
        char_probs,
        min(char_probs),
        detection.score,
        crop_sharpness,
    )


def _char_probs(distribution: PlateDistribution, text: str) -> tuple[float, ...]:
    columns = (distribution.alphabet.index(character) for character in text)
    return tuple(float(distribution.char_probs[slot, column]) for slot, column in enumerate(columns))


def _is_two_line(distribution: PlateDistribution) -> bool:
    two_line = sum(
        float(probability)
        for style, probability in zip(distribution.styles, distribution.style_probs, strict=True)
        if style.endswith(TWO_LINE_SUFFIX)
    )
    return two_line > 0.5


def _style_probability(distribution: PlateDistribution, style: str) -> float:
    return sum(float(p) for name, p in zip(distribution.styles, distribution.style_probs, strict=True) if name == style)
