"""Which looks a large photo takes: each costs time, so one that can tell nothing more is not taken."""

import cv2
import numpy as np

from fixtures.truth import FIXTURE_VIDEOS
from ocr.detector import Detection, PlateDetector
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.reader_settings import ReaderSettings
from ocr.recognizer import PlateRecognizer
from ocr.search import Window
from ocr.types import BgrImage

PARKED = "湘F7L945"


class NotingDetector(PlateDetector):
    """The shipped detector, which notes how large the picture is for its network."""

    def __init__(self) -> None:
        super().__init__(shipped_models().detector)
        self.long_sides: list[int] = []

    def detect_in(
        self, image: BgrImage, window: Window, min_score: float = 0.3, max_overlap: float = 0.4
    ) -> list[Detection]:
        self.long_sides.append(round(max(window.x2 - window.x1, window.y2 - window.y1) * window.scale))
        return super().detect_in(image, window, min_score, max_overlap)


def looked_at(picture: BgrImage, settings: ReaderSettings | None = None) -> tuple[list[str], list[int]]:
    """Return the texts that are read, and how large each look was."""
    models, detector = shipped_models(), NotingDetector()
    recognizer = PlateRecognizer.from_files(models.recognizer, models.recognizer_config)
    texts = [read.text for read in PlateReader(detector, recognizer, settings).read(picture)]
    return texts, detector.long_sides


def large_photo() -> BgrImage:
    """The first frame of a fixture clip, 1280 x 720, with a parked vehicle."""
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / "parked_car.mp4"))
    decoded, frame = capture.read()
    capture.release()
    assert decoded
    return np.asarray(frame, np.uint8)


def test_a_large_photo_with_a_sure_read_is_looked_at_from_near_and_from_farther_back_alone():
    assert looked_at(large_photo()) == ([PARKED], [1152, 320])


def test_a_large_photo_without_a_sure_read_is_looked_at_from_half_as_near_too():
    street = np.asarray(cv2.GaussianBlur(large_photo(), (0, 0), 25), np.uint8)
    assert looked_at(street) == ([], [1152, 640, 320])


def test_a_plate_that_fills_a_large_photo_is_read_from_farther_back():
    read_at = cv2.resize(large_photo()[597:640, 970:1076], (1272, 516), interpolation=cv2.INTER_CUBIC)
    texts, _ = looked_at(np.asarray(read_at, np.uint8))
    assert texts == [PARKED]


def test_a_fainter_plate_than_on_a_frame_is_read_on_a_large_photo_whatever_else_is_read():
    only_large = ReaderSettings(faint_score=1.0, photo_faint_score=1.0, large_photo_score=0.13)
    assert looked_at(large_photo(), only_large)[0] == [PARKED]
