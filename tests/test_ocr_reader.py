"""The reader on rendered plates and on everything that is none."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fixtures.truth import FIXTURE_VIDEOS, load_truth
from ocr.hypotheses import top_hypotheses
from ocr.merging import without_ghosts
from ocr.models_folder import MODELS_FOLDER, shipped_models
from ocr.reader import PlateReader
from ocr.reader_settings import ReaderSettings
from ocr.second_look import averaged
from ocr.types import BgrImage, BoundingBox, OcrError
from tests.plates import make_distribution, make_read


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    return PlateReader.from_models(shipped_models())


ODD_PICTURES: dict[str, Callable[[], BgrImage]] = {
    "one pixel": lambda: np.zeros((1, 1, 3), np.uint8),
    "a line": lambda: np.full((3, 900, 3), 90, np.uint8),
    "a pillar": lambda: np.full((900, 3, 3), 90, np.uint8),
    "black": lambda: np.zeros((48, 144, 3), np.uint8),
    "white": lambda: np.full((48, 144, 3), 255, np.uint8),
    "noise": lambda: np.random.default_rng(3).integers(0, 255, (480, 640, 3), np.uint8),
    "8K": lambda: np.full((4320, 7680, 3), 127, np.uint8),
}
"""Each is made where it is needed: one takes 100 MB."""


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_give_no_read_and_no_exception(reader: PlateReader, name: str):
    assert reader.read(ODD_PICTURES[name]()) == []


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_crops_never_give_a_confident_text(reader: PlateReader, name: str):
    read = reader.read_crop(ODD_PICTURES[name]())
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


def parked_plate() -> np.ndarray:
    """The frame of a fixture clip whose truth has a parked vehicle, shrunk until its plate is hard to read."""
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / "parked_car.mp4"))
    decoded, frame = capture.read()
    capture.release()
    assert decoded
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), 1.6), np.uint8)


def test_an_unsure_plate_is_looked_at_again_and_a_sure_one_is_not():
    once, again, sure = (
        PlateReader.from_models(shipped_models(), ReaderSettings(look_again_below=below, second_long_side_px=0))
        for below in (0.0, 1.01, 0.01)
    )
    frame = parked_plate()
    ((first,), (second,), (third,)) = (reader.read(frame) for reader in (once, again, sure))
    assert not np.array_equal(first.distribution.char_probs, second.distribution.char_probs)
    assert np.array_equal(first.distribution.char_probs, third.distribution.char_probs)
    assert second.distribution.char_probs.sum(axis=1) == pytest.approx(1.0, abs=1e-3)
    assert (second.box, second.text) == (first.box, first.text)


def test_what_further_looks_find_less_plausible_than_asked_is_dropped_as_what_the_first_one_does():
    frame = parked_plate()
    looked_again = ReaderSettings(look_again_below=1.01, second_long_side_px=0)
    once, again = (
        PlateReader.from_models(shipped_models(), settings).read(frame)[0].confidence
        for settings in (replace(looked_again, look_again_below=0.0), looked_again)
    )
    assert again < once, "the further looks are surer: no test"
    between = replace(looked_again, min_confidence=(again + once) / 2, sure_score=1.0)
    assert PlateReader.from_models(shipped_models(), between).read(frame) == []
    below = replace(between, min_confidence=again - 0.001)
    assert len(PlateReader.from_models(shipped_models(), below).read(frame)) == 1


def test_a_fainter_detection_is_read_on_a_photo_without_a_sure_read_and_not_on_a_frame():
    picture = parked_plate()
    # No detection reaches a faint one's score here: each is one of those that only a photo has read.
    settings = ReaderSettings(faint_score=1.0, photo_faint_score=0.5, second_long_side_px=0)
    reader = PlateReader.from_models(shipped_models(), settings)
    assert [read.text for read in reader.read(picture)] == [
        PlateReader.from_models(shipped_models()).read(picture)[0].text
    ]
    assert reader.read(picture, moved=[]) == []


def test_looks_that_disagree_leave_a_doubt_and_looks_that_agree_do_not():
    looks = [make_distribution(text, certainty=0.9) for text in ("京A12345", "京A12345", "京A1Z345")]
    mean = averaged(looks)
    assert mean.char_probs.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    by_slot = mean.char_probs.max(axis=1)
    assert by_slot[0] > 0.89
    assert 0.3 < by_slot[3] < 0.7
    assert top_hypotheses(mean, 1)[0].text == "京A12345"


def test_changed_models_are_refused(tmp_path: Path):
    for path in MODELS_FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (tmp_path / "detector.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(OcrError, match=r"detector\.onnx 损坏或被改过"):
        shipped_models(tmp_path)


@pytest.mark.parametrize("index", [1, 152])
def test_a_plate_at_dusk_is_read_once_though_it_is_detected_with_what_is_around_it_too(
    reader: PlateReader, index: int
) -> None:
    with av.open(str(FIXTURE_VIDEOS / "dusk_booth.mp4")) as container:
        frame = next(islice(container.decode(video=0), index, None)).to_ndarray(format="bgr24")
    reads = reader.read(np.asarray(cv2.resize(frame, (1920, 1080)), np.uint8), ())
    assert [read.text[1:] for read in reads] == ["P62C07" if index == 1 else "D4Y716"]


def test_doubtful_reads_beside_a_sure_one_and_surer_ones_over_it_stay() -> None:
    sure = make_read("京A12345", BoundingBox(100, 100, 160, 120))
    around = replace(sure, box=BoundingBox(80, 90, 190, 132), confidence=0.1)
    beside = replace(around, box=BoundingBox(150, 90, 260, 132))
    likely = replace(around, confidence=0.35)
    assert without_ghosts([around, sure]) == [sure]
    assert without_ghosts([beside, sure]) == [beside, sure]
    assert without_ghosts([likely, sure]) == [likely, sure]
    assert without_ghosts([around]) == [around]
    alike = replace(sure, confidence=0.15)
    assert without_ghosts([around, alike]) == [around, alike]
