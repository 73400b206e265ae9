"""The reader on rendered plates and on everything that is none."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fixtures.truth import FIXTURE_VIDEOS, load_truth
from ocr.hypotheses import top_hypotheses
from ocr.models_folder import MODELS_FOLDER, shipped_models
from ocr.reader import PlateReader
from ocr.types import BgrImage, OcrError


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    return PlateReader.from_models(shipped_models())


def odd_pictures() -> dict[str, BgrImage]:
    rng = np.random.default_rng(3)
    return {
        "one pixel": np.zeros((1, 1, 3), np.uint8),
        "a line": np.full((3, 900, 3), 90, np.uint8),
        "a pillar": np.full((900, 3, 3), 90, np.uint8),
        "black": np.zeros((48, 144, 3), np.uint8),
        "white": np.full((48, 144, 3), 255, np.uint8),
        "noise": rng.integers(0, 255, (480, 640, 3), np.uint8),
        "8K": np.full((4320, 7680, 3), 127, np.uint8),
    }


@pytest.mark.parametrize("name", odd_pictures())
def test_odd_pictures_give_no_read_and_no_exception(reader: PlateReader, name: str):
    assert reader.read(odd_pictures()[name]) == []


@pytest.mark.parametrize("name", odd_pictures())
def test_odd_crops_never_give_a_confident_text(reader: PlateReader, name: str):
    read = reader.read_crop(odd_pictures()[name])
    assert read is None or read.confidence < 0.5


def test_a_read_carries_its_whole_distribution(reader: PlateReader):
    truth = load_truth(FIXTURE_VIDEOS / "parked_car.json")
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / truth.clip))
    decoded, frame = capture.read()
    capture.release()
    assert decoded
    (parked,) = (passage for passage in truth.passages if passage.is_parked)
    (read,) = (one for one in reader.read(np.asarray(frame, np.uint8)) if one.text == parked.text)
    assert read.plate_class == parked.plate_class
    assert read.distribution.char_probs.sum(axis=1) == pytest.approx(1.0, abs=1e-3)
    assert top_hypotheses(read.distribution, 1)[0].text == read.text


def test_changed_models_are_refused(tmp_path: Path):
    for path in MODELS_FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (tmp_path / "detector.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(OcrError, match=r"detector\.onnx is damaged or was changed"):
        shipped_models(tmp_path)
