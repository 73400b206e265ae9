"""`kakou read` as its users run it."""

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fixtures.truth import load_truth
from ocr.images import load_image
from tests.commands import Finished, call_kakou, run_kakou
from tests.test_ocr_images import write_bomb, write_noise


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frame of a fixture clip in which a plate is plain to see."""
    clip = Path(__file__).parents[1] / "fixtures" / "videos" / "day_gantry.mp4"
    passage = load_truth(clip.with_suffix(".json")).passages[0]
    capture = cv2.VideoCapture(str(clip))
    middle_s = (passage.start_s + passage.end_s) / 2
    capture.set(cv2.CAP_PROP_POS_MSEC, middle_s * 1000)
    decoded, image = capture.read()
    capture.release()
    assert decoded
    path = tmp_path_factory.mktemp("frame") / "frame.png"
    cv2.imwrite(str(path), image)
    return path


@pytest.fixture(scope="module")
def told(frame: Path) -> Finished:
    """What `kakou read --json` says of the frame."""
    return call_kakou("read", frame, "--json")


@pytest.fixture(scope="module")
def plate(told: Finished) -> dict[str, Any]:
    """The plate of the frame, as it is told."""
    found: dict[str, Any] = json.loads(told.stdout)["plates"][0]
    return found


def test_json_is_one_object_a_line_with_every_field(told: Finished):
    assert told.exit_code == 0
    (line,) = told.stdout.splitlines()
    read = json.loads(line)
    assert set(read) == {"path", "plates", "ms"}
    assert read["plates"], "no plate found on a frame of the day clip"
    plate = read["plates"][0]
    assert set(plate) == {"text", "plate_class", "confidence", "char_probs", "box", "corners"}
    assert len(plate["char_probs"]) == len(plate["text"])
    assert np.shape(plate["corners"]) == (4, 2)
    x1, y1, x2, y2 = plate["box"]
    assert x1 < x2
    assert y1 < y2


def test_the_table_names_the_plate(frame: Path, plate: dict[str, Any]):
    done = call_kakou("read", frame)
    assert plate["text"] in done.stdout


def test_a_crop_has_one_plate_at_most(frame: Path, plate: dict[str, Any], tmp_path: Path):
    x1, y1, x2, y2 = map(int, plate["box"])
    crop = tmp_path / "crop.png"
    cv2.imwrite(str(crop), load_image(frame)[y1:y2, x1:x2])
    read = json.loads(call_kakou("read", crop, "--crops", "--json").stdout)
    assert len(read["plates"]) == 1


def test_a_picture_full_of_signs_says_that_not_all_were_looked_at(frame: Path, plate: dict[str, Any], tmp_path: Path):
    x1, y1, x2, y2 = map(int, plate["box"])
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.tile(load_image(frame)[y1 - 20 : y2 + 20, x1 - 20 : x2 + 20], (13, 9, 1)))
    done = call_kakou("read", wall, "--json")
    assert json.loads(done.stdout)["complete"] is False
    assert "没有看完" in done.stderr


def test_bad_files_are_named_and_the_rest_is_done(tmp_path: Path):
    good = write_noise(tmp_path / "good.png")
    half = write_noise(tmp_path / "half.jpg")
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "folder").mkdir()
    bomb = write_bomb(tmp_path / "bomb.png")
    bad = [half, tmp_path / "empty.jpg", tmp_path / "text.jpg", tmp_path / "folder", bomb, tmp_path / "absent.png"]
    done = run_kakou("read", *bad[:3], good, *bad[3:], "--json")
    assert done.exit_code == 3
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == [str(good)]
    for path in bad:
        assert path.name in done.stderr
    assert "Traceback" not in done.stderr
    assert done.peak_mb < 500


def test_a_photo_named_in_gbk_is_read_under_its_name(frame: Path, plate: dict[str, Any], tmp_path: Path):
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + "东门.png".encode("gbk")))
    named.write_bytes(frame.read_bytes())
    [record] = map(json.loads, call_kakou("read", tmp_path, "--json").stdout.splitlines())
    assert (record["path"], record["plates"][0]["text"]) == (str(named), plate["text"])
    assert "东门.png" in call_kakou("read", named).stdout


def test_no_image_at_all_is_a_usage_error():
    assert call_kakou("read").exit_code == 2


def test_help_shows_examples():
    done = call_kakou("read", "--help")
    assert done.exit_code == 0
    assert "kakou read photo.jpg" in done.stdout


def test_a_plate_on_a_huge_photo_is_told_where_the_file_has_it(frame: Path, plate: dict[str, Any], tmp_path: Path):
    image = load_image(frame)
    height, width = image.shape[:2]
    huge = np.zeros((4200, 4200, 3), np.uint8)
    huge[: 2 * height, : 2 * width] = cv2.resize(image, (2 * width, 2 * height))[:4200, :4200]
    cv2.imwrite(str(tmp_path / "huge.jpg"), huge)
    (line,) = call_kakou("read", tmp_path / "huge.jpg", "--json").stdout.splitlines()
    assert json.loads(line)["plates"][0]["box"] == pytest.approx([2 * value for value in plate["box"]], abs=12)
