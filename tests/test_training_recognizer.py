import importlib.util
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.models_folder import shipped_models
from ocr.recognizer import PlateRecognizer
from training.checksums import refresh_checksums
from training.plates.alphabet import ALPHABET
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
        plate = np.zeros((len(crops), 8, len(ALPHABET)), np.float32)
        for slot, (character, probability) in enumerate(
            zip("京A1______"[:8], [0.9, 0.8, 0.7] + [0.4] * 5, strict=True)
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
    assert set(PROVINCES + "学警挂港澳使领民航应急WJ") <= set(shipped.alphabet)
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
    ],
)
def test_the_shipped_recognizer_reads_a_clean_plate_of_each_kind(shipped: PlateRecognizer, text: str, style: str):
    plate = render_plate(PlateSpec(text, style), load_glyphs(GLYPHS), np.random.default_rng(3))
    crop = cv2.copyMakeBorder(plate, 9, 9, 14, 14, cv2.BORDER_REPLICATE)
    distribution = shipped.recognize([np.asarray(crop, np.uint8)])[0]
    assert text_and_confidence(shipped, np.asarray(crop, np.uint8))[0] == text
    assert distribution.styles[int(distribution.style_probs.argmax())] == style


def needs_torch() -> None:
    """Skip where the training extra is not installed; a CI that sets KAKOU_TRAIN must have it."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("onnx") is None:
        assert not os.environ.get("KAKOU_TRAIN"), "pip install 'kakou[train]'"
        pytest.skip("pip install 'kakou[train]'")


def test_an_exported_network_gives_calibrated_probabilities_in_fast_plate_ocr(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.exporting import export
    from training.recognizer.network import PlateNetwork

    torch.manual_seed(0)
    network = PlateNetwork().eval()
    export(network, 2.0, tmp_path / "recognizer.onnx", None)
    reader = PlateRecognizer.from_files(tmp_path / "recognizer.onnx", tmp_path / "recognizer.yaml")
    crop = np.random.default_rng(4).integers(0, 256, (48, 144, 3)).astype(np.uint8)
    with torch.inference_mode():
        outputs = network(torch.from_numpy(np.ascontiguousarray(crop[None, :, :, ::-1])))
    expected = (outputs.plate / 2.0).softmax(dim=-1)[0].numpy()
    for distribution in reader.recognize([crop, crop, crop]):
        np.testing.assert_allclose(distribution.char_probs, expected, atol=1e-4)
        assert distribution.style_probs.sum() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("is_eight_bit", [False, True])
def test_a_network_can_start_from_an_exported_one(tmp_path: Path, is_eight_bit: bool):
    needs_torch()
    import torch

    from training.recognizer.exporting import export, open_model
    from training.recognizer.network import PlateNetwork
    from training.recognizer.starting import start_from_model

    torch.manual_seed(0)
    crops = np.random.default_rng(4).integers(0, 256, (8, 48, 144, 3)).astype(np.uint8)
    trained = PlateNetwork()
    with torch.no_grad():
        for parameter in trained.parameters():  # equal ones, as before any training, are stored once
            parameter.add_(torch.randn_like(parameter) * 0.01)
    export(trained, 1.0, tmp_path / "recognizer.onnx", [crops] if is_eight_bit else None)
    started = PlateNetwork().eval()
    start_from_model(started, tmp_path / "recognizer.onnx")
    with torch.inference_mode():
        outputs = started(torch.from_numpy(crops))
    plate, style = open_model(tmp_path / "recognizer.onnx")(crops)
    tolerance = 0.02 if is_eight_bit else 1e-5
    np.testing.assert_allclose(outputs.plate.softmax(dim=-1).numpy(), plate, atol=tolerance)
    np.testing.assert_allclose(outputs.style.softmax(dim=-1).numpy(), style, atol=tolerance)


def test_a_network_with_a_second_look_starts_from_one_without_and_reads_as_it_did(tmp_path: Path):
    needs_torch()
    import onnx
    import torch

    from training.recognizer.exporting import export
    from training.recognizer.network import GRID, WIDTH, Outputs, PlateNetwork
    from training.recognizer.starting import start_from_model

    class Earlier(PlateNetwork):
        def forward(self, crops: torch.Tensor) -> Outputs:
            x = (crops.permute(0, 3, 1, 2).float() - 127.5) / 64.0
            tokens = self.stem(x).reshape(-1, WIDTH, GRID[0] * GRID[1]).transpose(1, 2) + self.pos
            tokens = self.nf(self.enc[0](tokens))
            slots = self.post[0](self.qs + self.red(self.qs, tokens, self.bias))
            return Outputs(self.head(self.n(slots)), self.typ(tokens.mean(dim=1)))

    torch.manual_seed(0)
    file = tmp_path / "recognizer.onnx"
    earlier, started = Earlier().eval(), PlateNetwork().eval()
    with torch.no_grad():
        for parameter in earlier.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    export(earlier, 1.0, file, None)
    start_from_model(started, file)
    crops = torch.randint(0, 256, (4, 48, 144, 3), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(started(crops).plate, earlier(crops).plate, atol=1e-4, rtol=1e-4)

    model = onnx.load(file)
    kept = [tensor for tensor in model.graph.initializer if tensor.name != "network.post.0.n1.bias"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, file)
    with pytest.raises(ValueError, match=r"lacks post\.0\.n1\.bias"):
        start_from_model(PlateNetwork(), file)


def test_eight_bits_make_a_smaller_file_with_the_same_answers(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.exporting import export, open_model
    from training.recognizer.network import PlateNetwork

    torch.manual_seed(0)
    crops = np.random.default_rng(4).integers(0, 256, (8, 48, 144, 3)).astype(np.uint8)
    network, full, small = PlateNetwork(), tmp_path / "full" / "r.onnx", tmp_path / "small" / "r.onnx"
    export(network, 1.0, full, None)
    export(network, 1.0, small, [crops])
    assert small.stat().st_size < 0.7 * full.stat().st_size
    np.testing.assert_allclose(open_model(small)(crops)[0], open_model(full)(crops)[0], atol=0.02)


def test_training_goes_on_from_its_checkpoint(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.feeding import Batch
    from training.recognizer.learning import LearnSettings, learn, load_average
    from training.recognizer.network import PlateNetwork

    batch = Batch(
        torch.zeros(4, 48, 144, 3, dtype=torch.uint8),
        torch.zeros(4, 8, dtype=torch.int64),
        torch.zeros(4, dtype=torch.int64),
        torch.ones(4),
    )
    checkpoint = tmp_path / "run.pt"
    steps: list[int] = []
    for minutes in (0.005, 0.01):
        learn(PlateNetwork(), iter(lambda: batch, None), LearnSettings(checkpoint, minutes), lambda _: None)
        steps.append(int(torch.load(checkpoint, weights_only=True)["step"]))
    assert 0 < steps[0] < steps[1]
    assert not load_average(checkpoint).training


def test_a_suspended_process_loses_none_of_its_schedule(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.feeding import Batch
    from training.recognizer.learning import LearnSettings, learn
    from training.recognizer.network import PlateNetwork

    batch = Batch(
        torch.zeros(1, 48, 144, 3, dtype=torch.uint8),
        torch.zeros(1, 8, dtype=torch.int64),
        torch.zeros(1, dtype=torch.int64),
        torch.ones(1),
    )
    settings = LearnSettings(tmp_path / "run.pt", minutes=0.001, longest_step_s=0.001)
    learn(PlateNetwork(), iter(lambda: batch, None), settings, lambda _: None)
    assert int(torch.load(settings.checkpoint, weights_only=True)["step"]) >= 60


def test_temperature_undoes_boasting():
    needs_torch()
    import torch

    from training.recognizer.calibrating import fit_temperature
    from training.recognizer.network import Outputs, PlateNetwork

    class Boaster(PlateNetwork):
        """Right in three of four crops, but always nearly certain."""

        def forward(self, crops: torch.Tensor) -> Outputs:
            plate = torch.zeros(len(crops), 8, len(ALPHABET))
            plate[:, :, ALPHABET.index("1")] = 8.0
            return Outputs(plate, torch.zeros(len(crops), len(PLATE_STYLES)))

    view = np.zeros((56, 168, 3), np.uint8)
    crops = [RealCrop("s", "2" * 8 if index % 4 == 0 else "1" * 8, "blue", view, None) for index in range(40)]
    assert fit_temperature(Boaster(), crops) > 1.3
