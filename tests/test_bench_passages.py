"""The synthetic passages of `bench.match`: looks at one vehicle are alike where they should be."""

import cv2
import numpy as np
import pytest

pytest.importorskip("training.plates.damage")

from bench.match_passages import SharedDraws, neighbours, plate_code, plate_texts, random_plates
from training.plates.damage import damage


def test_two_looks_at_one_vehicle_share_its_draws_and_two_vehicles_do_not():
    one, same, other = (SharedDraws(vehicle, look) for vehicle, look in ((7, 0), (7, 1), (8, 0)))
    draws = [[rng.uniform(), rng.integers(1000), rng.exponential(), rng.random()] for rng in (one, same, other)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_sensor_noise_is_new_at_every_look():
    one, same = SharedDraws(7, 0), SharedDraws(7, 1)
    correlation = np.corrcoef(one.standard_normal(5000), same.standard_normal(5000))[0, 1]
    assert abs(correlation) < 0.1
    assert one.uniform() == same.uniform()


def test_found_corners_wander_between_looks_around_one_place():
    corners = np.array([SharedDraws(7, look).normal(0, 1, (4, 2)) for look in range(400)])
    assert corners.std(axis=0).mean() == pytest.approx(0.6, abs=0.05)
    vehicles = np.array([SharedDraws(vehicle, 0).normal(0, 1, (4, 2)) for vehicle in range(400)])
    assert vehicles.std() == pytest.approx(1.0, abs=0.06)


def test_dirt_lies_in_the_same_places_at_every_distance():
    far, near = (cv2.resize(SharedDraws(7, 0).random(size), (60, 20)) for size in ((3, 9), (6, 18)))
    assert np.corrcoef(far.ravel(), near.ravel())[0, 1] > 0.8


def test_damage_of_one_vehicle_is_alike_at_two_looks_and_of_two_vehicles_is_not():
    grey = np.full((40, 120, 3), 120, np.uint8)
    seen = [[damage(grey, SharedDraws(v, look)).mean(axis=(0, 1)) for look in (0, 1)] for v in range(40)]
    within = np.abs(np.array([looks[0] - looks[1] for looks in seen])).mean()
    between = np.abs(np.array([seen[v][0] - seen[v - 1][0] for v in range(40)])).mean()
    assert within * 5 < between


def test_a_plate_and_its_number_are_one_and_neighbours_differ_in_one_character():
    codes = random_plates(np.random.default_rng(3), 200)
    texts = plate_texts(codes)
    assert [plate_code(text) for text in texts] == codes.tolist()
    for text, code in list(zip(texts, codes, strict=True))[:20]:
        near = plate_texts(neighbours(int(code)))
        assert {sum(a != b for a, b in zip(text, other, strict=True)) for other in near} == {1}
        assert len(near) == 33 * (len(text) - 2)
