"""Where a picture is searched, and what is done with a plate that fills it or that its edge cuts."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from fixtures.truth import FIXTURE_VIDEOS, PassageTruth, load_truth
from ocr.cut_plates import without_unseen
from ocr.detector import Detection, PlateDetector
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.reader_settings import ReaderSettings
from ocr.recognizer import PlateRecognizer
from ocr.search import CLOSER_SCALE, closer, from_farther, near, whole
from ocr.types import BgrImage, BoundingBox, Corners
from tests.plates import make_distribution

FULL_HD = (1080, 1920)


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    return PlateReader.from_models(shipped_models())


@pytest.fixture(scope="module")
def passing() -> tuple[PassageTruth, BgrImage]:
    """A vehicle of a fixture clip at its middle, and the frame."""
    truth = load_truth(FIXTURE_VIDEOS / "dusk_booth.json")
    passage = truth.passages[1]
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / truth.clip))
    capture.set(cv2.CAP_PROP_POS_MSEC, passage.middle_s * 1000)
    decoded, frame = capture.read()
    capture.release()
    assert decoded
    return passage, np.asarray(frame, np.uint8)


def cut_out(frame: BgrImage, box: BoundingBox) -> BgrImage:
    return np.ascontiguousarray(frame[int(box.y1) : int(box.y2) + 1, int(box.x1) : int(box.x2) + 1])


def test_a_plate_that_fills_its_picture_is_read(reader: PlateReader, passing: tuple[PassageTruth, BgrImage]):
    passage, frame = passing
    picture = cv2.resize(cut_out(frame, BoundingBox(*passage.box)), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    assert passage.text in [read.text for read in reader.read(np.asarray(picture, np.uint8))]
    once = PlateReader.from_models(shipped_models(), ReaderSettings(fills_above=1.0, sure_confidence=0.0))
    assert passage.text not in [read.text for read in once.read(np.asarray(picture, np.uint8))], (
        "the detector alone finds it: no test"
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_plate_that_the_edge_of_the_picture_cuts_is_never_completed(
    reader: PlateReader, passing: tuple[PassageTruth, BgrImage], side: str
):
    passage, frame = passing
    x1, _, x2, _ = passage.box
    for share in (0.08, 0.16, 0.3):
        x = round(x1 + share * (x2 - x1)) if side == "left" else round(x2 - share * (x2 - x1))
        part = np.ascontiguousarray(frame[:, x:] if side == "left" else frame[:, :x])
        at_edge = [one for one in reader.read(part) if (one.box.x1 < 3 if side == "left" else one.box.x2 > x - 3)]
        assert all(read.confidence < 0.5 for read in at_edge)


def test_a_character_beyond_the_edge_is_unknown_and_a_cut_one_is_doubtful():
    corners = np.array([[-28, 10], [112, 10], [112, 50], [-28, 50]], np.float32)
    sure = make_distribution("京A12345", certainty=0.99)
    seen = without_unseen(sure, corners, (100, 300), has_two_lines=False)
    best = seen.char_probs.max(axis=1)
    assert best[0] < 0.05
    assert best[1] < 0.5
    assert best[2:7] == pytest.approx(sure.char_probs.max(axis=1)[2:7])
    assert seen.char_probs.sum(axis=1) == pytest.approx(1.0, abs=1e-3)


def test_a_plate_that_only_touches_the_edge_keeps_its_text_but_is_not_sure_of_what_ends_there():
    corners = np.array([[0, 10], [140, 10], [140, 50], [0, 50]], np.float32)
    sure = make_distribution("京A12345", certainty=0.99)
    seen = without_unseen(sure, corners, (100, 300), has_two_lines=False)
    assert (seen.char_probs.argmax(axis=1) == sure.char_probs.argmax(axis=1)).all()
    assert seen.char_probs[0].max() < 0.5
    assert seen.char_probs[1:7] == pytest.approx(sure.char_probs[1:7])
    whole_one = without_unseen(sure, corners + 4, (100, 300), has_two_lines=False)
    assert whole_one is sure


def test_what_moves_is_looked_at_with_its_surroundings_and_inside_the_picture():
    (window,) = closer(FULL_HD, [BoundingBox(0, 1060, 30, 1080)])
    assert (window.x1, window.y2) == (0, 1080)
    assert window.x2 >= 60
    assert window.y1 <= 1030
    assert window.scale == CLOSER_SCALE


def test_regions_that_overlap_are_searched_once_and_far_ones_apart():
    near = [BoundingBox(100, 100, 300, 300), BoundingBox(150, 120, 320, 310)]
    far = BoundingBox(1500, 700, 1600, 800)
    windows = closer(FULL_HD, [*near, far])
    assert len(windows) == 2
    assert sum(window.cost_px for window in windows) < 0.25 * whole(FULL_HD, 1280).cost_px


def test_around_a_plate_that_was_read_nothing_is_searched_but_what_shows_above_its_vehicle():
    plate = BoundingBox(900, 700, 1000, 730)
    alone, behind = BoundingBox(700, 480, 1200, 800), BoundingBox(700, 200, 1200, 800)
    assert closer(FULL_HD, [alone], [plate]) == []
    (window,) = closer(FULL_HD, [behind], [plate])
    assert window.y1 < 200
    assert 400 <= window.y2 < 500
    for other in (BoundingBox(400, 480, 1200, 800), BoundingBox(700, 740, 1200, 1000), BoundingBox(0, 480, 300, 800)):
        assert closer(FULL_HD, [other], [plate]) == closer(FULL_HD, [other])


def test_no_row_of_small_regions_costs_more_than_the_whole_picture():
    boxes = [BoundingBox(x, 0, x + 60, 1080) for x in range(0, 1860, 60)]
    windows = closer(FULL_HD, boxes)
    assert sum(window.cost_px for window in windows) <= 1.05 * whole(FULL_HD, 1280).cost_px
    assert all(one.x2 <= other.x2 for one, other in pairwise(sorted(windows, key=lambda each: each.x1)))


def test_the_look_from_farther_back_has_nothing_around_the_picture():
    window = from_farther((36, 136))
    assert window.x1 < 0 < 136 < window.x2
    assert window.y1 < 0 < 36 < window.y2


def test_a_far_plate_is_found_where_something_moves_and_not_elsewhere(
    reader: PlateReader, passing: tuple[PassageTruth, BgrImage]
):
    passage, frame = passing
    street = np.full((1080, 1920, 3), 96, np.uint8)
    box = BoundingBox(*passage.box)
    vehicle = frame[int(box.y1) - 60 : int(box.y2) + 30, int(box.x1) - 60 : int(box.x2) + 60]
    small = cv2.resize(vehicle, None, fx=0.85, fy=0.85, interpolation=cv2.INTER_AREA)
    street[500 : 500 + small.shape[0], 900 : 900 + small.shape[1]] = small
    here, elsewhere = BoundingBox(880, 490, 1090, 620), BoundingBox(100, 100, 300, 300)
    assert passage.text in [read.text for read in reader.read(street, [here])]
    assert passage.text in [read.text for read in reader.read(street)]
    assert [read for read in reader.read(street, [elsewhere]) if read.text == passage.text] == []


def test_a_picture_full_of_signs_is_not_searched_to_the_end_and_says_so(
    passing: tuple[PassageTruth, BgrImage],
):
    passage, frame = passing
    box = BoundingBox(*passage.box)
    sign = frame[int(box.y1) - 6 : int(box.y2) + 6, int(box.x1) - 10 : int(box.x2) + 10]
    wall = np.tile(sign, (12, 8, 1))
    reader = PlateReader.from_models(shipped_models(), ReaderSettings(most_plates=10))
    assert not reader.look(np.ascontiguousarray(wall)).is_complete
    assert reader.look(frame).is_complete


@pytest.mark.parametrize("clip", ["day_gantry", "dusk_booth"])
def test_a_crop_that_holds_more_than_the_plate_is_cut_anew(reader: PlateReader, clip: str):
    truth = load_truth(FIXTURE_VIDEOS / f"{clip}.json")
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / truth.clip))
    capture.set(cv2.CAP_PROP_POS_MSEC, truth.passages[0].middle_s * 1000)
    decoded, frame = capture.read()
    capture.release()
    assert decoded
    x1, y1, x2, y2 = truth.passages[0].box
    beside = BoundingBox(x1 - 0.05 * (x2 - x1), y1 - 1, x2 + 0.45 * (x2 - x1), y2 + 1)
    read = reader.read_crop(cut_out(np.asarray(frame, np.uint8), beside))
    assert read is not None
    assert (read.text, read.confidence > 0.7) == (truth.passages[0].text, True)


class SeesOnly(PlateDetector):
    """A detector that sees one thing wherever it looks."""

    def __init__(self, corners: Corners) -> None:
        self.corners = corners

    def detect_in(self, *_: object, **__: object) -> list[Detection]:
        return [Detection(self.corners, 0.7)]


@pytest.mark.parametrize("where", ["above", "below"])
def test_a_plate_beside_one_that_cannot_be_read_is_found(passing: tuple[PassageTruth, BgrImage], where: str):
    passage, frame = passing
    plate = np.array(passage.corners, np.float32)
    width, height = float(np.ptp(plate[:, 0])), float(plate[3, 1] - plate[0, 1])
    down = np.array([0, (height + 0.02 * width) * (1 if where == "above" else -1)], np.float32)
    models = shipped_models()
    recognizer = PlateRecognizer.from_files(models.recognizer, models.recognizer_config)
    reader = PlateReader(SeesOnly(plate + down), recognizer)
    assert [read.text for read in reader.read(frame, ()) if read.confidence > 0.8] == [passage.text]
    empty = np.full_like(frame, 90)
    assert [read for read in reader.read(empty, ()) if read.confidence > 0.2] == []


def test_a_far_plate_that_is_found_too_loosely_to_be_read_is_found_closely_on_the_same_frame(
    reader: PlateReader,
) -> None:
    truth = load_truth(FIXTURE_VIDEOS / "dusk_booth.json")
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / truth.clip))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 80)
    decoded, frame = capture.read()
    capture.release()
    assert decoded
    far = [
        read for read in reader.read(np.asarray(cv2.resize(frame, FULL_HD[::-1]), np.uint8), ()) if read.box.width < 120
    ]
    assert [read.text for read in far] == [truth.passages[1].text]
    assert far[0].confidence > 0.8


def test_a_plate_that_is_followed_is_read_where_it_was_and_nothing_else_is_looked_for(
    reader: PlateReader, passing: tuple[PassageTruth, BgrImage]
):
    passage, frame = passing
    there = BoundingBox(*passage.box)
    (read,) = reader.read(frame, [there], follows=True)
    assert read.text == passage.text
    assert read.box.iou(there) > 0.3
    elsewhere = BoundingBox(there.x1 - 5 * there.width, there.y1, there.x2 - 5 * there.width, there.y2)
    assert reader.read(frame, [elsewhere], follows=True) == []
    assert reader.read(frame, [], follows=True) == []
    beside = BoundingBox(there.x1 + 2, there.y1, there.x2 + 2, there.y2)
    assert len(reader.read(frame, [there, beside], follows=True)) == 1


def test_following_a_plate_costs_the_detector_a_fraction_of_the_whole_picture():
    far, near_by = BoundingBox(900, 300, 950, 316), BoundingBox(900, 800, 1080, 860)
    whole_px = whole(FULL_HD, 640).cost_px
    (window,) = near(FULL_HD, [far], 640)
    assert window.scale == CLOSER_SCALE
    assert window.cost_px < 0.15 * whole_px
    (window,) = near(FULL_HD, [near_by], 640)
    assert window.scale == pytest.approx(640 / 1920)
    assert window.cost_px < 0.3 * whole_px
