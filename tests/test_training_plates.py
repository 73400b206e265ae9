import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.grammar import forms_of
from training.plates.alphabet import ALPHABET, SLOTS, decode, encode
from training.plates.damage import block_coded, damage
from training.plates.draw import LETTERS, PLATE_STYLES, PROVINCES, PlateSpec, load_glyphs, random_spec, render_plate
from training.plates.foreign import FOREIGN_FORMS, render_foreign
from training.plates.glyphs import GlyphSet
from training.plates.viewpoint import random_quad, with_context

DRAWN_STYLES = [style for style in PLATE_STYLES if style not in ("foreign", "not_plate")]

LARGE, LOW_SPEED, MOTORCYCLE, NEW_ENERGY = (220, 440, 3), (248, 450, 3), (280, 440, 3), (140, 480, 3)
SIZES = {
    "yellow_two_line": (LARGE, LOW_SPEED),
    "white_two_line": (LARGE,),
    "motorcycle_two_line": (MOTORCYCLE,),
    "blue_two_line": (MOTORCYCLE,),
    "green_two_line": (LOW_SPEED,),
    "green": (NEW_ENERGY,),
    "green_large": (NEW_ENERGY,),
    "paper": tuple((height, 440, 3) for height in range(140, 281)),
}
"""Height and width of what is drawn, by style; any other plate is 140 x 440."""


@pytest.fixture(scope="module")
def glyphs(tmp_path_factory: pytest.TempPathFactory) -> GlyphSet:
    """Blocks of ink in place of characters: enough to see where and in which colour they are printed."""
    folder = tmp_path_factory.mktemp("glyphs")
    (folder / "font_model").mkdir()
    (folder / "plate_model").mkdir()
    block = np.full((90, 45, 3), 255, np.uint8)
    block[8:-8, 6:-6] = 0
    packed = cv2.imencode(".jpg", block)[1].tobytes()
    for character in set(ALPHABET) - set("_O民航应急临试超"):
        (folder / "font_model" / f"140_{character}.jpg").write_bytes(packed)
    blank = cv2.imencode(".png", np.full((140, 480, 3), 200, np.uint8))[1].tobytes()
    (folder / "plate_model" / "green_140.PNG").write_bytes(blank)
    return load_glyphs(folder)


@pytest.mark.parametrize("style", DRAWN_STYLES)
def test_every_random_text_is_one_that_the_grammar_allows_for_its_style(style: str):
    rng = np.random.default_rng(1)
    for _ in range(200):
        spec = random_spec(rng, style)
        assert any(style in form.class_by_style for form in forms_of(spec.text)), spec


def test_no_province_and_no_letter_is_a_habit():
    rng = np.random.default_rng(2)
    texts = [random_spec(rng, "blue").text for _ in range(6200)]
    provinces, letters = Counter(t[0] for t in texts), Counter(t[1] for t in texts)
    assert set(provinces) == set(PROVINCES)
    assert max(provinces.values()) < 2 * min(provinces.values())
    assert set(letters) == set(LETTERS) | {"O"}
    assert letters["O"] < min(letters[letter] for letter in LETTERS)


def test_without_a_style_every_style_is_drawn():
    rng = np.random.default_rng(3)
    assert {random_spec(rng).style for _ in range(600)} == set(DRAWN_STYLES)


@pytest.mark.parametrize("style", DRAWN_STYLES)
def test_a_plate_has_its_size_after_ga36(style: str, glyphs: GlyphSet):
    rng = np.random.default_rng(4)
    plate = render_plate(random_spec(rng, style), glyphs, rng)
    assert plate.shape in SIZES.get(style, ((140, 440, 3),))
    assert plate.dtype == np.uint8


def test_the_same_seed_draws_the_same_plate(glyphs: GlyphSet):
    spec = PlateSpec("京A12345", "blue")
    one, other = (render_plate(spec, glyphs, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, other)


def test_the_mark_of_a_police_plate_is_red_and_its_number_is_not(glyphs: GlyphSet):
    plate = render_plate(PlateSpec("京A1234警", "white"), glyphs, np.random.default_rng(6)).astype(int)
    redness = plate[:, :, 2] - plate[:, :, :2].max(axis=2)
    assert redness[30:110, 385:420].max() > 90
    assert redness[30:110, 100:370].max() < 40


def test_a_thing_that_is_no_plate_cannot_be_drawn(glyphs: GlyphSet):
    rng = np.random.default_rng(7)
    with pytest.raises(ValueError, match="not_plate"):
        render_plate(PlateSpec("", "not_plate"), glyphs, rng)
    with pytest.raises(ValueError, match="not_plate"):
        random_spec(rng, "not_plate")


@pytest.mark.parametrize(("style", "mark"), [("white", "WJ"), ("white_two_line", "WJ"), ("yellow_two_line", "挂")])
def test_a_mark_draws_only_plates_that_carry_it(style: str, mark: str):
    rng = np.random.default_rng(21)
    specs = [random_spec(rng, style, mark) for _ in range(100)]
    assert {spec.style for spec in specs} == {style}
    assert all(mark in spec.text for spec in specs)


def test_an_empty_glyph_folder_is_named_in_the_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="font_model"):
        load_glyphs(tmp_path)


def test_the_alphabet_holds_every_text_and_pads_on_the_right():
    rng = np.random.default_rng(8)
    for _ in range(300):
        text = random_spec(rng).text
        assert decode(encode(text)) == text
    assert decode(encode("")) == ""
    assert len(set(ALPHABET)) == len(ALPHABET)
    with pytest.raises(ValueError, match=f"at most {SLOTS}"):
        encode("京A12345678")


def test_damage_keeps_size_and_kind_and_depends_on_the_seed_alone():
    image = np.full((48, 144, 3), 120, np.uint8)
    for seed in range(60):
        one, other = (damage(image, np.random.default_rng(seed)) for _ in range(2))
        assert one.shape == image.shape
        assert one.dtype == np.uint8
        assert np.array_equal(one, other)


def test_a_plate_stays_almost_whole_in_its_crop_and_whole_in_the_view_around_it():
    rng = np.random.default_rng(9)
    quads = np.stack([random_quad(440 / 140, rng) for _ in range(500)])
    assert ((quads > -0.1) & (quads < 1.1)).mean() > 0.97
    views = np.stack([with_context(quad) for quad in quads])
    assert ((views > 0) & (views < 1)).mean() > 0.95


def test_less_damage_has_fewer_steep_plates():
    def quad(seed: int, strength: float) -> np.ndarray:
        return random_quad(440 / 140, np.random.default_rng(seed), strength)

    steep = [sum(not np.array_equal(quad(s, 0.0), quad(s, strength)) for s in range(600)) for strength in (0.3, 1.0)]
    assert 0 < 2 * steep[0] < steep[1] < 60


def test_every_plate_that_is_drawn_is_one_the_reader_can_name():
    rng = np.random.default_rng(17)
    for _ in range(3000):
        spec = random_spec(rng)
        classes = {form.class_by_style.get(spec.style) for form in forms_of(spec.text)} - {None}
        assert len(classes) == 1, (spec.style, classes)


def test_video_coding_loses_detail_with_the_step_and_keeps_a_flat_picture():
    rng = np.random.default_rng(6)
    noise, flat = rng.integers(0, 256, (45, 83), np.uint8), np.full((45, 83), 90, np.uint8)
    losses = [np.abs(block_coded(noise, step, rng).astype(int) - noise).mean() for step in (2.0, 20.0, 80.0)]
    assert losses[0] < 2 < losses[1] < losses[2]
    assert np.abs(block_coded(flat, 40.0, rng).astype(int) - flat).max() <= 3


@pytest.mark.parametrize("module", ["training.recognizer", "training.detector"])
def test_without_pytorch_the_training_says_what_to_install(module: str, tmp_path: Path):
    """`-S` leaves out all that is installed: what is asked for first is looked for before anything else is loaded."""
    for name in ("training", module.replace(".", "/")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    root = Path(__file__).parents[1]
    for file in ("training/without_torch.py", f"{module.replace('.', '/')}/__main__.py"):
        (tmp_path / file).write_text((root / file).read_text("utf-8"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", module, "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert "torch" in done.stderr
    assert "pip install -e .[train]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plate_of_every_other_place_can_be_drawn_and_differs_from_the_next():
    rng = np.random.default_rng(31)
    for place in FOREIGN_FORMS:
        one, other = render_foreign(rng, place), render_foreign(rng, place)
        assert one.shape[1] == other.shape[1] == 440
        assert 80 <= one.shape[0] <= 330
        assert one.std() > 15
        assert one.shape != other.shape or not np.array_equal(one, other)
