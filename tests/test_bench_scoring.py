"""The scoring code itself."""

import pytest

from bench.report import percentile
from bench.scoring import (
    TruePlate,
    canonical,
    match_boxes,
    reliability,
    score_photo,
    without_province,
)
from ocr.types import BoundingBox
from tests.plates import make_read


def test_letters_o_and_i_count_as_digits():
    assert canonical("粤b·o1I 2") == "粤B0112"


def test_only_a_province_is_taken_off():
    assert without_province("粤B12345") == "B12345"
    assert without_province("WJ12345") == "WJ12345"


def test_each_label_is_paired_with_one_detection_at_most():
    truth = [BoundingBox(0, 0, 100, 30), BoundingBox(0, 0, 100, 32)]
    assert len(match_boxes(truth, [BoundingBox(0, 0, 100, 31)])) == 1


def test_a_detection_that_covers_less_than_half_does_not_count():
    assert match_boxes([BoundingBox(0, 0, 100, 30)], [BoundingBox(60, 0, 160, 30)]) == {}


def test_a_photo_is_exact_when_any_labelled_plate_is_read():
    truths = [TruePlate("粤B12345", BoundingBox(0, 0, 100, 30)), TruePlate("粤B99999", BoundingBox(0, 200, 100, 230))]
    result = score_photo(truths, [make_read("粤B12345", box=BoundingBox(0, 0, 100, 30))], 1.0)
    assert result.is_exact
    assert [plate.is_exact for plate in result.plates] == [True, False]
    assert result.detections == 1


def test_a_plate_that_was_not_found_is_wrong():
    result = score_photo([TruePlate("粤B12345", BoundingBox(0, 0, 100, 30))], [], 1.0)
    assert not result.is_exact
    assert not result.plates[0].has_right_province


def test_full_confidence_falls_into_the_last_bin():
    assert reliability([1.0], [True])[0].low == pytest.approx(0.9)


def test_percentiles_are_nearest_rank():
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (50.0, 99.0, 100.0)
