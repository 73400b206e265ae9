"""The detector's training material: which photos are kept out, how composites and views are made and labelled."""

import json
import re
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.detector.clutter import add_clutter, random_words
from training.detector.light import relit
from training.detector.real_scenes import Scene, is_held_out_photo, load_photos
from training.detector.scenes import PastedPlate, as_backdrop, light_factor, paste, quad_for_plate
from training.detector.views import Material, make_view

PLACE = np.array([[100, 90], [190, 96], [188, 126], [98, 120]], np.float32)


def grey_scene(has_corners: bool = True) -> Scene:
    """A grey photo with one white plate at PLACE."""
    image = np.full((240, 320, 3), 90, np.uint8)
    cv2.fillConvexPoly(image, np.round(PLACE).astype(np.int32), (250, 250, 250))
    return Scene("grey.jpg", image, PLACE[None], has_corners)


def checked_plate() -> np.ndarray:
    plate = np.zeros((84, 264, 3), np.uint8)
    plate[::2] = 200
    return plate


def material(scene: Scene) -> Material:
    backdrop = as_backdrop(scene)
    empty = as_backdrop(Scene("empty", scene.image[:80], np.zeros((0, 4, 2), np.float32), True))
    not_plates = np.full((3, 36, 136, 3), 60, np.uint8)
    return Material([backdrop], [backdrop], [empty], [checked_plate()], [], not_plates)


def test_about_three_in_ten_photos_are_held_out():
    held_out = sum(is_held_out_photo(f"{number:05d}.jpg") for number in range(5000))
    assert 1350 < held_out < 1650


def test_a_photo_is_held_out_by_its_file_name_alone():
    for name in ("沪A00000.jpg", "é.jpg", "017.jpg"):
        decomposed = unicodedata.normalize("NFD", name)
        assert is_held_out_photo(name) == is_held_out_photo(f"/some/where/{decomposed}")


def test_the_two_parts_of_a_set_share_no_photo_and_lose_none(tmp_path: Path):
    write_ccpd(tmp_path, [f"{number:03d}.jpg" for number in range(40)])
    names = {part: {s.name for s in load_photos(tmp_path, "ccpd", part)} for part in ("train", "held_out", "all")}
    assert names["train"] | names["held_out"] == names["all"]
    assert not names["train"] & names["held_out"]
    assert names["held_out"]


def test_ccpd_corners_come_out_top_left_first(tmp_path: Path):
    write_ccpd(tmp_path, ["000.jpg"])
    (scene,) = load_photos(tmp_path, "ccpd")
    assert scene.quads[0].tolist() == [[10, 20], [60, 20], [60, 40], [10, 40]]


def test_a_large_photo_is_shrunk_together_with_its_corners(tmp_path: Path):
    write_ccpd(tmp_path, ["000.jpg"])
    (scene,) = load_photos(tmp_path, "ccpd", longest=50)
    assert scene.image.shape[:2] == (30, 50)
    assert scene.quads[0][0].tolist() == [5, 10]


def test_a_missing_photo_is_named(tmp_path: Path):
    write_ccpd(tmp_path, ["000.jpg"])
    (tmp_path / "ccpd" / "000.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"000\.jpg"):
        list(load_photos(tmp_path, "ccpd"))


def test_wiping_takes_the_plate_away_and_leaves_the_rest():
    backdrop = as_backdrop(grey_scene())
    assert np.abs(backdrop.wiped[95:120, 110:180].astype(int) - 90).max() < 25
    assert np.array_equal(backdrop.wiped[:60], backdrop.scene.image[:60])
    assert backdrop.lights[0] == pytest.approx([250, 250, 250], abs=2)


@pytest.mark.parametrize("seed", range(6))
def test_a_pasted_plate_fills_its_corners(seed: int):
    view = np.zeros((240, 320, 3), np.uint8)
    white = np.full((84, 264, 3), 255, np.uint8)
    quad = np.array([[80, 60], [240, 80], [236, 150], [76, 130]], np.float32)
    paste(view, PastedPlate(white, quad, np.ones(3, np.float32), 0.0), np.random.default_rng(seed))
    inside = np.zeros(view.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, np.round((quad - quad.mean(axis=0)) * 0.97 + quad.mean(axis=0)).astype(np.int32), 1)
    assert (view.max(axis=2)[inside == 1] > 20).mean() > 0.99
    around = cv2.dilate(inside, np.ones((41, 41), np.uint8))
    assert view[around == 0].max() == 0


def test_a_plate_in_the_dark_is_dark():
    rng = np.random.default_rng(0)
    by_day, by_night = (
        light_factor(checked_plate(), np.full(3, level, np.float32), rng).mean() for level in (230.0, 25.0)
    )
    assert by_night < by_day / 3


@pytest.mark.parametrize("has_corners", [True, False])
def test_a_new_plate_keeps_the_place_and_has_its_own_proportions(has_corners: bool):
    rng = np.random.default_rng(3)
    quads = [quad_for_plate(PLACE, checked_plate(), has_corners, rng) for _ in range(50)]
    middles = np.array([quad.mean(axis=0) for quad in quads])
    assert np.abs(middles - PLACE.mean(axis=0)).max() < 5
    ratios = [np.linalg.norm(q[1] - q[0]) / np.linalg.norm(q[3] - q[0]) for q in quads]
    assert np.mean(ratios) == pytest.approx(264 / 84, rel=0.1)


def test_clutter_is_never_drawn_over_a_plate():
    plates = PLACE[None]
    changed = 0
    for seed in range(40):
        view = np.full((240, 320, 3), 128, np.uint8)
        add_clutter(view, plates, np.full((2, 36, 136, 3), 10, np.uint8), np.random.default_rng(seed))
        changed += bool((view != 128).any())
        assert (view[90:126, 98:190] == 128).all()
    assert changed > 10


def test_words_for_captions_are_never_plates():
    rng = np.random.default_rng(1)
    words = {random_words(rng) for _ in range(500)}
    assert len(words) > 200
    assert not [word for word in words if re.search(r"[\u4e00-\u9fff][A-Z]\w{5,6}", word)]


def test_labels_move_with_the_plate():
    scene = grey_scene()
    brighter = seen = 0
    for seed in range(30):
        view = make_view(material(scene), 192, 224, np.random.default_rng(seed))
        assert view.image.shape == (192, 224, 3)
        assert len(view.quads) == len(view.corner_weights)
        for quad in view.quads:
            across, down = quad[1] - quad[0], quad[3] - quad[0]
            assert across[0] * down[1] - across[1] * down[0] > 0
            inside = np.zeros((192, 224), np.uint8)
            cv2.fillConvexPoly(inside, np.round(quad).astype(np.int32), 1)
            ring = cv2.dilate(inside, np.ones((9, 9), np.uint8)) - inside
            contrast = view.image[inside == 1].std() + view.image[ring == 1].std()
            brighter += bool(contrast > 8)
            seen += 1
    assert brighter > 0.75 * seen > 10


def test_the_same_seed_draws_the_same_view():
    first, second = (make_view(material(grey_scene()), 96, 96, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.quads, second.quads)


def test_relighting_keeps_the_size_and_changes_the_picture():
    rng = np.random.default_rng(2)
    picture = rng.integers(0, 255, (64, 96, 3), dtype=np.uint8)
    outcomes = [relit(picture, rng) for _ in range(20)]
    assert all(out.shape == picture.shape and out.dtype == np.uint8 for out in outcomes)
    assert sum(not np.array_equal(out, picture) for out in outcomes) > 15


def write_ccpd(data: Path, names: list[str]) -> None:
    """Write a set of 100 x 60 photos in the development data's form, corners in CCPD's order."""
    folder = data / "ccpd"
    folder.mkdir()
    corners = [[60, 40], [10, 40], [10, 20], [60, 20]]
    for name in names:
        cv2.imwrite(str(folder / name), np.full((60, 100, 3), 127, np.uint8))
    entries = [{"image": name, "box": [10, 20, 60, 40], "corners": corners, "text": ""} for name in names]
    (folder / "truth.json").write_text(json.dumps(entries), encoding="utf-8")
