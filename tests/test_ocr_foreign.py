"""A foreign plate has the letters of a military one, but none of them in red: what it says is not sure."""

import cv2
import numpy as np
import pytest

from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.red_letters import begins_red
from ocr.types import BgrImage

INK, RED = (30, 30, 30), (38, 24, 200)


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    return PlateReader.from_models(shipped_models())


def white_plate(text: str, first: tuple[int, int, int] = INK) -> BgrImage:
    """A white plate on grey, drawn with OpenCV's own font, the first letter in its own colour."""
    picture = np.full((300, 600, 3), 60, np.uint8)
    picture[100:200, 80:520] = 238
    cv2.rectangle(picture, (84, 104), (515, 195), INK, 2)
    canvas = np.zeros((200, 1200, 3), np.uint8)
    cv2.putText(canvas, text, (40, 150), (255, 255, 255), cv2.FontFace("sans"), 110, 600)
    x, y, width, height = cv2.boundingRect(canvas[:, :, 0])
    cover = cv2.resize(canvas[y : y + height, x : x + width], (400, 72), interpolation=cv2.INTER_AREA) / 255
    ink = np.full((72, 400, 3), INK, np.float64)
    ink[:, :54] = first
    place = picture[114:186, 100:500]
    place[:] = (place * (1 - cover) + ink * cover).astype(np.uint8)
    small = cv2.resize(picture, (300, 150), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.8), np.uint8)


def plate_of(picture: BgrImage) -> BgrImage:
    return np.ascontiguousarray(picture[50:100, 40:260])


@pytest.mark.parametrize("text", ["AQ 789 LW", "YK 995 00", "DU 429 4U", "NL 72 UKL", "PSZ 6963"])
def test_a_foreign_plate_with_the_letters_of_a_military_one_is_not_sure(reader: PlateReader, text: str):
    picture = white_plate(text)
    assert all(read.confidence < 0.5 for read in reader.read(picture))
    crop = reader.read_crop(plate_of(picture))
    assert crop is None or crop.confidence < 0.5


def test_a_plate_that_begins_in_red_stays_sure(reader: PlateReader):
    (read,) = reader.read(white_plate("DU 429 4U", RED))
    assert read.plate_class == "32"
    assert read.confidence > 0.8


@pytest.mark.parametrize("quality", [30, 90])
def test_red_is_seen_through_coding_and_dim_light(quality: int):
    for light in (1.0, 0.4):
        seen = {}
        for colour in (INK, RED):
            dim = (plate_of(white_plate("DU 429 4U", colour)) * light).astype(np.uint8)
            _, packed = cv2.imencode(".jpg", dim, [cv2.IMWRITE_JPEG_QUALITY, quality])
            seen[colour] = begins_red(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8), False)
        assert seen == {INK: False, RED: True}


def test_a_plate_that_is_red_throughout_begins_in_no_other_colour():
    plate = plate_of(white_plate("DU 429 4U"))
    dark = plate.mean(axis=2) < 120
    plate[dark] = RED
    assert not begins_red(plate, False)


def test_nothing_is_red_in_a_grey_picture():
    plate = plate_of(white_plate("DU 429 4U", RED))
    grey = np.repeat(plate.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert not begins_red(grey, False)
