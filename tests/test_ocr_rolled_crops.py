"""A crop that is the box around a rolled plate, as a camera sends it: squeezed to one size."""

import cv2
import numpy as np
import pytest

from fixtures.truth import FIXTURE_VIDEOS, PassageTruth, load_truth
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.rectify import rolled
from ocr.types import BgrImage

CROP_SIZE = (144, 48)


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    return PlateReader.from_models(shipped_models())


def rolled_crop(frame: BgrImage, passage: PassageTruth, degrees: float) -> BgrImage:
    """Turn a frame around its plate and cut out the box around that one, squeezed to CROP_SIZE."""
    x1, y1, x2, y2 = passage.box
    turn = cv2.getRotationMatrix2D(((x1 + x2) / 2, (y1 + y2) / 2), degrees, 1.0)
    turned = cv2.warpAffine(frame, turn, (frame.shape[1], frame.shape[0]))
    corners = np.array([[x1, y1, 1], [x2, y1, 1], [x2, y2, 1], [x1, y2, 1]]) @ turn.T
    left, top = np.floor(corners.min(axis=0)).astype(int) - 1
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
    return np.asarray(cv2.resize(turned[top:bottom, left:right], CROP_SIZE), np.uint8)


@pytest.mark.parametrize("degrees", [-20, 20])
@pytest.mark.parametrize(
    ("clip", "number"), [("two_lanes", 0), pytest.param("two_lanes", 2, marks=pytest.mark.long), ("dusk_booth", 0)]
)
def test_a_rolled_plate_in_a_crop_is_read(reader: PlateReader, clip: str, number: int, degrees: int):
    truth = load_truth(FIXTURE_VIDEOS / f"{clip}.json")
    passage = truth.passages[number]
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / truth.clip))
    capture.set(cv2.CAP_PROP_POS_MSEC, passage.middle_s * 1000)
    decoded, frame = capture.read()
    capture.release()
    assert decoded
    read = reader.read_crop(rolled_crop(np.asarray(frame, np.uint8), passage, degrees))
    assert read is not None
    assert (read.text, read.confidence > 0.5) == (passage.text, True)


def test_rolled_corners_touch_the_crops_four_sides_and_are_a_plates():
    for corners in rolled(310, 190):
        assert np.ptp(corners, axis=0).tolist() == pytest.approx([310, 190])
        assert corners.min(axis=0).tolist() == pytest.approx([0, 0])
    down, up = (corners for corners in rolled(310, 190)[:2])
    assert down[1, 1] > down[0, 1]
    assert up[1, 1] < up[0, 1]
    roll = np.radians(10)
    width, height = 440 * np.cos(roll) + 140 * np.sin(roll), 440 * np.sin(roll) + 140 * np.cos(roll)
    exact = rolled(round(width), round(height))[0]
    assert np.linalg.norm(exact[1] - exact[0]) == pytest.approx(440, abs=2)
    assert np.linalg.norm(exact[3] - exact[0]) == pytest.approx(140, abs=2)
