from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.recognizer import PlateRecognizer
from training.checksums import refresh_checksums
from training.plates.alphabet import ALPHABET, SLOTS
from training.plates.draw import PLATE_STYLES, PROVINCES, PlateSpec, load_glyphs, random_spec, render_plate
from training.plates.viewpoint import CONTEXT
from training.real_crops import RealCrop, is_held_out, load_real_crops
from training.recognizer.scoring import Read, calibration_error, read_crops, score_set

GLYPHS = Path(__file__).parents[2] / "shared" / "data" / "glyphs"


@pytest.fixture(scope="module")
def shipped() -> PlateRecognizer:
    models = shipped_models()
    return PlateRecognizer.from_files(models.recognizer, models.recognizer_config)


def text_and_confidence(recognizer: PlateRecognizer, crop: np.ndarray) -> tuple[str, float]:
    distribution = recognizer.recognize([crop])[0]
    classes = distribution.char_probs.argmax(axis=1)
    text = "".join(distribution.alphabet[index] for index in classes).rstrip("_")
    weakest = distribution.char_probs.max(axis=1)[: len(text)]
    return text, float(weakest.min()) if text else 0.0


def test_one_plate_in_five_is_held_out_and_look_alike_spellings_stay_together():
    rng = np.random.default_rng(1)
    texts = [random_spec(rng, "blue").text for _ in range(3000)]
    assert 0.17 < np.mean([is_held_out(text) for text in texts]) < 0.23
    assert is_held_out("京O10I01") == is_held_out("京010101")


def test_a_crop_set_is_read_with_its_text_its_context_and_its_colour(tmp_path: Path):
    folder = tmp_path / "crops" / "easypr"
    folder.mkdir(parents=True)
    for text, colour in (("沪A12345", (150, 60, 20)), ("京B54321", (20, 160, 220))):
        packed = cv2.imencode(".jpg", np.full((36, 136, 3), colour, np.uint8))[1]
        (folder / f"{text}.jpg").write_bytes(packed.tobytes())
    crops = {crop.text: crop for crop in load_real_crops(tmp_path)}
    assert {text: crop.style for text, crop in crops.items()} == {"沪A12345": "blue", "京B54321": "yellow"}
    assert crops["沪A12345"].crop().shape == (36, 136, 3)
    assert crops["沪A12345"].view.shape[1] == 136 + 2 * round(136 * CONTEXT)


def test_a_read_counts_as_exact_where_only_o_and_0_differ():
    view = np.zeros((56, 168, 3), np.uint8)
    crops = [RealCrop("s", text, "blue", view, None) for text in ("京AO0001", "沪A12345", "皖B77777")]
    reads = [Read("京A00001", 0.9, 0), Read("苏A12345", 0.8, 0), Read("皖B7777", 0.7, 3)]
    score = score_set("s", crops, reads, PLATE_STYLES)
    assert (score.exact, score.without_province, score.province, score.style) == (1, 2, 2, 2)


def test_pads_do_not_count_as_the_weakest_character():
    def recognise(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        plate = np.zeros((len(crops), SLOTS, len(ALPHABET)), np.float32)
        for slot, (character, probability) in enumerate(
            zip("京A1".ljust(SLOTS, "_"), [0.9, 0.8, 0.7] + [0.4] * (SLOTS - 3), strict=True)
        ):
            plate[:, slot, ALPHABET.index(character)] = probability
        return plate, np.eye(len(PLATE_STYLES), dtype=np.float32)[[0] * len(crops)]

    read = read_crops(recognise, [np.zeros((48, 144, 3), np.uint8)])[0]
    assert read.text == "京A1"
    assert read.confidence == pytest.approx(0.7)


def test_calibration_error_is_the_gap_between_confidence_and_truth():
    honest = calibration_error(np.full(100, 0.85), np.arange(100) < 85)
    boastful = calibration_error(np.full(100, 0.95), np.arange(100) < 45)
    assert honest == pytest.approx(0.0, abs=1e-9)
    assert boastful == pytest.approx(0.5)


def test_refreshed_checksums_are_the_ones_the_reader_accepts(tmp_path: Path):
    for name in ("detector.onnx", "recognizer.onnx", "recognizer.yaml"):
        (tmp_path / name).write_bytes(name.encode())
    refresh_checksums(tmp_path)
    assert set(shipped_models(tmp_path).sha256()) == {"detector.onnx", "recognizer.onnx", "recognizer.yaml"}


def test_the_shipped_recognizer_knows_all_provinces_marks_and_styles(shipped: PlateRecognizer):
    assert set(PROVINCES + "学警挂港澳使领民航应急临试超WJ") <= set(shipped.alphabet)
    assert shipped.styles == PLATE_STYLES


def test_the_shipped_recognizer_is_not_confident_on_noise(shipped: PlateRecognizer):
    rng = np.random.default_rng(2)
    confidences = []
    for scale in (1, 2, 4, 8, 16) * 20:
        small = rng.integers(0, 256, (48 // scale, 144 // scale, 3)).astype(np.uint8)
        noise = cv2.resize(small, (144, 48), interpolation=cv2.INTER_LINEAR)
        confidences.append(text_and_confidence(shipped, np.asarray(noise, np.uint8))[1])
    assert np.mean(confidences) <= 0.3


@pytest.mark.skipif(not GLYPHS.exists(), reason="the development data folder is absent")
@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("鲁B1234K", "blue"),
        ("渝AD12345", "green"),
        ("云C4321学", "yellow"),
        ("粤Z1F23港", "black"),
        ("晋A0123警", "white"),
        ("民航12345", "civil_aviation"),
        ("苏E1234临", "paper"),
    ],
)
def test_the_shipped_recognizer_reads_a_clean_plate_of_each_kind(shipped: PlateRecognizer, text: str, style: str):
    plate = render_plate(PlateSpec(text, style), load_glyphs(GLYPHS), np.random.default_rng(3))
    crop = cv2.copyMakeBorder(plate, 9, 9, 14, 14, cv2.BORDER_REPLICATE)
    distribution = shipped.recognize([np.asarray(crop, np.uint8)])[0]
    assert text_and_confidence(shipped, np.asarray(crop, np.uint8))[0] == text
    assert distribution.styles[int(distribution.style_probs.argmax())] == style


@pytest.mark.skipif(not GLYPHS.exists(), reason="the development data folder is absent")
def test_plates_of_the_further_forms_are_read_and_named_and_large_ones_as_before():
    reader, glyphs = PlateReader.from_models(shipped_models()), load_glyphs(GLYPHS)
    plates = {
        "鲁0112345": ("green_two_line", "14"),
        "苏E1234K": ("motorcycle_two_line", "07"),
        "浙B5K678": ("blue_two_line", "08"),
        "WJ0112345": ("white", "31"),
        "苏E1234临": ("paper", "22"),
        "皖C45678": ("yellow_two_line", "01"),
    }
    for text, (style, plate_class) in plates.items():
        plate = render_plate(PlateSpec(text, style), glyphs, np.random.default_rng(5))
        height, width = plate.shape[:2]
        x, y = round(0.03 * width), round(0.06 * height)
        read = reader.read_crop(np.asarray(cv2.copyMakeBorder(plate, y, y, x, x, cv2.BORDER_REPLICATE), np.uint8))
        assert read is not None, style
        assert (read.text, read.plate_class) == (text, plate_class)


@pytest.mark.skipif(not GLYPHS.exists(), reason="the development data folder is absent")
def test_a_crop_is_answered_among_others_as_it_is_alone(shipped: PlateRecognizer):
    glyphs, rng = load_glyphs(GLYPHS), np.random.default_rng(5)
    plates = [("鲁B1234K", "blue"), ("鲁0112345", "green_two_line"), ("皖C45678", "blue"), ("苏E1234临", "paper")]
    crops = [
        np.asarray(
            cv2.copyMakeBorder(render_plate(PlateSpec(*plate), glyphs, rng), 9, 9, 14, 14, cv2.BORDER_REPLICATE),
            np.uint8,
        )
        for plate in plates
    ]
    together = shipped.recognize(crops)
    for crop, (text, style), among_others in zip(crops, plates, together, strict=True):
        alone = shipped.recognize([crop])[0]
        np.testing.assert_allclose(among_others.char_probs, alone.char_probs, atol=1e-3)
        assert among_others.styles[int(among_others.style_probs.argmax())] == style, text
