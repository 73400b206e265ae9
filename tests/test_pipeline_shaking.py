"""A camera that shakes on its pole: all that it shows jumps together, and nobody in it does."""

import random
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ocr.types import BgrImage, PlateRead
from pipeline.types import FrameReads
from pipeline.video.picture_shift import CALM_EVERY_S, NO_SHIFT, PictureShift
from tests.pipeline_kit import KeptEvents, ListedPlates, box_at, frames_of, make_screening, screened
from tests.plates import make_read
from tests.traffic_kit import street_moved


def jumps(count: int, sigma: float = 18.0) -> list[tuple[float, float]]:
    rng = random.Random(5)
    return [(float(round(rng.gauss(0, sigma))), float(round(rng.gauss(0, sigma / 2)))) for _ in range(count)]


def with_lorry(street: BgrImage, x: int) -> BgrImage:
    """Return the street with a lorry that fills a third of it, `x` pixels from the left."""
    picture = street.copy()
    side = np.random.default_rng(9).uniform(60, 200, (20, 26)).astype(np.uint8)
    picture[200:900, x : x + 900] = cv2.resize(side, (900, 700), interpolation=cv2.INTER_CUBIC)[:, :, None]
    return picture


def test_the_shift_of_a_picture_is_found_within_four_pixels_whatever_drives_through_it() -> None:
    shift = PictureShift()
    shift.since_last(street_moved(0, 0), 0.0)
    before = (0.0, 0.0)
    for index, (x, y) in enumerate(jumps(25), start=1):
        found = shift.since_last(with_lorry(street_moved(x, y), 40 * index), index * CALM_EVERY_S)
        assert found == pytest.approx((x - before[0], y - before[1]), abs=4.0)
        before = (x, y)


def test_a_camera_that_stands_still_has_no_shift_whatever_drives_through_its_picture() -> None:
    shift = PictureShift()
    noise = np.random.default_rng(2).integers(0, 6, (2, *street_moved(0, 0).shape), np.uint8)
    pictures = (with_lorry(street_moved(0, 0), 15 * index) + noise[index % 2] for index in range(40))
    assert {shift.since_last(one, index * CALM_EVERY_S) for index, one in enumerate(pictures)} == {NO_SHIFT}


def test_pictures_that_show_nothing_another_scene_or_another_size_have_no_shift() -> None:
    shift = PictureShift()
    other = street_moved(0, 0)[::-1, ::-1]
    scenes = (street_moved(0, 0), other, np.zeros_like(other), street_moved(0, 0)[:720, :1280], other[:4, :4])
    assert {shift.since_last(one, index * CALM_EVERY_S) for index, one in enumerate(scenes * 3)} == {NO_SHIFT}


def lane(index: int, noise: BgrImage, cars: int) -> BgrImage:
    """Return a noisy look at asphalt with lines along the lanes, and cars that drive down them."""
    picture = np.full((1080, 1920, 3), 90, np.uint8)
    for x in (300, 800, 1300, 1700):
        picture[:, x : x + 14] = 180
    side = np.random.default_rng(9).uniform(30, 220, (20, 24)).astype(np.uint8)
    for x in range(850, 850 + 450 * cars, 450):
        y = 100 + 20 * index
        picture[y : y + 300, x : x + 400] = cv2.resize(side, (400, 300), interpolation=cv2.INTER_CUBIC)[:, :, None]
    return picture + noise


@pytest.mark.parametrize("cars", [1, 2])
def test_lanes_that_look_alike_all_along_have_no_shift_whatever_drives_down_them(cars: int) -> None:
    shift = PictureShift()
    noises = np.clip(np.random.default_rng(4).normal(12, 4, (3, 1080, 1920, 1)), 0, 24).astype(np.uint8)
    found = [shift.since_last(lane(index, noises[index % 3], cars), index * 0.08) for index in range(12)]
    assert found == [NO_SHIFT] * 12


def test_lanes_that_shake_across_are_not_taken_to_move_along_too() -> None:
    shift = PictureShift()
    noises = np.clip(np.random.default_rng(4).normal(12, 4, (10, 1080, 1920, 1)), 0, 24).astype(np.uint8)
    still = np.zeros((1080, 1920, 1), np.uint8)
    pictures = (np.roll(lane(index, still, 0), 24 * (index % 2), axis=1) + noises[index] for index in range(10))
    found = [shift.since_last(one, index * 0.08) for index, one in enumerate(pictures)]
    assert found[1:] == [pytest.approx((24.0 if index % 2 else -24.0, 0.0), abs=4.0) for index in range(1, 10)]


def test_once_wind_rises_what_was_not_compared_is_not_counted_as_one_jump() -> None:
    shift = PictureShift()
    calm_looks, step_s = 150, 0.08
    for index in range(calm_looks):
        shift.since_last(street_moved(0, 0), index * step_s)
    found = [shift.since_last(street_moved(x, 0), (calm_looks + i) * step_s) for i, x in enumerate([30] * 8 + [0] * 3)]
    assert found[:8] == [pytest.approx(NO_SHIFT, abs=1.0)] * 8  # a plate has gone along with the first of them
    assert found[8] == pytest.approx((-30, 0), abs=4.0)


def test_a_camera_that_is_turned_is_followed_and_one_that_shows_another_scene_does_not_jump_back() -> None:
    shift = PictureShift()
    turned = [shift.since_last(street_moved(-150 + 8 * index, 0), index * 0.08) for index in range(38)]
    assert turned[1:] == [pytest.approx((8.0, 0.0), abs=4.0)] * 37
    assert sum(x for x, _ in turned) == pytest.approx(37 * 8, abs=12.0)
    assert shift.since_last(street_moved(0, 0)[::-1, ::-1], 38 * 0.08) == NO_SHIFT


def shaking(scene: list[list[PlateRead]]) -> Iterator[FrameReads]:
    """Yield what a camera sees of a scene that shakes from the first look on."""
    looks = list(frames_of(scene))
    for look, (x, y) in zip(looks, jumps(len(looks)), strict=True):
        reads = tuple(replace(read, box=read.box.moved(x, y)) for read in look.reads)
        yield replace(look, frame=replace(look.frame, image=street_moved(x, y), moved=()), reads=reads)


def passages_of(scene: list[list[PlateRead]]) -> list[str]:
    passages = screened(shaking(scene), make_screening(ListedPlates(), KeptEvents()))
    return sorted(passage.best.text for passage in passages)


def test_one_vehicle_that_comes_from_afar_before_a_shaking_camera_is_one_passage() -> None:
    scene = [[make_read("京A12345", box_at(900 + i, 300 + 4 * i, 30 + i / 2))] for i in range(60)]
    assert passages_of(scene) == ["京A12345"]


def test_a_parked_car_that_others_hide_before_a_shaking_camera_is_one_passage() -> None:
    parked = [make_read("苏E24680", box_at(900, 500, 40))]
    hidden: list[list[PlateRead]] = [[] for _ in range(125)]
    assert passages_of([*[parked] * 40, *hidden, *[parked] * 40]) == ["苏E24680"]


def test_two_of_a_fleet_behind_each_other_before_a_shaking_camera_stay_two() -> None:
    first, second = (
        [make_read(text, box_at(900, y + 5 * i, 40 + i / 2)) for i in range(60)]
        for text, y in (("京A12345", 400), ("京A12346", 240))
    )
    assert passages_of([[one, other] for one, other in zip(first, second, strict=True)]) == ["京A12345", "京A12346"]


def resized(scene: list[list[PlateRead]], at: int) -> Iterator[FrameReads]:
    """Yield what a camera sees whose picture is made two thirds as large from one look on."""
    for index, look in enumerate(frames_of(scene)):
        share = 1.0 if index < at else 2 / 3
        reads = tuple(replace(read, box=read.box.scaled(share, share)) for read in look.reads)
        image = np.zeros((round(1080 * share), round(1920 * share), 3), np.uint8)
        yield replace(look, frame=replace(look.frame, image=image), reads=reads)


def test_vehicles_in_view_while_the_pictures_size_changes_are_one_passage_each() -> None:
    scene = [
        [make_read(text, box_at(x, 500 + 5 * i, 90)) for text, x in (("京A12345", 1500), ("苏E24680", 900))]
        for i in range(24)
    ]
    passages = screened(resized(scene, 4), make_screening(ListedPlates(), KeptEvents()))
    assert sorted(passage.best.text for passage in passages) == ["京A12345", "苏E24680"]
