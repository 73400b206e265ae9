"""The detector on pictures of camera size."""

import cv2
import numpy as np
import pytest

from fixtures.truth import FIXTURE_VIDEOS
from ocr.detector import PlateDetector
from ocr.models_folder import shipped_models
from ocr.providers import ProviderError
from ocr.types import BgrImage

FRAMES = (40, 75, 110)


def pictures_of(clip: str) -> list[BgrImage]:
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / clip))
    pictures = []
    for index in FRAMES:
        capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        decoded, picture = capture.read()
        assert decoded
        pictures.append(np.asarray(picture, np.uint8))
    capture.release()
    return pictures


def test_a_1080p_frame_is_searched_as_its_area_average_would_be():
    """It is halved first, which is cheaper: corners stay within a pixel of the network's input."""
    detector = PlateDetector(shipped_models().detector)
    found = 0
    for picture in pictures_of("two_lanes.mp4"):
        averaged = np.asarray(cv2.resize(picture, (640, 360), interpolation=cv2.INTER_AREA), np.uint8)
        ours, theirs = detector.detect(picture), detector.detect(averaged)
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert one.corners / 3 == pytest.approx(other.corners, abs=1.0)
        found += len(ours)
    assert found >= 3


def test_models_never_run_elsewhere_than_asked():
    with pytest.raises(ProviderError, match="onnxruntime 没有 OpenVINOExecutionProvider"):
        PlateDetector(shipped_models().detector, ["OpenVINOExecutionProvider", "CPUExecutionProvider"])
